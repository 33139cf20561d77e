"""Common base of RISTN and STCN, whose memory is a stack of bidirectional ConvLSTM layers."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from harness.networks.boundaries import sent
from harness.networks.convlstm import BidirectionalConvLSTM
from harness.networks.recurrent import RecurrentNet, State, States, StateShapes, Sweep, Unrolled


class StackedLSTMNet(RecurrentNet):
    """Runs a spatial part per frame, then :attr:`lstm` over all frames, then a tail per frame.

    The state of either direction is ``h`` and ``c``: hidden and cell states (layers, growth, H, W)
    of all layers in that direction, at the size of the features. Layers are bidirectional and
    stacked, so that a state at any boundary depends on the whole video.
    """

    bidirectional = True
    #: size of the features relative to the LR frame
    lstm_scale = 1

    @property
    def lstm(self) -> BidirectionalConvLSTM:
        """The temporal part."""
        raise NotImplementedError

    def spatial_features(self, lrs: Tensor) -> Tensor:
        """Features (N, C, H, W) of LR frames (N, 3, H, W)."""
        raise NotImplementedError

    def lstm_input(self, spatial: Tensor) -> Tensor:
        """The LSTM's input, computed from the spatial features."""
        return spatial

    def reconstruct(self, lrs: Tensor, spatial: Tensor, x: Tensor, *outputs: Tensor) -> Tensor:
        """SR frames (N, 3, 4H, 4W) from LR frames, features, LSTM input and layers' outputs."""
        raise NotImplementedError

    def losses(self) -> dict[str, Tensor]:
        """Further losses (see :class:`Unrolled`)."""
        return {}

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        size = self.lstm_scale * height, self.lstm_scale * width
        shapes: StateShapes = dict.fromkeys(
            'hc', (len(self.lstm.forward_layers), self.lstm.growth, *size)
        )
        return shapes, dict(shapes)

    def unroll(
        self, lrs: Tensor, states: States | None = None, cond: Tensor | None = None
    ) -> Unrolled:
        spatial = self.per_frame(self.spatial_features, lrs)
        x = self.per_frame(self.lstm_input, spatial)
        first = torch.zeros(len(lrs), 1, dtype=torch.long, device=lrs.device)
        outputs, after = self.lstm.unroll(x, first + lrs.size(1), first, states, cond)
        frames = self.per_frame(self.reconstruct, lrs, spatial, x, *outputs)
        return Unrolled(frames, after.map(lambda s: s[:, 0]), losses=self.losses())

    def sweeps(self) -> list[Sweep]:
        """The spatial part, then one sweep for each direction of each layer."""
        chain = [Sweep(False, self._spatial_sweep)]
        for layer in range(len(self.lstm.forward_layers)):
            for backward in (True, False):
                chain.append(Sweep(backward, partial(self._layer_sweep, layer, backward)))
        return [*chain[:-1], Sweep(False, self._last_sweep)]

    def _spatial_sweep(
        self,
        lrs: Tensor,
        stored: Sequence[Sequence[Tensor]],
        state: State | None,
        cond: Tensor | None,
    ) -> tuple[Sequence[Tensor], State]:
        return self.per_frame(self.spatial_features, lrs).unbind(1), {}

    def _layer_sweep(
        self,
        layer: int,
        backward: bool,
        lrs: Tensor,
        stored: Sequence[Sequence[Tensor]],
        state: State | None,
        cond: Tensor | None,
    ) -> tuple[Sequence[Tensor], State]:
        x = None if layer else self.per_frame(self.lstm_input, _clip(stored[0]))
        outputs = _layer_outputs(stored[1 : 1 + 2 * layer])
        half, state = self.lstm.sweep(layer, backward, x, outputs, state, cond)
        return half.unbind(1), state

    def _last_sweep(
        self,
        lrs: Tensor,
        stored: Sequence[Sequence[Tensor]],
        state: State | None,
        cond: Tensor | None,
    ) -> tuple[Sequence[Tensor], State]:
        spatial = _clip(stored[0])
        x = self.per_frame(self.lstm_input, spatial)
        outputs = _layer_outputs(stored[1:-1])
        half, state = self.lstm.sweep(len(outputs), False, x, outputs, state, cond)
        outputs.append(torch.cat([half, _clip(stored[-1])], 2))
        return self.per_frame(self.reconstruct, lrs, spatial, x, *outputs).unbind(1), state

    @torch.no_grad()
    def states_at(
        self,
        lrs: Tensor,
        starts: Tensor,
        ends: Tensor,
        cond: Tensor | None = None,
        lengths: Tensor | None = None,
        initial: States | None = None,
    ) -> States:
        x = self.per_frame(lambda frames: self.lstm_input(self.spatial_features(frames)), lrs)
        starts, ends = sent(starts, x.device), sent(ends, x.device)
        lengths = None if lengths is None else sent(lengths, x.device)
        return self.lstm.unroll(x, starts, ends, initial, cond, lengths)[1]

    def per_frame(self, function: Callable[..., Tensor], *clips: Tensor) -> Tensor:
        """Applies a function of batches of images (N, C, H, W) to clips (B, T, C, H, W).

        In training all frames form one batch, over which batch norm computes its statistics;
        otherwise they are processed one by one, so that only results accumulate over a long video.
        """
        batch, frames = clips[0].shape[:2]
        step = frames if self.training else 1
        parts = [
            function(*(clip[:, i : i + step].flatten(0, 1) for clip in clips))
            for i in range(0, frames, step)
        ]
        return torch.cat([part.unflatten(0, (batch, -1)) for part in parts], 1)


def _clip(stored: Sequence[Tensor]) -> Tensor:
    """A sweep's output for the frames of a clip, as (B, T, C, H, W)."""
    return torch.stack(list(stored), 1)


def _layer_outputs(halves: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """Outputs of LSTM layers from those of their sweeps, alternately backward and forward."""
    pairs = zip(halves[1::2], halves[::2], strict=True)
    return [torch.cat([_clip(forward), _clip(backward)], 2) for forward, backward in pairs]
