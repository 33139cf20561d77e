"""Fixed x4 upsampling of LR frames and flows."""

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.networks.constants import constant

# position of an LR pixel among the HR pixels 4i, .., 4i+3; Keys' parameter a; whether positions
# outside mirror the frame (edge repeated) or take the border's value
_CONVENTIONS = {'bd': (0.0, -0.75, False), 'bi': (1.5, -0.5, True)}


def bicubic(images: Tensor, degradation: str) -> Tensor:
    """Bicubic x4 of images (B, C, H, W) -> (B, C, 4H, 4W), not clamped.

    Args:
        images: Images of any value range.
        degradation: ``'bd'`` for frames that kept pixels 0, 4, 8, ...: LR pixel i lies on HR pixel
            4i, not at 4i+1.5 where ``F.interpolate`` puts it; a = -0.75 and replicated borders as
            in PyTorch and OpenCV. ``'bi'`` for frames that were downsampled bicubically: LR pixel
            i lies at 4i+1.5; a = -0.5 and mirrored borders as in MATLAB's ``imresize``.
    """
    phase, a, mirror = _CONVENTIONS[degradation]
    kernels = constant(tuple(_taps((p - phase) / 4, a) for p in range(4)), like=images)
    up = _upsample_rows(images, kernels, mirror)
    return _upsample_rows(up.transpose(2, 3), kernels, mirror).transpose(2, 3)


def _taps(position: float, a: float) -> tuple[float, ...]:
    """Weights of the pixels -2, .., 2 for a position in [-0.5, 1)."""

    def weight(x: float) -> float:
        if x <= 1:
            return (a + 2) * x**3 - (a + 3) * x**2 + 1
        return a * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0

    return tuple(weight(abs(position - pixel)) for pixel in range(-2, 3))


def _upsample_rows(images: Tensor, kernels: Tensor, mirror: bool) -> Tensor:
    """(B, C, H, W) -> (B, C, 4H, W); each of the 4 kernels (4, 5) computes every fourth row."""
    batch, channels, height, width = images.shape
    rows = torch.arange(-2, height + 2, device=images.device)
    if mirror:
        rows = rows % (2 * height)
        rows = torch.minimum(rows, 2 * height - 1 - rows)
    padded = images.index_select(2, rows.clamp(0, height - 1))
    up = F.conv2d(padded.flatten(0, 1)[:, None], kernels[:, None, :, None])
    return up.transpose(1, 2).reshape(batch, channels, 4 * height, width)


#: weights of LR pixels i-1 to i+2 for each of the HR pixels 4i to 4i+3 of BD frames
BD_TAPS = tuple(_taps(d / 4, -0.75)[1:] for d in range(4))


def bicubic_bd(x: Tensor) -> Tensor:
    """:func:`bicubic` for BD frames."""
    return bicubic(x, 'bd')


def bilinear(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 4H, 4W); LR pixel i lies between HR pixels 4i+1 and 4i+2."""
    return F.interpolate(x, scale_factor=4, mode='bilinear', align_corners=False)
