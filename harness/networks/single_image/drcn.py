"""DRCN: Deeply-Recursive Convolutional Network for Image Super-Resolution (Kim et al., CVPR 2016).

Public reimplementations (LoSealL/VideoSuperResolution and others) agree on the layers and widths
used here; the authors' MATLAB code is not in any repository that we could read. The paper's
recursive supervision is the further output ``recursions``; its weight, which decays in the paper,
is constant here (``output_losses``).
"""

import torch
import torch.nn.functional as F
from mmagic.registry import MODELS
from torch import Tensor, nn

from harness.networks.luma import rgb_to_ycbcr
from harness.networks.single_image.luma_image import LumaImageNet


def _conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)
    assert conv.bias is not None
    nn.init.kaiming_normal_(conv.weight, nonlinearity='relu')
    nn.init.zeros_(conv.bias)
    return conv


@MODELS.register_module()
class DRCNNet(LumaImageNet):
    """DRCN: applies one convolution 16 times to the bicubically enlarged luma.

    1,775,121 parameters (RISTN's Table 1: 1.75 M). After each recursion the same two convolutions
    compute an image from the features, as a correction of the enlarged image; the output is the
    weighted sum of these images. The recursion is initialised as the identity. It runs within one
    image: there are no states between frames.

    Its further output is ``recursions``, the images after each recursion (recursions, 1, 4H, 4W).

    Args:
        mid_channels: Width of the convolutions.
        recursions: Number of recursions.
        degradation: Degradation of the LR frames; see :class:`LumaImageNet`.
    """

    def __init__(
        self, mid_channels: int = 256, recursions: int = 16, degradation: str = 'bi'
    ) -> None:
        super().__init__(degradation)
        self.embedding = nn.ModuleList([_conv(1, mid_channels), _conv(mid_channels, mid_channels)])
        self.recursion = _conv(mid_channels, mid_channels)
        nn.init.dirac_(self.recursion.weight)
        self.reconstruction = nn.ModuleList(
            [_conv(mid_channels, mid_channels), _conv(mid_channels, 1)]
        )
        self.weights = nn.Parameter(torch.full((recursions,), 1 / recursions))

    def estimate(self, y: Tensor, enlarged: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        x = enlarged
        for conv in self.embedding:
            x = F.relu(conv(x))
        first, last = self.reconstruction
        corrected = []
        for _ in range(len(self.weights)):
            x = F.relu(self.recursion(x))
            corrected.append(enlarged + last(F.relu(first(x))))
        images = torch.stack(corrected, 1)
        out = (images * self.weights.view(-1, 1, 1, 1)).sum(1)
        return out, {'recursions': images}

    def further_targets(self, gts: Tensor) -> dict[str, Tensor]:
        ys = rgb_to_ycbcr(gts)[:, :, None, :1]
        return {'recursions': ys.expand(-1, -1, len(self.weights), -1, -1, -1)}
