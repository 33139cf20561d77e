"""RISTN: Residual Invertible Spatio-Temporal Network (Zhu et al., AAAI 2019)."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Optional

import torch
import torch.nn.functional as F
from mmagic.registry import MODELS
from torch import Tensor, nn

from harness.errors import fail

from .convlstm import CONNECTIONS, BidirectionalConvLSTM
from .invertible import BLOCKS, SpatialComponent, bn_relu
from .recurrent import RecurrentNet, States, Sweep, Unrolled


class _MatrixFusion(nn.Module):
    """Temporal (mapped to C channels) and spatial features (C) times a 2C x C matrix (Eqs. 7, 8).

    ``weight``, lambda of the L1 norm of the matrix in the loss, is what makes the matrix sparse.
    """

    def __init__(self, channels: int, weight: float):
        super().__init__()
        self.matrix = nn.Parameter(torch.empty(2 * channels, channels))
        nn.init.normal_(self.matrix, std=0.01)  # as in the published code
        self.weight = weight

    def forward(self, temporal: Tensor, spatial: Tensor) -> Tensor:
        return F.conv2d(torch.cat([temporal, spatial], 1), self.matrix.t()[:, :, None, None])

    def losses(self) -> dict[str, Tensor]:
        return {'loss_sparsity': self.weight * self.matrix.abs().sum()} if self.weight else {}


class _TemporalOnly(nn.Module):
    """RISTN-NF: only temporal features go on to the reconstruction."""

    def forward(self, temporal: Tensor, spatial: Tensor) -> Tensor:
        return temporal

    def losses(self) -> dict[str, Tensor]:
        return {}


class _TemporalComponent(nn.Module):
    """Spatial features of a clip -> spatio-temporal features of the same shape.

    ``map_in`` brings spatial features to the channels of the LSTM, so that its input can be added
    to its output; ``map_out`` brings them back (Eq. 7). The batch norms and ReLUs around the two
    and the convolution after the fusion are not in the paper's text but in the published code.
    """

    def __init__(self, channels: int, lstm: BidirectionalConvLSTM, fusion: nn.Module):
        super().__init__()
        self.map_in = nn.Sequential(
            *bn_relu(channels), nn.Conv2d(channels, lstm.channels, 1, bias=False)
        )
        self.lstm = lstm
        self.map_out = nn.Sequential(
            nn.Conv2d(lstm.channels, channels, 1, bias=False), *bn_relu(channels)
        )
        self.fusion = fusion
        self.equalize = nn.Sequential(nn.Conv2d(channels, channels, 1), *bn_relu(channels))

    def fuse(self, spatial: Tensor, x: Tensor, *outputs: Tensor) -> Tensor:
        """One batch of frames: what goes into and comes out of the LSTM, with spatial features."""
        temporal = self.map_out(self.lstm.combine(x, *outputs))
        return self.equalize(self.fusion(temporal, spatial))


class _Reconstruction(nn.Module):
    """Two deconvolutions and RGB; convolution, batch norm and PReLU from the published code."""

    def __init__(self, channels: int, kernel: int):
        super().__init__()
        padding = kernel - 2  # gives twice the size for kernels of 2 and 3
        self.equalize = nn.Sequential(
            nn.Conv2d(channels, channels, 1, bias=False), *bn_relu(channels)
        )
        self.upscale = nn.Sequential()
        for _ in range(2):
            self.upscale.append(
                nn.ConvTranspose2d(
                    channels, channels, kernel, 2, padding, output_padding=padding, bias=False
                )
            )
            self.upscale.append(nn.PReLU())
        self.to_rgb = nn.Conv2d(channels, 3, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 3, 4H, 4W)."""
        return self.to_rgb(self.upscale(self.equalize(x)))


def _check(name: str, value: Optional[str], allowed: Iterable[Optional[str]]) -> None:
    if value not in allowed:
        raise ValueError(f'{name} is one of {", ".join(map(repr, allowed))}, got {value!r}')


