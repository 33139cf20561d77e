"""Backward warping by optical flow."""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.networks.constants import constant


@lru_cache(maxsize=32)
def _base_grid(height: int, width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Sampling positions (1, H, W, 2) in [-1, 1] that reproduce the image (align_corners)."""
    ys = torch.linspace(-1, 1, height, device=device, dtype=dtype)
    xs = torch.linspace(-1, 1, width, device=device, dtype=dtype)
    grid_y, grid_x = torch.meshgrid(ys, xs, indexing='ij')
    return torch.stack((grid_x, grid_y), -1)[None]


def warp(image: Tensor, flow: Tensor) -> Tensor:
    """Samples ``image`` (B, C, H, W) at each pixel's position plus ``flow`` (B, 2, H, W).

    The flow is (x, y) in pixels. Sampling is bilinear; positions outside take the border's value.
    The same as MMagic's ``flow_warp(..., padding_mode='border')``, without building a grid at every
    call.
    """
    height, width = image.shape[-2:]
    with torch.inference_mode(False):  # the cached grid must not become an inference tensor
        base = _base_grid(height, width, image.device, image.dtype)
    scale = constant((2 / max(width - 1, 1), 2 / max(height - 1, 1)), like=flow)
    grid = base + flow.permute(0, 2, 3, 1) * scale
    # the CPU kernel reads out of bounds at NaN positions; return NaN instead of crashing
    grid = torch.nan_to_num(grid)
    warped = F.grid_sample(image, grid, padding_mode='border', align_corners=True)
    return warped + 0 * flow.sum(1, keepdim=True)
