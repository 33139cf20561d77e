"""STCN: Building an End-to-End Spatial-Temporal Convolutional Network for Video Super-Resolution
(Guo and Chao, AAAI 2017).

Known from Liu et al.'s survey of video super-resolution (2022): upsampled LR frames, 20
convolutions (3x3, 64 filters) on each, 3 layers of a bidirectional multi-scale ConvLSTM, one
convolution for the reconstruction. RISTN's text counts 23 layers. No public code or text that we
could read states the scales and the width of an LSTM layer, or whether the frame itself is added to
the output. Here each layer has parallel 3x3 and 5x5 convolutions and as many channels as the
spatial layers (a quarter for each kernel in each direction), and the network estimates the residual
of bicubic interpolation.
"""

from collections.abc import Sequence

from mmagic.registry import MODELS
from torch import Tensor, nn

from harness.networks.convlstm import BidirectionalConvLSTM
from harness.networks.luma import luma, with_luma
from harness.networks.stacked_lstm import StackedLSTMNet
from harness.networks.upsample import bicubic


@MODELS.register_module()
class STCNNet(StackedLSTMNet):
    """STCN on the luma of bicubically upsampled frames; chroma is upsampled bicubically.

    1,956,993 parameters, 1,254,144 of them in the LSTM. Its states are those of
    :class:`StackedLSTMNet`, at the size of the SR frame (``lstm_scale``), so that they need 16
    times the memory of RISTN's. The paper starts every window of 5 frames from the initial state,
    as does :class:`WindowedInference` around this network.

    Args:
        mid_channels: Width of the spatial convolutions; the LSTM has half of it in each direction.
        num_convs: Number of spatial convolutions.
        layers: Bidirectional layers of the ConvLSTM.
        kernels: Kernel sizes of its layers; each has an equal share of the channels.
        degradation: Degradation of the LR frames, ``'bi'`` or ``'bd'``; see
            :func:`~.upsample.bicubic`.
        cond_channels: Constant planes that the first ConvLSTM layer reads with the features.
    """

    lstm_scale = 4

    def __init__(
        self,
        mid_channels: int = 64,
        num_convs: int = 20,
        layers: int = 3,
        kernels: Sequence[int] = (3, 5),
        degradation: str = 'bi',
        cond_channels: int = 0,
    ) -> None:
        super().__init__()
        self.degradation = degradation
        convs: list[nn.Module] = []
        for i in range(num_convs):
            conv = nn.Conv2d(mid_channels if i else 1, mid_channels, 3, padding=1)
            assert conv.bias is not None
            nn.init.kaiming_normal_(conv.weight, nonlinearity='relu')
            nn.init.zeros_(conv.bias)
            convs += [conv, nn.ReLU(inplace=True)]
        self.spatial = nn.Sequential(*convs)
        self.temporal = BidirectionalConvLSTM(
            'C', layers, mid_channels // 2, cond_channels, kernels
        )
        self.reconstruction = nn.Conv2d(mid_channels, 1, 3, padding=1)

    @property
    def lstm(self) -> BidirectionalConvLSTM:
        return self.temporal

    def spatial_features(self, lrs: Tensor) -> Tensor:
        return self.spatial(luma(bicubic(lrs, self.degradation)))

    def reconstruct(self, lrs: Tensor, spatial: Tensor, x: Tensor, *outputs: Tensor) -> Tensor:
        frames = bicubic(lrs, self.degradation)
        detail = self.reconstruction(self.temporal.combine(x, *outputs))
        return with_luma(frames, luma(frames) + detail)
