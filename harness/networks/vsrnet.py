"""VSRNet: Video Super-Resolution with Convolutional Neural Networks (Kappeler et al., IEEE
Transactions on Computational Imaging 2016).

Layers, their sharing between frames and the sizes of kernels are those of a public
reimplementation (usstdqq/vsrnet_pytorch), as is what comes before: bicubic upsampling, then motion
compensation at the size of the SR frame. Liu et al.'s survey (2022) adds the adaptive motion
compensation, which that code leaves out. Flow is OpenCV's DIS, in the place of Druleas's, between
LR frames, and enlarged like these: the enlarged frames, between which that code has it, have 16
times the pixels. No source that we could read gives the constant of the adaptive compensation or
its unit.
"""

import torch
import torch.nn.functional as F
from mmagic.registry import MODELS
from torch import Tensor, nn

from harness.networks.flow import DISFlow
from harness.networks.frame_window import FrameWindowNet
from harness.networks.luma import luma, with_luma
from harness.networks.upsample import bicubic
from harness.networks.warp import warp


def trust(frame: Tensor, compensated: Tensor, decay: float) -> Tensor:
    """Adaptive motion compensation: where a compensated frame differs, the frame itself instead.

    The weight of the compensated one is exp(-decay * difference). All are luma in [0, 1].
    """
    weight = torch.exp(-decay * (compensated - frame).abs())
    return weight * compensated + (1 - weight) * frame


@MODELS.register_module()
class VSRNet(FrameWindowNet):
    """VSRNet: 5 bicubically upsampled frames, aligned, 3 convolutions on luma, fused in the second.

    272,577 parameters. The first convolutions (9x9) of frames equally far away share their weights
    (filter symmetry). Chroma is upsampled bicubically.

    Args:
        decay: of the weight of a compensated pixel with its difference; 0 trusts all. By default
            the weight is 1/e at a difference of 8 of 255 grey levels.
        degradation: of the LR frames, ``'bi'`` or ``'bd'``; see :func:`~.upsample.bicubic`.
    """

    radius = 2

    def __init__(self, decay: float = 255 / 8, degradation: str = 'bi') -> None:
        super().__init__()
        self.decay = decay
        self.degradation = degradation
        self.flow_net = DISFlow()
        # by the distance to the frame itself
        self.first = nn.ModuleList(nn.Conv2d(1, 64, 9, padding=4) for _ in range(self.radius + 1))
        self.second = nn.Conv2d(64 * (2 * self.radius + 1), 32, 5, padding=2)
        self.third = nn.Conv2d(32, 1, 5, padding=2)

    def super_resolve_centre(self, windows: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        count, frames = windows.shape[:2]
        hrs = bicubic(windows.flatten(0, 1), self.degradation).unflatten(0, (count, frames))
        lr, centre = (x[:, self.radius] for x in (windows, hrs))
        features = []
        for i in range(frames):
            y = luma(centre)
            if i != self.radius:
                flow = 4 * bicubic(self.flow_net(lr, windows[:, i]), self.degradation)
                y = trust(y, warp(luma(hrs[:, i]), flow), self.decay)
            features.append(self.first[abs(i - self.radius)](y))
        x = F.relu(self.second(F.relu(torch.cat(features, 1))))
        return with_luma(centre, self.third(x)), {}
