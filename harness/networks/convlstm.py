"""A ConvLSTM layer, and RISTN's bidirectional stacks with shortcuts (Zhu et al., AAAI 2019).

Shapes: B batch, T frames, R boundaries per video, L layers, G growth (hidden channels of one layer
in one direction), C channels, H x W LR size.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from harness.networks.recurrent import State, States, branch_cond

#: name -> (dense, residual), Fig. 4
CONNECTIONS = {'C': (False, False), 'RC': (False, True), 'DC': (True, False), 'RDC': (True, True)}


class _MultiScaleGates(nn.Module):
    """Parallel convolutions of several kernel sizes, each with an equal share of every gate."""

    def __init__(self, in_channels: int, growth: int, kernels: Sequence[int], bias: bool) -> None:
        super().__init__()
        if growth % len(kernels):
            raise ValueError(
                f'{growth} channels cannot be divided equally among {len(kernels)} kernels'
            )
        self.convs = nn.ModuleList(
            nn.Conv2d(in_channels, 4 * growth // len(kernels), k, padding=k // 2, bias=bias)
            for k in kernels
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 4G, H, W), gate after gate."""
        shares = [conv(x).unflatten(1, (4, -1)) for conv in self.convs]
        return torch.cat(shares, 2).flatten(1, 2)


