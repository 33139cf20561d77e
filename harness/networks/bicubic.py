"""Bicubic interpolation as the reference without any training."""

import torch
import torch.nn.functional as F
from mmagic.registry import MODELS
from torch import Tensor

from .recurrent import RecurrentNet, States, Unrolled


def upsample_bd(images: Tensor) -> Tensor:
    """x4 bicubic upsampling (a = -0.75) of BD images (B, C, H, W); outside, the border's value.

    BD subsampling keeps pixels 0, 4, 8, ...: LR pixel i lies on HR pixel 4i, not between pixels
    4i+1 and 4i+2 where ``F.interpolate`` puts it, so the sampling grid is shifted by 1.5 HR pixels.
    """
    height, width = images.shape[-2:]
    xs = torch.arange(4 * width, device=images.device, dtype=images.dtype) / 4
    ys = torch.arange(4 * height, device=images.device, dtype=images.dtype) / 4
    # align_corners=False: -1 and 1 are the outer edges of the first and last LR pixel
    grid_x, grid_y = (2 * xs + 1) / width - 1, (2 * ys + 1) / height - 1
    grid = torch.stack(torch.meshgrid(grid_y, grid_x, indexing='ij')[::-1], -1)
    return F.grid_sample(
        images,
        grid.expand(len(images), -1, -1, -1),
        mode='bicubic',
        padding_mode='border',
        align_corners=False,
    )


@MODELS.register_module()
class BicubicUpsampler(RecurrentNet):
    """x4 bicubic upsampling of each BD frame (:func:`upsample_bd`)."""

    def state_shapes(self, height, width):
        return {}, {}

    def unroll(self, lrs, states=None, cond=None):
        frames = upsample_bd(lrs.flatten(0, 1))
        return Unrolled(frames.unflatten(0, lrs.shape[:2]), States())
