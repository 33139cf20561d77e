"""A plain PyTorch network that takes whole clips, like many of BasicSR's."""

import torch
import torch.nn.functional as F
from torch import nn


class MyNet(nn.Module):
    def __init__(self, channels=16):
        super().__init__()
        self.first = nn.Conv2d(3 + channels, channels, 3, padding=1)
        self.last = nn.Conv2d(channels, 48, 3, padding=1)

    def forward(self, x):
        """LR (b, n, c, h, w) in [0, 1] -> SR (b, n, c, 4h, 4w)."""
        features = x.new_zeros(x.size(0), self.first.out_channels, *x.shape[-2:])
        frames = []
        for lr in x.unbind(1):
            features = torch.relu(self.first(torch.cat([lr, features], 1)))
            large = F.interpolate(lr, scale_factor=4, mode='bilinear')
            frames.append(large + F.pixel_shuffle(self.last(features), 4))
        return torch.stack(frames, 1)