def _gates(in_channels: int, growth: int, kernels: Sequence[int], bias: bool) -> nn.Module:
    if len(kernels) > 1:
        return _MultiScaleGates(in_channels, growth, kernels, bias)
    return nn.Conv2d(in_channels, 4 * growth, kernels[0], padding=kernels[0] // 2, bias=bias)


class ConvLSTM(nn.Module):
    """One layer in one direction: an LSTM with convolutions instead of products (no peepholes).

    Weights are initialised from a normal distribution with standard deviation 0.02, as in RISTN's
    published code.

    Args:
        in_channels: C of the input.
        growth: G.
        kernels: Kernel sizes of the convolutions; each has an equal share of the G channels.

    Raises:
        ValueError: The number of kernels does not divide G.
    """

    #: number of frames convolved in one batch, so that memory does not grow with the video
    chunk = 16

    def __init__(self, in_channels: int, growth: int, kernels: Sequence[int] = (3,)) -> None:
        super().__init__()
        self.from_input = _gates(in_channels, growth, kernels, bias=True)
        self.from_hidden = _gates(growth, growth, kernels, bias=False)
        for conv in self.modules():
            if isinstance(conv, nn.Conv2d):
                nn.init.normal_(conv.weight, std=0.02)

    def forward(
        self,
        inputs: list[Tensor],
        state: tuple[Tensor, Tensor],
        backward: bool,
        valid: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Hidden and cell state at all boundaries, (B, T+1, G, H, W) each.

        Args:
            inputs: (B, T, C_i, H, W), which are concatenated.
            state: Hidden and cell state (B, G, H, W) before the first visited frame.
            backward: Run from the last frame to the first; the state at boundary t is then the
                state after frame t.
            valid: Mask (B, T) of the frames that belong to their video; any other frame resets the
                state to ``state``.
        """
        frames = inputs[0].size(1)
        hidden, cell = state
        at_boundaries = [state]
        for begin in range(0, frames, self.chunk):
            window = slice(begin, min(begin + self.chunk, frames))
            if backward:
                window = slice(frames - window.stop, frames - window.start)
            steps = self._gates_of_input(inputs, window)
            for i, gates in reversed(steps) if backward else steps:
                hidden, cell = self.step(gates, hidden, cell)
                if valid is not None:
                    inside = valid[:, i, None, None, None]
                    hidden = torch.where(inside, hidden, state[0])
                    cell = torch.where(inside, cell, state[1])
                at_boundaries.append((hidden, cell))
        if backward:
            at_boundaries.reverse()
        hiddens, cells = zip(*at_boundaries, strict=True)
        return torch.stack(hiddens, 1), torch.stack(cells, 1)

    def _gates_of_input(self, inputs: list[Tensor], window: slice) -> list[tuple[int, Tensor]]:
        """(frame number, the input's contribution to its gates) for a range of frames."""
        clip = torch.cat([x[:, window] for x in inputs], 2)
        gates = self.from_input(clip.flatten(0, 1)).unflatten(0, clip.shape[:2])
        return list(zip(range(window.start, window.stop), gates.unbind(1), strict=True))

    def step(self, gates: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden and cell state after a frame whose input contributes ``gates`` (B, 4G, H, W)."""
        gates = gates + self.from_hidden(hidden)
        written, kept, shown, candidate = gates.chunk(4, 1)
        cell = kept.sigmoid() * cell + written.sigmoid() * candidate.tanh()
        return shown.sigmoid() * cell.tanh(), cell


class BidirectionalConvLSTM(nn.Module):
    """C-, RC-, DC- or RDC-LSTM (Fig. 4, Eq. 6).

    A layer's output is the concatenation of both directions. Its input is the output of the
    previous layer (C, RC) or of all previous layers (DC, RDC); the stack's output is that of the
    last layer or of all layers, respectively. With a residual connection (RC, RDC) the stack's
    input is added. Input and output have the same number of channels, ``channels``.

    The state of a direction is ``h`` and ``c``, hidden and cell states (L, G, H, W) of its layers.

    Args:
        connection: ``'C'``, ``'RC'``, ``'DC'`` or ``'RDC'``.
        layers: L.
        growth: G. The paper states it for RDC-LSTM only; the others use the same value here.
        cond_channels: Constant planes concatenated to the first layer's input.
        kernels: As in :class:`ConvLSTM`.
    """

    def __init__(
        self,
        connection: str,
        layers: int,
        growth: int,
        cond_channels: int = 0,
        kernels: Sequence[int] = (3,),
    ) -> None:
        super().__init__()
        self.dense, self.residual = CONNECTIONS[connection]
        self.growth = growth
        self.cond_channels = cond_channels
        width = 2 * growth
        self.channels = width * layers if self.dense else width
        inputs = [self.channels + cond_channels]
        inputs += [width * i if self.dense else width for i in range(1, layers)]
        self.forward_layers = nn.ModuleList(ConvLSTM(i, growth, kernels) for i in inputs)
        self.backward_layers = nn.ModuleList(ConvLSTM(i, growth, kernels) for i in inputs)

    def unroll(
        self,
        x: Tensor,
        starts: Tensor,
        ends: Tensor,
        states: States | None = None,
        cond: Tensor | None = None,
        lengths: Tensor | None = None,
    ) -> tuple[list[Tensor], States]:
        """Runs all layers; :meth:`combine` turns the result into the stack's output.

        Args:
            x: (B, T, channels, H, W).
            starts: (B, R) boundaries 0..T whose forward states are wanted.
            ends: (B, R) boundaries 0..T whose backward states are wanted.
            states: The states at both ends; None is all zeros.
            cond: (B, T, cond_channels, 1, 1); with twice as many channels, the first half is for
                the forward layers and the second half for the backward layers.
            lengths: (B,) number of frames of each video, the rest is padding; None: all have T.

        Returns:
            The layers' outputs (B, T, 2G, H, W), and states whose tensors are (B, R, L, G, H, W).
        """
        batch, frames, _, height, width = x.shape
        zeros = x.new_zeros(batch, self.growth, height, width)
        forward, backward = states or (None, None)
        valid = None
        if lengths is not None:
            valid = torch.arange(frames, device=x.device) < lengths[:, None]
        outputs: list[Tensor] = []
        kept_forward, kept_backward = [], []
        layers = zip(self.forward_layers, self.backward_layers, strict=True)
        for i, (forward_layer, backward_layer) in enumerate(layers):
            ahead, back = (self._inputs(i, x, outputs, cond, b) for b in (False, True))
            past = forward_layer(ahead, _of_layer(forward, i, zeros), False)
            future = backward_layer(back, _of_layer(backward, i, zeros), True, valid)
            kept_forward.append(_at(past, starts))
            kept_backward.append(_at(future, ends))
            outputs.append(torch.cat([past[0][:, 1:], future[0][:, :-1]], 2))
        return outputs, States(_stack(kept_forward), _stack(kept_backward))

    def sweep(
        self,
        layer: int,
        backward: bool,
        x: Tensor | None,
        outputs: list[Tensor],
        state: State | None,
        cond: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """One layer in one direction, clip by clip.

        Args:
            layer, backward: The layer and the direction to run.
            x: (B, T, channels, H, W), read by the first layer only; may be None for the others.
            outputs: Outputs (B, T, 2G, H, W) of the layers before it.
            state: ``h`` and ``c`` (B, G, H, W) returned for the previous clip; None: zeros.
            cond: As for :meth:`unroll`.

        Returns:
            This direction's half of the layer's output (B, T, G, H, W), and its state.
        """
        run = (self.backward_layers if backward else self.forward_layers)[layer]
        inputs = self._inputs(layer, x, outputs, cond, backward)
        zeros = inputs[0].new_zeros(len(inputs[0]), self.growth, *inputs[0].shape[-2:])
        start = (zeros, zeros) if state is None else (state['h'], state['c'])
        hiddens, cells = run(inputs, start, backward)
        end, half = (0, hiddens[:, :-1]) if backward else (-1, hiddens[:, 1:])
        return half, {'h': hiddens[:, end], 'c': cells[:, end]}

    def _inputs(
        self,
        layer: int,
        x: Tensor | None,
        outputs: list[Tensor],
        cond: Tensor | None,
        backward: bool,
    ) -> list[Tensor]:
        """The inputs of a layer, to be concatenated."""
        if layer:
            return outputs if self.dense else outputs[-1:]
        assert x is not None
        planes = branch_cond(cond, self.cond_channels, backward)
        return [x] if planes is None else [x, planes.expand(-1, -1, -1, *x.shape[-2:])]

    def combine(self, x: Tensor, *outputs: Tensor) -> Tensor:
        """X_out of Eq. 6 for a batch of frames (B, C, H, W), from input and all layers' outputs."""
        out = torch.cat(outputs, 1) if self.dense else outputs[-1]
        return x + out if self.residual else out


def _of_layer(state: State | None, layer: int, zeros: Tensor) -> tuple[Tensor, Tensor]:
    return (zeros, zeros) if state is None else (state['h'][:, layer], state['c'][:, layer])


def _at(hidden_and_cell: tuple[Tensor, Tensor], boundaries: Tensor) -> tuple[Tensor, Tensor]:
    """(B, T+1, ...) -> (B, R, ...)."""
    videos = torch.arange(len(boundaries), device=boundaries.device)[:, None]
    hidden, cell = hidden_and_cell
    return hidden[videos, boundaries], cell[videos, boundaries]


def _stack(layers: list[tuple[Tensor, Tensor]]) -> State:
    hiddens, cells = zip(*layers, strict=True)
    return {'h': torch.stack(hiddens, 2), 'c': torch.stack(cells, 2)}
