"""Networks that stand in for others of which a part takes most of the time."""

import torch
from mmagic.registry import MODELS

from harness.networks.zoo import StatefulIconVSRNet


@MODELS.register_module()
class LightIconVSRNet(StatefulIconVSRNet):
    """With one convolution in EDVR's place, over the same frames."""

    def __init__(self, num_blocks=30, keyframe_stride=5, cond_channels=0):
        super().__init__(num_blocks, keyframe_stride, cond_channels=cond_channels)
        window = 3 * (2 * self.padding + 1)
        convolution = torch.nn.Conv2d(window, self.mid_channels, 3, padding=1)
        self.edvr = torch.nn.Sequential(torch.nn.Flatten(1, 2), convolution)
