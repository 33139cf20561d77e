"""Bicubic interpolation as the reference without any training."""

from mmagic.registry import MODELS

from .recurrent import RecurrentNet, States, Unrolled
from .upsample import bicubic_bd


@MODELS.register_module()
class BicubicUpsampler(RecurrentNet):
    """x4 bicubic upsampling of each frame, on the grid of BD frames (:func:`bicubic_bd`)."""

    def state_shapes(self, height, width):
        return {}, {}

    def unroll(self, lrs, states=None, cond=None):
        return Unrolled(bicubic_bd(lrs.flatten(0, 1)).unflatten(0, lrs.shape[:2]), States())
