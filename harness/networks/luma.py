"""Networks that super-resolve the luma only: what they read, write and are trained on."""

from mmagic.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor

# BT.601; in MATLAB's rgb2ycbcr they span 219 of 255 levels, here all, so that black is zero
_WEIGHTS = (65.481 / 219, 128.553 / 219, 24.966 / 219)


def luma(frames: Tensor) -> Tensor:
    """Full-range luma (..., 1, H, W) of RGB frames (..., 3, H, W), both in [0, 1]."""
    return (frames * frames.new_tensor(_WEIGHTS).view(3, 1, 1)).sum(-3, keepdim=True)


def with_luma(frames: Tensor, y: Tensor) -> Tensor:
    """RGB frames (..., 3, H, W) of the chroma of ``frames`` and the luma ``y`` (..., 1, H, W).

    The same as by way of YCbCr, where luma has the same weight in R, G and B.
    """
    return frames + (y - luma(frames))


@MODELS.register_module()
class LumaLoss(BaseModule):
    """A pixel loss on Y of SR and GT frames, in the range of MATLAB's ``rgb2ycbcr``.

    Args:
        loss: config of the pixel loss.
    """

    def __init__(self, loss: dict):
        super().__init__()
        self.loss = MODELS.build(loss)

    def forward(self, frames: Tensor, gts: Tensor) -> Tensor:
        """Frames (..., 3, 4H, 4W) in [0, 1]."""
        return self.loss(219 / 255 * luma(frames), 219 / 255 * luma(gts))
