"""BRCN: Bidirectional Recurrent Convolutional Networks for Multi-Frame Super-Resolution (Huang et
al., NIPS 2015)."""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from mmagic.registry import MODELS
from torch import Tensor, nn

from harness.networks.luma import luma, with_luma
from harness.networks.recurrent import State, States, StateShapes, Sweep, Unrolled, branch_cond
from harness.networks.two_branches import TwoBranchNet
from harness.networks.upsample import bicubic


def _conv(in_channels: int, out_channels: int, kernel: int, bias: bool = False) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=bias)


class _Branch(nn.Module):
    """One direction: 3 layers, each of which also reads the layer below at the previous frame."""

    def __init__(self, cond_channels: int) -> None:
        super().__init__()
        self.feedforward = nn.ModuleList(
            [
                _conv(1 + cond_channels, 64, 9, bias=True),
                _conv(64, 32, 1, bias=True),
                _conv(32, 1, 5),
            ]
        )
        self.conditional = nn.ModuleList([_conv(1, 64, 9), _conv(64, 32, 1), _conv(32, 1, 5)])
        self.recurrent = nn.ModuleList([_conv(64, 64, 1), _conv(32, 32, 1)])

    def forward(
        self, x: Tensor, previous: list[Tensor], cond: Tensor | None
    ) -> tuple[Tensor, list[Tensor]]:
        """Output (B, 1, 4H, 4W) and the layers' inputs, which are the next frame's ``previous``."""
        inputs = x if cond is None else torch.cat([x, cond.expand(-1, -1, *x.shape[-2:])], 1)
        layers = [x]
        for layer in range(2):
            pre = self.feedforward[layer](inputs) + self.conditional[layer](previous[layer])
            inputs = F.relu(pre + self.recurrent[layer](previous[layer + 1]))
            layers.append(inputs)
        return self.feedforward[2](inputs) + self.conditional[2](previous[2]), layers


@MODELS.register_module()
class BRCNNet(TwoBranchNet):
    """BRCN with layers of 64 (9x9), 32 (1x1) and 1 (5x5) channels and 1x1 recurrent convolutions.

    It works on the luma of bicubically upsampled frames; chroma is upsampled bicubically. Each
    hidden layer sums convolutions of the layer below (feedforward), of the layer below at the
    previous frame (conditional) and of itself at the previous frame (recurrent); the output is the
    sum of a forward and a backward branch. 42,561 parameters. Borders are zero-padded.

    The states are ``h1`` and ``h2``, the hidden layers (64 and 32 channels, 4H, 4W), and ``lr``,
    the neighbouring LR frame.

    Args:
        degradation: Degradation of the LR frames, ``'bi'`` or ``'bd'``; see
            :func:`~.upsample.bicubic`.
        cond_channels: Constant planes concatenated to the current frame in the first layer (see
            :class:`FrameConditioned`).
    """

    def __init__(self, degradation: str = 'bi', cond_channels: int = 0) -> None:
        super().__init__()
        self.degradation = degradation
        self.cond_channels = cond_channels
        self.forward_branch = _Branch(cond_channels)
        self.backward_branch = _Branch(cond_channels)
        self.bias = nn.Parameter(torch.zeros(1))

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        size = 4 * height, 4 * width
        shapes: StateShapes = {'h1': (64, *size), 'h2': (32, *size), 'lr': (3, height, width)}
        return shapes, dict(shapes)

    def propagate(
        self, lrs: Tensor, state: State | None, cond: Tensor | None, backward: bool = False
    ) -> Iterator[tuple[int, Tensor, State]]:
        """Yields frame number, output (B, 1, 4H, 4W) and state, in the branch's own order."""
        branch = self.backward_branch if backward else self.forward_branch
        cond = branch_cond(cond, self.cond_channels, backward)
        state = state if state is not None else self.initial_states(lrs).forward or {}
        previous = [bicubic(luma(state['lr']), self.degradation), state['h1'], state['h2']]
        for i in range(lrs.size(1))[:: -1 if backward else 1]:
            x = bicubic(luma(lrs[:, i]), self.degradation)
            out, previous = branch(x, previous, None if cond is None else cond[:, i])
            yield i, out, {'h1': previous[1], 'h2': previous[2], 'lr': lrs[:, i]}

    def walk(
        self, lrs: Tensor, state: State | None, cond: Tensor | None, backward: bool
    ) -> Iterator[tuple[int, State]]:
        for i, _, after in self.propagate(lrs, state, cond, backward):
            yield i, after

    def unroll(
        self, lrs: Tensor, states: States | None = None, cond: Tensor | None = None
    ) -> Unrolled:
        forward, backward = states or States()
        futures, before = self._branch(lrs, backward, cond, backward=True)
        pasts, after = self._branch(lrs, forward, cond)
        return Unrolled(self._sum(lrs, pasts, futures), States(after, before))

    def sweeps(self) -> list[Sweep]:
        return [Sweep(True, self._backward_sweep), Sweep(False, self._forward_sweep)]

    def _backward_sweep(
        self,
        lrs: Tensor,
        stored: Sequence[Sequence[Tensor]],
        state: State | None,
        cond: Tensor | None,
    ) -> tuple[Sequence[Tensor], State]:
        return self._branch(lrs, state, cond, backward=True)

    def _forward_sweep(
        self,
        lrs: Tensor,
        stored: Sequence[Sequence[Tensor]],
        state: State | None,
        cond: Tensor | None,
    ) -> tuple[Sequence[Tensor], State]:
        outputs, after = self._branch(lrs, state, cond)
        return self._sum(lrs, outputs, stored[0]).unbind(1), after

    def _branch(
        self, lrs: Tensor, state: State | None, cond: Tensor | None, backward: bool = False
    ) -> tuple[list[Tensor], State]:
        """Outputs of all frames, in the video's order, and the state after the clip."""
        outputs = {}
        for i, out, after in self.propagate(lrs, state, cond, backward):  # noqa: B007
            outputs[i] = out
        return [outputs[i] for i in range(lrs.size(1))], after

    def _sum(self, lrs: Tensor, *branches: Sequence[Tensor]) -> Tensor:
        """SR frames (B, T, 3, 4H, 4W) from the outputs of both branches."""
        y = sum(torch.stack(list(outputs), 1) for outputs in branches) + self.bias
        chroma = bicubic(lrs.flatten(0, 1), self.degradation).unflatten(0, lrs.shape[:2])
        return with_luma(chroma, y)
