"""Conversion between RGB in [0, 1] and Y, Cb, Cr (BT.601, Y in [16, 235] / 255); losses on Y."""

import torch
from mmagic.registry import MODELS
from torch import Tensor, nn

from harness.networks.constants import constant

_OFFSETS = (16 / 255, 128 / 255, 128 / 255)
_FROM_RGB = (
    (65.481 / 255, 128.553 / 255, 24.966 / 255),
    (-37.797 / 255, -74.203 / 255, 112 / 255),
    (112 / 255, -93.786 / 255, -18.214 / 255),
)
_TO_RGB = tuple(map(tuple, torch.tensor(_FROM_RGB, dtype=torch.float64).inverse().tolist()))


def rgb_to_ycbcr(rgb: Tensor) -> Tensor:
    """Y, Cb, Cr (..., 3, H, W) of RGB images (..., 3, H, W)."""
    return _mix(rgb, _FROM_RGB) + constant(_OFFSETS, like=rgb)[:, None, None]


def ycbcr_to_rgb(ycbcr: Tensor) -> Tensor:
    """The inverse of :func:`rgb_to_ycbcr`; nothing is clamped."""
    return _mix(ycbcr - constant(_OFFSETS, like=ycbcr)[:, None, None], _TO_RGB)


def luma(frames: Tensor) -> Tensor:
    """Full-range Y (..., 1, H, W) of RGB frames (..., 3, H, W), both in [0, 1]: black is zero."""
    weights = constant(_FROM_RGB[0], like=frames) * (255 / 219)
    return (frames * weights.view(3, 1, 1)).sum(-3, keepdim=True)


def with_luma(frames: Tensor, y: Tensor) -> Tensor:
    """RGB (..., 3, H, W) with the chroma of ``frames`` and the full-range ``y`` (..., 1, H, W).

    Equal to a detour through YCbCr, since Y has the same weight in R, G and B.
    """
    return frames + (y - luma(frames))


def _mix(images: Tensor, weights: tuple) -> Tensor:
    return torch.einsum('ij,...jhw->...ihw', constant(weights, like=images), images)


@MODELS.register_module()
class LumaLoss(nn.Module):
    """A loss between the Y channels of SR and GT frames.

    For networks that estimate Y only: the error of their interpolated chroma would otherwise pull
    Y away from the ground truth.

    Args:
        loss: Config of the loss.
    """

    def __init__(self, loss: dict) -> None:
        super().__init__()
        self.loss = MODELS.build(loss)

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        return self.loss(rgb_to_ycbcr(pred)[..., :1, :, :], rgb_to_ycbcr(target)[..., :1, :, :])
