"""DSRN: Image Super-Resolution via Dual-State Recurrent Networks (Han et al., CVPR 2018).

The authors' public code (WeiHan3/dsrn) contains the x2 model: states, delays, residual branches,
input and output layers, mean over the HR states, bicubic residual. It does not show how the two
states are connected for x4, and we could not read its x4 checkpoint. Here the connection is two 3x3
(transposed) convolutions of stride 2 in either direction, which gives RISTN's number of parameters;
the x2 model has one 2x2 deconvolution and mean pooling.
"""

from typing import Any

import torch.nn.functional as F
from mmagic.registry import MODELS
from torch import Tensor, nn

from harness.networks.stateless import StatelessNet, map_frames
from harness.networks.upsample import bicubic


def _conv(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, stride, padding=1)


def _residual(channels: int) -> nn.Sequential:
    return nn.Sequential(_conv(channels, channels), nn.ReLU(), _conv(channels, channels))


def _up(channels: int) -> nn.Sequential:
    first, second = (
        nn.ConvTranspose2d(channels, channels, 3, 2, 1, output_padding=1) for _ in range(2)
    )
    return nn.Sequential(first, nn.ReLU(), second)


def _down(channels: int) -> nn.Sequential:
    return nn.Sequential(_conv(channels, channels, 2), nn.ReLU(), _conv(channels, channels, 2))


@MODELS.register_module()
class DSRNNet(StatelessNet):
    """DSRN: a state of LR and one of HR size, unrolled 7 times over one image with shared weights.

    1,256,707 parameters (RISTN's Table 1: 1.25 M). Each step adds to a state a residual branch of
    itself and the other state, resized, followed by ReLU. The output is the bicubically enlarged
    image plus a 1x1 convolution of the mean of the HR states. The recurrence runs within one image:
    there are no states between frames.

    Args:
        mid_channels: Width of both states.
        steps: Number of steps that have an LR state; the HR state is one step behind.
        degradation: Degradation of the LR frames, ``'bi'`` or ``'bd'``; see
            :func:`~..upsample.bicubic`.
    """

    def __init__(self, mid_channels: int = 128, steps: int = 7, degradation: str = 'bi') -> None:
        super().__init__()
        self.steps = steps
        self.degradation = degradation
        self.head = nn.Sequential(
            _conv(3, mid_channels // 2),
            nn.ReLU(),
            _conv(mid_channels // 2, mid_channels),
            nn.ReLU(),
        )
        self.of_low, self.of_high = _residual(mid_channels), _residual(mid_channels)
        self.up, self.down = _up(mid_channels), _down(mid_channels)
        self.tail = nn.Conv2d(mid_channels, 3, 1)

    def super_resolve(self, lrs: Tensor) -> Tensor:
        return map_frames(self._images, lrs, at_once=self.training)

    def _images(self, images: Tensor) -> Tensor:
        low = self.head(images)
        high: Tensor | None = None
        total: Any = 0
        for step in range(1, self.steps):
            from_low = self.up(low)
            if step < self.steps - 1:  # nothing reads the last LR state
                from_high = 0 if high is None else self.down(high)
                low = F.relu(low + self.of_low(low) + from_high)
            high = F.relu(from_low if high is None else from_low + high + self.of_high(high))
            total = total + high
        mean = total / (self.steps - 1)
        return bicubic(images, self.degradation) + self.tail(mean)
