"""VSRNet: Video Super-Resolution with Convolutional Neural Networks (Kappeler et al., IEEE
Transactions on Computational Imaging 2016).

Layers, their sharing between frames, kernel sizes and the preprocessing (bicubic upsampling, then
motion compensation at the size of the SR frame) are those of a public reimplementation
(usstdqq/vsrnet_pytorch). Liu et al.'s survey (2022) adds the adaptive motion compensation, which
that code omits. OpenCV's DIS flow replaces Druleas's. It is computed between LR frames and then
enlarged, whereas that code computes it between enlarged frames, which have 16 times the pixels. No
source that we could read states the constant of the adaptive compensation or its unit.
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
    """Adaptive motion compensation: blends the frame in where the compensated frame differs.

    The weight of the compensated frame is exp(-decay * difference). All are luma in [0, 1].
    """
    weight = torch.exp(-decay * (compensated - frame).abs())
    return weight * compensated + (1 - weight) * frame


@MODELS.register_module()
class VSRNet(FrameWindowNet):
    """VSRNet: 3 convolutions on the luma of 5 aligned, upsampled frames; the second fuses them.

    272,577 parameters. The first convolutions (9x9) of frames at the same distance share their
    weights (filter symmetry). Upsampling is bicubic, also that of chroma.

    Args:
        decay: Rate at which the weight of a compensated pixel decays with its difference; 0 trusts
            all pixels. By default the weight is 1/e at a difference of 8 of 255 grey levels.
        degradation: Degradation of the LR frames, ``'bi'`` or ``'bd'``; see
            :func:`~.upsample.bicubic`.
    """

    radius = 2

    def __init__(self, decay: float = 255 / 8, degradation: str = 'bi') -> None:
        super().__init__()
        self.decay = decay
        self.degradation = degradation
        self.flow_net = DISFlow()
        # indexed by the distance from the frame itself
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