@MODELS.register_module()
class RISTNNet(RecurrentNet):
    """RISTN and its ablations.

    With its default arguments 3,803,120 parameters, 2,213,120 of them the LSTM's; spatial-only
    1,227,760 (Table 1: 1.21 M).

    The state of either direction is ``h`` and ``c`` (layers, growth, H, W): hidden and cell states
    of all layers in that direction. Layers are bidirectional and stacked, so that a state at any
    boundary depends on the whole video; without gradient, memory grows with the video by 3.6 kB for
    each LR pixel of every frame, or in sweeps a temporary file by 2.2 kB. In training, batch norm
    takes its statistics over all frames of a batch of clips, while the states that clips start from
    came from running statistics.

    Args:
        block: blocks of the spatial component: ``'RIB'``, ``'IB'`` (no residual connection) or
            ``'RB'`` (no invertible structure) (Table 1).
        bottlenecks: of each block, for each of the two branches.
        temporal: connections of the ConvLSTM: ``'C'``, ``'RC'``, ``'DC'`` or ``'RDC'`` (Table 3);
            None: spatial component and reconstruction only, every frame by itself (Table 1).
        layers: bidirectional layers of the ConvLSTM.
        growth: hidden channels of each layer in each direction.
        fusion: ``'sparse'``; ``'dense'``: the same without L1 term (RISTN-DF); ``'none'``:
            spatial features leave the network where the LSTM begins (RISTN-NF) (Table 2).
        sparsity: lambda of Eq. 10, weight of the fusion matrix's L1 norm in the loss.
        deconv_kernel: 2 as in the published code, whose spatial-only size then is the paper's, or
            3 as in the paper's text (1,883,120 spatial-only).
        cond_channels: constant planes that enter the recurrence with the features of each LR frame,
            at the input of the first ConvLSTM layer. The spatial component does not get them: it
            has no memory, and its zero channels have no weights of their own that could be left
            at zero.

    Raises:
        ValueError: an unknown option, or planes for a network without recurrence.
    """

    def __init__(
        self,
        block: str = 'RIB',
        bottlenecks: Sequence[Sequence[int]] = ((6, 8, 10, 10), (6, 6, 12, 6)),
        temporal: Optional[str] = 'RDC',
        layers: int = 10,
        growth: int = 16,
        fusion: str = 'sparse',
        sparsity: float = 5e-7,
        deconv_kernel: int = 2,
        cond_channels: int = 0,
    ):
        super().__init__()
        _check('block', block, BLOCKS)
        _check('temporal', temporal, [*CONNECTIONS, None])
        _check('fusion', fusion, ['sparse', 'dense', 'none'])
        self.spatial = SpatialComponent(block, bottlenecks)
        channels = self.spatial.out_channels
        self.bidirectional = temporal is not None
        if self.bidirectional:
            lstm = BidirectionalConvLSTM(temporal, layers, growth, cond_channels)
            weights = {'sparse': sparsity, 'dense': 0.0}
            fuse = (
                _MatrixFusion(channels, weights[fusion]) if fusion in weights else _TemporalOnly()
            )
            self.temporal = _TemporalComponent(channels, lstm, fuse)
            self.shape = (layers, growth)
        elif cond_channels:
            raise ValueError('a spatial-only RISTN has no recurrence that could be conditioned')
        self.reconstruction = _Reconstruction(channels, deconv_kernel)

    def state_shapes(self, height, width):
        if not self.bidirectional:
            return {}, {}
        shapes = dict.fromkeys('hc', (*self.shape, height, width))
        return shapes, dict(shapes)

    def unroll(self, lrs, states=None, cond=None):
        features = self._per_frame(self.spatial, lrs)
        if not self.bidirectional:
            return Unrolled(self._per_frame(self.reconstruction, features), States())
        first = torch.zeros(len(lrs), 1, dtype=torch.long, device=lrs.device)
        x = self._per_frame(self.temporal.map_in, features)
        outputs, after = self.temporal.lstm.unroll(x, first + lrs.size(1), first, states, cond)
        frames = self._per_frame(self._reconstruct, features, x, *outputs)
        states = after.map(lambda s: s[:, 0])
        return Unrolled(frames, states, losses=self.temporal.fusion.losses())

    def sweeps(self):
        """The spatial component, and then each direction of each layer by itself."""
        if not self.bidirectional:
            return []
        chain = [Sweep(False, self._spatial_sweep)]
        for layer in range(self.shape[0]):
            for backward in (True, False):
                chain.append(Sweep(backward, partial(self._layer_sweep, layer, backward)))
        return [*chain[:-1], Sweep(False, self._last_sweep)]

    def _spatial_sweep(self, lrs, stored, state, cond):
        return self._per_frame(self.spatial, lrs).unbind(1), {}

    def _layer_sweep(self, layer, backward, lrs, stored, state, cond):
        x = None if layer else self._per_frame(self.temporal.map_in, _clip(stored[0]))
        outputs = _layer_outputs(stored[1 : 1 + 2 * layer])
        half, state = self.temporal.lstm.sweep(layer, backward, x, outputs, state, cond)
        return half.unbind(1), state

    def _last_sweep(self, lrs, stored, state, cond):
        spatial, lstm = _clip(stored[0]), self.temporal.lstm
        x = self._per_frame(self.temporal.map_in, spatial)
        outputs = _layer_outputs(stored[1:-1])
        half, state = lstm.sweep(len(outputs), False, x, outputs, state, cond)
        outputs.append(torch.cat([half, _clip(stored[-1])], 2))
        return self._per_frame(self._reconstruct, spatial, x, *outputs).unbind(1), state

    def _reconstruct(self, *features: Tensor) -> Tensor:
        return self.reconstruction(self.temporal.fuse(*features))

    @torch.no_grad()
    def states_at(self, lrs, starts, ends, cond=None, lengths=None, initial=None):
        if not self.bidirectional:
            fail('a spatial-only RISTN has no hidden states; train it with RIBPTTLoop')
        x = self._per_frame(lambda frames: self.temporal.map_in(self.spatial(frames)), lrs)
        starts, ends, lengths = (
            None if n is None else n.to(x.device) for n in (starts, ends, lengths)
        )
        return self.temporal.lstm.unroll(x, starts, ends, initial, cond, lengths)[1]

    def _per_frame(self, function: Callable[..., Tensor], *clips: Tensor) -> Tensor:
        """Applies a function of batches of images (N, C, H, W) to clips (B, T, C, H, W).

        In training all frames are one batch, of which batch norm takes its statistics; otherwise
        they go one by one, so that only results pile up over a long video.
        """
        batch, frames = clips[0].shape[:2]
        step = frames if self.training else 1
        parts = [
            function(*(clip[:, i : i + step].flatten(0, 1) for clip in clips))
            for i in range(0, frames, step)
        ]
        return torch.cat([part.unflatten(0, (batch, -1)) for part in parts], 1)


def _clip(stored: Sequence[Tensor]) -> Tensor:
    """What a sweep gave for the frames of a clip, (B, T, C, H, W)."""
    return torch.stack(list(stored), 1)


def _layer_outputs(halves: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """Outputs of LSTM layers from those of their backward and forward sweeps, one after another."""
    pairs = zip(halves[1::2], halves[::2], strict=True)
    return [torch.cat([_clip(forward), _clip(backward)], 2) for forward, backward in pairs]
