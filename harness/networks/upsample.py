"""Fixed x4 upsampling of LR frames and flows."""

import torch
import torch.nn.functional as F
from torch import Tensor


def bilinear(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 4H, 4W); LR pixel i lies between HR pixels 4i+1 and 4i+2."""
    return F.interpolate(x, scale_factor=4, mode='bilinear', align_corners=False)


def _cubic(s: float, a: float = -0.75) -> tuple[float, ...]:
    """Keys' weights of the pixels at -1, 0, 1 and 2 for a value at position ``s`` in [0, 1)."""

    def near(d):
        return (a + 2) * d**3 - (a + 3) * d**2 + 1

    def far(d):
        return a * d * (1 - d) ** 2

    return far(s), near(s), near(1 - s), far(1 - s)


#: weights of LR pixels i-1 to i+2 in each of the HR pixels 4i to 4i+3
BD_TAPS = tuple(_cubic(d / 4) for d in range(4))


def bicubic_bd(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 4H, 4W), bicubic (a = -0.75), the border replicated outside.

    BD frames keep pixels 0, 4, 8, ...: LR pixel i lies on HR pixel 4i, so that HR pixel 4i+d is
    interpolated at LR position i + d/4. ``F.interpolate`` would be off by 1.5 HR pixels.
    """
    taps = x.new_tensor(BD_TAPS)
    kernels = torch.einsum('ai,bj->abij', taps, taps).reshape(16, 1, 4, 4)
    planes = F.pad(x, (1, 2, 1, 2), mode='replicate').flatten(0, 1)[:, None]
    return F.pixel_shuffle(F.conv2d(planes, kernels), 4)[:, 0].unflatten(0, x.shape[:2])
