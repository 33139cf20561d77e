"""LapSRN: Deep Laplacian Pyramid Networks (Lai et al., CVPR 2017; IEEE TPAMI 2018).

Layers, initial weights and losses are those of the authors' public code (phoenix104104/LapSRN),
whose weights ``pretrained_models/LapSRN_x4.mat`` load after ``python -m harness.networks convert``.
"""

import math

import torch
import torch.nn.functional as F
from mmagic.registry import MODELS
from torch import Tensor, nn

from harness.networks.luma import rgb_to_ycbcr
from harness.networks.single_image.luma_image import LumaImageNet


class _Level(nn.Module):
    """One x2 level: convolutions and a deconvolution for features, and the image's residual."""

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=1) for _ in range(depth)
        )
        self.upconv = nn.ConvTranspose2d(channels, channels, 3, 2)
        self.residual = nn.Conv2d(channels, 1, 3, padding=1)
        for layer in (*self.convs, self.upconv, self.residual):
            nn.init.normal_(layer.weight, std=math.sqrt(2 / (9 * channels)))
            nn.init.zeros_(layer.bias)
        self.image_up = nn.ConvTranspose2d(1, 1, 4, 2, 1, bias=False)
        with torch.no_grad():  # initialised as bilinear interpolation
            taps = torch.tensor([0.25, 0.75, 0.75, 0.25])
            self.image_up.weight.copy_(taps[:, None] * taps)

    def forward(self, features: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
        for conv in self.convs:
            features = _lrelu(conv(features))
        # the last row and column are cropped, as in MatConvNet
        features = _lrelu(self.upconv(features)[..., :-1, :-1])
        return features, self.image_up(image) + self.residual(features)


def _lrelu(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2)


@MODELS.register_module()
class LapSRNNet(LumaImageNet):
    """LapSRN for x4: two levels of the pyramid; 814,242 parameters (paper: 0.81 M).

    Its further output is ``first_level``, the image of the first level (1, 2H, 2W); its ground
    truth is the GT frame, bicubically downsampled by 2.

    Args:
        mid_channels: Width of the convolutions.
        depth: Number of convolutions per level.
        degradation: As in :class:`LumaImageNet`; affects chroma only.
    """

    def __init__(self, mid_channels: int = 64, depth: int = 10, degradation: str = 'bi') -> None:
        super().__init__(degradation)
        self.first = nn.Conv2d(1, mid_channels, 3, padding=1)
        assert self.first.bias is not None
        nn.init.normal_(self.first.weight, std=0.001)
        nn.init.zeros_(self.first.bias)
        self.levels = nn.ModuleList(_Level(mid_channels, depth) for _ in range(2))

    def estimate(self, y: Tensor, enlarged: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        features, half = self.levels[0](_lrelu(self.first(y)), y)
        return self.levels[1](features, half)[1], {'first_level': half}

    def further_targets(self, gts: Tensor) -> dict[str, Tensor]:
        ys = rgb_to_ycbcr(gts)[..., :1, :, :].flatten(0, 1)
        half = F.interpolate(
            ys, scale_factor=0.5, mode='bicubic', align_corners=False, antialias=True
        )
        return {'first_level': half.unflatten(0, gts.shape[:2])}
