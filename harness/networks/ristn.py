"""RISTN: Residual Invertible Spatio-Temporal Network (Zhu et al., AAAI 2019)."""

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from mmagic.registry import MODELS
from torch import Tensor, nn

from harness.errors import fail
from harness.networks.convlstm import CONNECTIONS, BidirectionalConvLSTM
from harness.networks.invertible import BLOCKS, SpatialComponent, bn_relu
from harness.networks.recurrent import States, StateShapes, Sweep, Unrolled
from harness.networks.stacked_lstm import StackedLSTMNet


class _MatrixFusion(nn.Module):
    """Multiplies temporal (mapped to C channels) and spatial features (C) by a 2C x C matrix.

    Eqs. 7 and 8. ``weight`` is the factor lambda of the matrix's L1 norm in the loss, which makes
    the matrix sparse.
    """

    def __init__(self, channels: int, weight: float) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.empty(2 * channels, channels))
        nn.init.normal_(self.matrix, std=0.01)  # as in the published code
        self.weight = weight

    def forward(self, temporal: Tensor, spatial: Tensor) -> Tensor:
        return F.conv2d(torch.cat([temporal, spatial], 1), self.matrix.t()[:, :, None, None])

    def losses(self) -> dict[str, Tensor]:
        return {'loss_sparsity': self.weight * self.matrix.abs().sum()} if self.weight else {}


class _TemporalOnly(nn.Module):
    """RISTN-NF: the reconstruction reads temporal features only."""

    def forward(self, temporal: Tensor, spatial: Tensor) -> Tensor:
        return temporal

    def losses(self) -> dict[str, Tensor]:
        return {}


class _TemporalComponent(nn.Module):
    """Spatial features of a clip -> spatio-temporal features of the same shape.

    ``map_in`` maps spatial features to the channels of the LSTM, so that its input can be added to
    its output; ``map_out`` maps them back (Eq. 7). The batch norms and ReLUs around the two and the
    convolution after the fusion are not in the paper's text but in the published code.
    """

    def __init__(
        self, channels: int, lstm: BidirectionalConvLSTM, fusion: _MatrixFusion | _TemporalOnly
    ) -> None:
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
        """Fuses spatial features with the LSTM's input and outputs, for one batch of frames."""
        temporal = self.map_out(self.lstm.combine(x, *outputs))
        return self.equalize(self.fusion(temporal, spatial))


class _Reconstruction(nn.Module):
    """Two deconvolutions and RGB; convolution, batch norm and PReLU from the published code."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        padding = kernel - 2  # doubles the size for kernels of 2 and 3
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


def _check(name: str, value: str | None, allowed: Iterable[str | None]) -> None:
    if value not in allowed:
        raise ValueError(f'{name} must be one of {", ".join(map(repr, allowed))}, got {value!r}')


@MODELS.register_module()
class RISTNNet(StackedLSTMNet):
    """RISTN and its ablations.

    With default arguments it has 3,803,120 parameters, 2,213,120 of them in the LSTM; spatial-only
    1,227,760 (Table 1: 1.21 M).

    Its states are those of :class:`StackedLSTMNet`, at the size of the LR frame. Without gradients,
    memory grows by 3.6 kB per LR pixel of the video; in sweeps a temporary file grows by 2.2 kB per
    LR pixel. In training, batch norm uses the statistics of all frames of a batch of clips, while
    the states from which clips start were computed with running statistics.

    Args:
        block: Blocks of the spatial component: ``'RIB'``, ``'IB'`` (no residual connection) or
            ``'RB'`` (no invertible structure) (Table 1).
        bottlenecks: Bottlenecks of each block, for each of the two branches.
        temporal: Connections of the ConvLSTM: ``'C'``, ``'RC'``, ``'DC'`` or ``'RDC'`` (Table 3);
            None: spatial component and reconstruction only, each frame on its own (Table 1).
        layers: Bidirectional layers of the ConvLSTM.
        growth: Hidden channels of each layer in each direction.
        fusion: ``'sparse'``; ``'dense'``: the same without the L1 term (RISTN-DF); ``'none'``:
            the reconstruction does not read spatial features (RISTN-NF) (Table 2).
        sparsity: Lambda of Eq. 10, weight of the fusion matrix's L1 norm in the loss.
        deconv_kernel: 2 as in the published code, which gives the paper's spatial-only size, or
            3 as in the paper's text (1,883,120 spatial-only).
        cond_channels: Constant planes concatenated to each frame's features at the input of the
            first ConvLSTM layer. The spatial component does not read them, as it has no memory and
            no weights of its own for its zero channels.

    Raises:
        ValueError: An option is unknown, or a network without recurrence has ``cond_channels``.
    """

    def __init__(
        self,
        block: str = 'RIB',
        bottlenecks: Sequence[Sequence[int]] = ((6, 8, 10, 10), (6, 6, 12, 6)),
        temporal: str | None = 'RDC',
        layers: int = 10,
        growth: int = 16,
        fusion: str = 'sparse',
        sparsity: float = 5e-7,
        deconv_kernel: int = 2,
        cond_channels: int = 0,
    ) -> None:
        super().__init__()
        _check('block', block, BLOCKS)
        _check('temporal', temporal, [*CONNECTIONS, None])
        _check('fusion', fusion, ['sparse', 'dense', 'none'])
        self.spatial = SpatialComponent(block, bottlenecks)
        channels = self.spatial.out_channels
        self.bidirectional = temporal is not None
        if temporal is not None:
            lstm = BidirectionalConvLSTM(temporal, layers, growth, cond_channels)
            weights = {'sparse': sparsity, 'dense': 0.0}
            fuse: _MatrixFusion | _TemporalOnly = (
                _MatrixFusion(channels, weights[fusion]) if fusion in weights else _TemporalOnly()
            )
            self.temporal = _TemporalComponent(channels, lstm, fuse)
        elif cond_channels:
            raise ValueError('a spatial-only RISTN has no recurrence for cond_channels')
        self.reconstruction = _Reconstruction(channels, deconv_kernel)

    @property
    def lstm(self) -> BidirectionalConvLSTM:
        return self.temporal.lstm

    def spatial_features(self, lrs: Tensor) -> Tensor:
        return self.spatial(lrs)

    def lstm_input(self, spatial: Tensor) -> Tensor:
        return self.temporal.map_in(spatial)

    def reconstruct(self, lrs: Tensor, spatial: Tensor, x: Tensor, *outputs: Tensor) -> Tensor:
        return self.reconstruction(self.temporal.fuse(spatial, x, *outputs))

    def losses(self) -> dict[str, Tensor]:
        return self.temporal.fusion.losses()

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        return super().state_shapes(height, width) if self.bidirectional else ({}, {})

    def unroll(
        self, lrs: Tensor, states: States | None = None, cond: Tensor | None = None
    ) -> Unrolled:
        if self.bidirectional:
            return super().unroll(lrs, states, cond)
        features = self.per_frame(self.spatial, lrs)
        return Unrolled(self.per_frame(self.reconstruction, features), States())

    def sweeps(self) -> list[Sweep]:
        return super().sweeps() if self.bidirectional else []

    def states_at(
        self,
        lrs: Tensor,
        starts: Tensor,
        ends: Tensor,
        cond: Tensor | None = None,
        lengths: Tensor | None = None,
        initial: States | None = None,
    ) -> States:
        if not self.bidirectional:
            fail('a spatial-only RISTN has no states; train it with RIBPTTLoop')
        return super().states_at(lrs, starts, ends, cond, lengths, initial)
