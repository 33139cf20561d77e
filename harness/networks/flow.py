"""Optical flow between LR frames: learned, small learned, and classical.

Every flow module is called as ``module(reference, supporting)`` on (B, 3, H, W) frames in [0, 1]
and returns (B, 2, H, W): the displacement, in pixels (x, y), from each reference pixel to its
position in the supporting frame.
"""

from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from mmagic.models.editors.basicvsr.basicvsr_net import SPyNet
from mmagic.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from harness.checkpoints import loading
from harness.errors import fail
from harness.networks.constants import constant


def pretrained_spynet(source: str | None) -> SPyNet:
    """MMagic's SPyNet, with weights from a file in MMagic's format.

    Args:
        source: Path or URL, a network's ``spynet_pretrained``; None keeps the random
            initialisation.

    Raises:
        UserError: The weights cannot be loaded.
    """
    if source is None:
        return SPyNet(None)
    with loading(source, 'spynet_pretrained'):
        return SPyNet(source)


def _conv_pair(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(out_channels, out_channels, 3, padding=1),
        nn.LeakyReLU(0.2, inplace=True),
    )


@MODELS.register_module()
class FRVSRFlowNet(BaseModule):
    """FRVSR's flow network (Sajjadi et al., CVPR 2018): 1,745,506 parameters.

    Encoder pairs of 32/64/128 channels with max-pooling, decoder pairs of 256/128/64 with bilinear
    upsampling, then 32 and 2 channels; ``max_flow`` * tanh.

    Args:
        max_flow: Bound on the flow in pixels.
        padding: How to handle sizes not divisible by 8. ``'input'``: frames are padded by
            reflection and the flow is cropped. ``'flow'``: as in TecoGAN-PyTorch, pooling drops
            the last rows and columns and the smaller flow is padded by reflection; frames must
            have at least 8 x 8 pixels.

    Raises:
        UserError: Frames are too small.
    """

    def __init__(self, max_flow: float = 24.0, padding: str = 'input') -> None:
        super().__init__()
        self.max_flow = max_flow
        self.pad_input = {'input': True, 'flow': False}[padding]
        self.encoder = nn.ModuleList(_conv_pair(a, b) for a, b in [(6, 32), (32, 64), (64, 128)])
        self.decoder = nn.ModuleList(
            _conv_pair(a, b) for a, b in [(128, 256), (256, 128), (128, 64)]
        )
        self.tail = nn.Sequential(
            nn.Conv2d(64, 32, 3, padding=1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(32, 2, 3, padding=1),
        )

    def forward(self, reference: Tensor, supporting: Tensor) -> Tensor:
        height, width = reference.shape[-2:]
        x = torch.cat([reference, supporting], 1)
        if self.pad_input:
            x = pad_to_multiple(x, 8)
        elif min(height, width) < 8:
            fail(
                f'LR frames of {width}x{height} pixels are too small for this flow network, which '
                "needs 8x8; padding='input' accepts any size"
            )
        for pair in self.encoder:
            x = F.max_pool2d(pair(x), 2)
        for pair in self.decoder:
            x = F.interpolate(pair(x), scale_factor=2, mode='bilinear', align_corners=False)
        flow = self.max_flow * torch.tanh(self.tail(x))
        return _pad(flow[..., :height, :width], height, width)


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Pads (B, C, H, W) at the bottom and the right to multiples of ``multiple``."""
    height, width = x.shape[-2:]
    return _pad(x, height + -height % multiple, width + -width % multiple)


def _pad(x: Tensor, height: int, width: int) -> Tensor:
    """Pads at the bottom and the right, by reflection if the image is large enough."""
    pad = (0, width - x.size(-1), 0, height - x.size(-2))
    # reflection needs more pixels than it adds
    mode = 'reflect' if pad[1] < x.size(-1) and pad[3] < x.size(-2) else 'replicate'
    return F.pad(x, pad, mode=mode) if any(pad) else x


@MODELS.register_module()
class ConvFlowNet(BaseModule):
    """A plain stack of 3x3 convolutions for small displacements, for networks trained in minutes.

    Args:
        channels: Width of the hidden layers.
        num_convs: Number of convolutions.
        max_flow: Bound on the flow in pixels.
    """

    def __init__(self, channels: int = 24, num_convs: int = 4, max_flow: float = 4.0) -> None:
        super().__init__()
        self.max_flow = max_flow
        layers: list[nn.Module] = []
        for i in range(num_convs - 1):
            layers.append(nn.Conv2d(channels if i else 6, channels, 3, padding=1))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels, 2, 3, padding=1))

    def forward(self, reference: Tensor, supporting: Tensor) -> Tensor:
        return self.max_flow * torch.tanh(self.layers(torch.cat([reference, supporting], 1)))


@MODELS.register_module()
class DISFlow(BaseModule):
    """OpenCV's Dense Inverse Search flow (Kroeger et al., ECCV 2016) on the CPU, without weights.

    It is computed at full resolution, so that crops of 16 pixels work. Smaller frames are padded by
    replicating their border.
    """

    smallest = 16

    def __init__(self) -> None:
        super().__init__()
        self._dis: cv2.DISOpticalFlow | None = None

    def _search(self) -> cv2.DISOpticalFlow:
        # created in the process that uses it: OpenCV objects cannot be copied or pickled
        if self._dis is None:
            self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
            self._dis.setFinestScale(0)
        return self._dis

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_dis': None}

    @torch.no_grad()
    def forward(self, reference: Tensor, supporting: Tensor) -> Tensor:
        height, width = reference.shape[-2:]
        pad = (0, max(self.smallest - width, 0), 0, max(self.smallest - height, 0))
        pairs = F.pad(torch.stack([reference, supporting], 1).flatten(0, 1), pad, 'replicate')
        weights = constant((0.299, 0.587, 0.114), like=pairs).view(3, 1, 1)
        gray = (pairs * weights).sum(1).clamp(0, 1).mul(255).round().byte().cpu().numpy()
        cv2.setNumThreads(0)  # the result may depend on the number of threads
        search = self._search()
        found: list[Any] = [
            search.calc(gray[i], gray[i + 1], None)  # type: ignore[call-overload]
            for i in range(0, len(gray), 2)
        ]
        flows = torch.from_numpy(np.stack(found))[:, :height, :width]
        return flows.permute(0, 3, 1, 2).to(reference)
