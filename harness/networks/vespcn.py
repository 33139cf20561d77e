"""VESPCN: Real-Time Video Super-Resolution with Spatio-Temporal Networks and Motion Compensation
(Caballero et al., CVPR 2017)."""

import torch
import torch.nn.functional as F
from mmagic.registry import MODELS
from torch import Tensor, nn

from harness.networks.flow import pad_to_multiple
from harness.networks.frame_window import FrameWindowNet
from harness.networks.luma import luma, with_luma
from harness.networks.upsample import bicubic
from harness.networks.warp import warp


def _flow_layers(in_channels: int, convs: list[tuple[int, int]], scale: int) -> nn.Sequential:
    """Convolutions (kernel, stride) of 24 channels with ReLU; then 2 channels, tanh, shuffle."""
    layers: list[nn.Module] = []
    for kernel, stride in convs:
        layers.append(nn.Conv2d(in_channels, 24, kernel, stride, kernel // 2))
        layers.append(nn.ReLU(inplace=True))
        in_channels = 24
    last = nn.Conv2d(24, 2 * scale**2, 3, padding=1)
    return nn.Sequential(*layers, last, nn.Tanh(), nn.PixelShuffle(scale))


class MotionCompensation(nn.Module):
    """The motion compensation transformer: coarse flow at 1/4, fine flow at 1/2 size.

    Args:
        max_flow: Displacement in pixels that corresponds to a flow of 1.
    """

    def __init__(self, max_flow: float) -> None:
        super().__init__()
        self.max_flow = max_flow
        self.coarse = _flow_layers(2, [(5, 2), (3, 1), (5, 2), (3, 1)], scale=4)
        self.fine = _flow_layers(5, [(5, 2), (3, 1), (3, 1), (3, 1)], scale=2)

    def forward(self, reference: Tensor, neighbour: Tensor) -> tuple[Tensor, Tensor]:
        """Neighbours (B, 1, H, W) aligned to their references, and the flow (B, 2, H, W).

        The flow is in units of ``max_flow``. Sizes not divisible by 4 are padded by reflection, and
        the result is cropped.
        """
        height, width = reference.shape[-2:]
        pair = pad_to_multiple(torch.cat([reference, neighbour], 1), 4)
        coarse = self.coarse(pair)
        aligned = warp(pair[:, 1:], self.max_flow * coarse)
        flow = coarse + self.fine(torch.cat([pair, coarse, aligned], 1))
        flow = flow[..., :height, :width]
        return warp(neighbour, self.max_flow * flow), flow


def flow_roughness(flow: Tensor) -> Tensor:
    """The paper's approximate Huber loss of the flow's spatial differences, mean over pixels."""
    along_y = flow[..., 1:, :-1] - flow[..., :-1, :-1]
    along_x = flow[..., :-1, 1:] - flow[..., :-1, :-1]
    return torch.sqrt(0.01 + (along_y**2 + along_x**2).sum(1)).mean()


@MODELS.register_module()
class VESPCNNet(FrameWindowNet):
    """VESPCN 9L-E3-MC: 3 frames, aligned, early fusion, 9 layers, sub-pixel convolution.

    It works on luma; chroma is upsampled bicubically. 93,992 parameters, 53,392 of them in the
    motion compensation. The 24 channels of all hidden layers are inferred: they yield the paper's
    operation counts for x3 and x4.

    Args:
        num_layers: Convolutions of the super-resolution network.
        max_flow: Largest coarse (and fine) displacement in LR pixels. In the paper a flow of 1 is
            half of the frame and thus depends on the frame's size; 16 is half of its 33-pixel
            crops.
        warp_weight, smooth_weight: Weights of the losses on the aligned neighbours (mean squared
            difference from the frame itself) and on the flow's roughness. In training only.
        degradation: Degradation of the LR frames, ``'bi'`` or ``'bd'``; see
            :func:`~.upsample.bicubic`.
    """

    def __init__(
        self,
        num_layers: int = 9,
        max_flow: float = 16.0,
        warp_weight: float = 0.01,
        smooth_weight: float = 0.001,
        degradation: str = 'bi',
    ) -> None:
        super().__init__()
        self.warp_weight = warp_weight
        self.smooth_weight = smooth_weight
        self.degradation = degradation
        self.motion = MotionCompensation(max_flow)
        channels = [3] + [24] * (num_layers - 1) + [16]
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, 3, padding=1) for a, b in zip(channels, channels[1:], strict=False)
        )

    def super_resolve_centre(self, windows: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        ys = luma(windows)
        # slices, because lists of indices would have to be copied to the device
        reference = ys[:, 1:2].expand(-1, 2, -1, -1, -1).flatten(0, 1)
        neighbours = ys[:, ::2].flatten(0, 1)
        aligned, flow = self.motion(reference, neighbours)
        before, after = aligned.unflatten(0, (-1, 2)).unbind(1)
        x = torch.cat([before, ys[:, 1], after], 1)
        for conv in self.convs[:-1]:
            x = F.relu(conv(x))
        y = F.pixel_shuffle(self.convs[-1](x), 4)
        losses = dict(
            loss_warp=self.warp_weight * F.mse_loss(aligned, reference),
            loss_smooth=self.smooth_weight * flow_roughness(flow),
        )
        return with_luma(bicubic(windows[:, 1], self.degradation), y), losses
