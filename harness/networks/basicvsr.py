"""BasicVSR (Chan et al., CVPR 2021) on MMagic's network, with its memory made explicit."""

from collections.abc import Iterator, Sequence

import torch
from mmagic.models.archs import PixelShufflePack
from mmagic.models.editors.basicvsr.basicvsr_net import (
    BasicVSRNet,
    ResidualBlocksWithInputConv,
)
from mmagic.models.utils import flow_warp
from mmagic.registry import MODELS
from torch import Tensor, nn
from torch.nn.utils import parametrize

from harness.networks.flow import pretrained_spynet
from harness.networks.lipschitz import constrain
from harness.networks.recurrent import State, States, StateShapes, Sweep, Unrolled, branch_cond
from harness.networks.two_branches import TwoBranchNet


@MODELS.register_module()
class StatefulBasicVSRNet(TwoBranchNet, BasicVSRNet):
    """MMagic's ``BasicVSRNet`` with explicit states and the same parameter names.

    The forward state is ``feat``, the propagated feature (mid_channels, H, W), and ``lr``, the LR
    frame before the clip; the backward state is the same with the LR frame after the clip. Without
    states and options the output is bit-identical to MMagic's.

    Args:
        mid_channels: Channels of the propagated features.
        num_blocks: Residual blocks of each branch.
        spynet_pretrained: Path or URL of SPyNet weights in MMagic's format; None keeps the random
            initialisation.
        hr_channels: Channels of the reconstruction at HR size; 64 in MMagic.
        flow_net: Config of a flow module that replaces SPyNet (for instance ``DISFlow``, which has
            no weights to train).
        cond_channels: Constant planes concatenated to the LR frame where it enters the two
            recurrences (see :class:`FrameConditioned`).
        lipschitz: Bound on the operator norm of each convolution that the propagated features pass
            through (all convolutions of both branches), or its options (see :func:`constrain`).
            Nothing else is guaranteed: the map from feature to feature may still be expansive, as
            a residual block's Lipschitz constant may be 1 + bound**2 and warping may enlarge the
            norm.

    Raises:
        UserError: ``spynet_pretrained`` cannot be loaded.
    """

    #: HR pixels of the frames that a CPU reconstructs together
    cpu_hr_pixels = 2**15

    def __init__(
        self,
        mid_channels: int = 64,
        num_blocks: int = 30,
        spynet_pretrained: str | None = None,
        hr_channels: int = 64,
        flow_net: dict | None = None,
        cond_channels: int = 0,
        lipschitz: float | str | dict | None = None,
    ) -> None:
        BasicVSRNet.__init__(self, mid_channels, num_blocks)
        if flow_net is not None:
            self.spynet = MODELS.build(flow_net)
        elif spynet_pretrained:
            self.spynet = pretrained_spynet(spynet_pretrained)
        if hr_channels != 64:
            self.upsample2 = PixelShufflePack(mid_channels, hr_channels, 2, upsample_kernel=3)
            self.conv_hr = nn.Conv2d(hr_channels, hr_channels, 3, 1, 1)
            self.conv_last = nn.Conv2d(hr_channels, 3, 3, 1, 1)
        self.cond_channels = cond_channels
        if cond_channels:
            in_channels = mid_channels + 3 + cond_channels
            self.backward_resblocks = ResidualBlocksWithInputConv(
                in_channels, mid_channels, num_blocks
            )
            self.forward_resblocks = ResidualBlocksWithInputConv(
                in_channels, mid_channels, num_blocks
            )
        if lipschitz is not None:
            constrain([self.backward_resblocks, self.forward_resblocks], lipschitz, self)

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        shapes: StateShapes = {
            'feat': (self.mid_channels, height, width),
            'lr': (3, height, width),
        }
        return shapes, dict(shapes)

    def flow_between(self, references: Tensor, supportings: Tensor) -> Tensor:
        """Flow (B, T, 2, H, W) of (B, T, 3, H, W) pairs."""
        batch, frames, _, height, width = references.shape
        if frames == 0:
            return references.new_zeros(batch, 0, 2, height, width)
        flows = self.spynet(references.flatten(0, 1), supportings.flatten(0, 1))
        return flows.view(batch, frames, 2, height, width)

    def propagate(
        self,
        lrs: Tensor,
        state: State | None,
        cond: Tensor | None,
        backward: bool = False,
        flows: list[Tensor | None] | None = None,
    ) -> Iterator[tuple[int, Tensor]]:
        """Yields frame number and feature (B, mid_channels, H, W), in the branch's own order.

        ``flows`` are the branch's flows if they have already been computed.
        """
        frames = range(lrs.size(1))[::-1] if backward else range(lrs.size(1))
        resblocks = self.backward_resblocks if backward else self.forward_resblocks
        cond = branch_cond(cond, self.cond_channels, backward)
        if flows is None:
            flows = self._flows_to_previous(lrs, state, backward)
        feat = lrs.new_zeros(lrs.size(0), self.mid_channels, *lrs.shape[-2:])
        if state is not None:
            feat = state['feat']
        for i in frames:
            flow = flows[i]
            if flow is not None:
                # MMagic rounds positions to the feature's precision, which autocast may have halved
                feat = flow_warp(feat.to(lrs.dtype), flow.permute(0, 2, 3, 1))
            inputs = [lrs[:, i], feat]
            if cond is not None:
                inputs.append(cond[:, i].expand(-1, -1, *lrs.shape[-2:]))
            feat = resblocks(torch.cat(inputs, 1))
            yield i, feat

    def walk(
        self, lrs: Tensor, state: State | None, cond: Tensor | None, backward: bool
    ) -> Iterator[tuple[int, State]]:
        for i, feat in self.propagate(lrs, state, cond, backward):
            yield i, {'feat': feat, 'lr': lrs[:, i]}

    def _flows_to_previous(
        self, lrs: Tensor, state: State | None, backward: bool
    ) -> list[Tensor | None]:
        """For each frame the flow to the frame that its branch visits before it, or None."""
        pairs = _frame_pairs(lrs, state, backward)
        inner = self.flow_between(*pairs[0])
        outer = self.flow_between(*pairs[1]) if len(pairs) > 1 else None
        return _by_frame(inner, outer, backward)

    def _joint_flows(
        self, lrs: Tensor, forward: State | None, backward: State | None
    ) -> list[list[Tensor | None]]:
        """The flows of both branches in one batch, which is faster and equal up to rounding."""
        parts = [
            *_frame_pairs(lrs, forward, backward=False),
            *_frame_pairs(lrs, backward, backward=True),
        ]
        sizes = [reference.size(1) for reference, _ in parts]
        joint = self.flow_between(*(torch.cat(frames, 1) for frames in zip(*parts, strict=True)))
        flows = list(joint.split(sizes, 1))
        return [
            _by_frame(flows.pop(0), None if state is None else flows.pop(0), is_backward)
            for state, is_backward in ((forward, False), (backward, True))
        ]

    @parametrize.cached()
    def unroll(
        self, lrs: Tensor, states: States | None = None, cond: Tensor | None = None
    ) -> Unrolled:
        forward, backward = states or States()
        forward_flows = backward_flows = None
        if self.training:
            forward_flows, backward_flows = self._joint_flows(lrs, forward, backward)
        backward_feats, before = self._branch(lrs, backward, cond, True, backward_flows)
        forward_feats, after = self._branch(lrs, forward, cond, False, forward_flows)
        frames = self._reconstruct_all(lrs, backward_feats, forward_feats)
        return Unrolled(frames, States(after, before))

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
        feats, after = self._branch(lrs, state, cond)
        return self._reconstruct_all(lrs, stored[0], feats).unbind(1), after

    def _branch(
        self,
        lrs: Tensor,
        state: State | None,
        cond: Tensor | None,
        backward: bool = False,
        flows: list[Tensor | None] | None = None,
    ) -> tuple[list[Tensor], State]:
        """Features of all frames, in the video's order, and the state after the clip."""
        feats = dict(self.propagate(lrs, state, cond, backward, flows))
        last = 0 if backward else lrs.size(1) - 1
        after = {'feat': feats[last], 'lr': lrs[:, last]}
        return [feats[i] for i in range(lrs.size(1))], after

    def _reconstruct_all(
        self, lrs: Tensor, backward_feats: Sequence[Tensor], forward_feats: Sequence[Tensor]
    ) -> Tensor:
        """SR frames (B, T, 3, 4H, 4W).

        Reconstructing frame by frame, like MMagic, needs the least memory and is bit-identical to
        MMagic; in training several small frames are reconstructed together, which is faster.
        """
        size = self._frames_together(lrs) if self.training else 1
        parts: list[Tensor] = []
        for first in range(0, lrs.size(1), size):
            numbers = range(first, min(first + size, lrs.size(1)))
            feats = [torch.cat([f[i] for i in numbers]) for f in (backward_feats, forward_feats)]
            clip = torch.cat([lrs[:, i] for i in numbers])
            parts += self.reconstruct(clip, *feats).split(lrs.size(0))
        return torch.stack(parts, 1)

    def _frames_together(self, lrs: Tensor) -> int:
        """All frames on a GPU; on a CPU as many as its caches can hold."""
        if lrs.is_cuda:
            return lrs.size(1)
        hr_pixels = 16 * lrs.size(0) * lrs.size(-2) * lrs.size(-1)
        return max(1, self.cpu_hr_pixels // hr_pixels)

    def reconstruct(self, lr: Tensor, backward_feat: Tensor, forward_feat: Tensor) -> Tensor:
        """One SR frame from the features of both branches."""
        out = self.lrelu(self.fusion(torch.cat([backward_feat, forward_feat], 1)))
        out = self.lrelu(self.upsample1(out))
        out = self.lrelu(self.upsample2(out))
        out = self.lrelu(self.conv_hr(out))
        return self.conv_last(out) + self.img_upsample(lr)


def _frame_pairs(lrs: Tensor, state: State | None, backward: bool) -> list[tuple[Tensor, Tensor]]:
    """Frames (B, n, 3, H, W) and the neighbours their flows lead to: in the clip, at its end."""
    inner = (lrs[:, :-1], lrs[:, 1:]) if backward else (lrs[:, 1:], lrs[:, :-1])
    if state is None:
        return [inner]
    return [inner, (lrs[:, -1:] if backward else lrs[:, :1], state['lr'][:, None])]


def _by_frame(inner: Tensor, outer: Tensor | None, backward: bool) -> list[Tensor | None]:
    """Flows (B, n, 2, H, W) as a list with one entry per frame of the clip."""
    end = [None if outer is None else outer[:, 0]]
    return [*inner.unbind(1), *end] if backward else [*end, *inner.unbind(1)]
