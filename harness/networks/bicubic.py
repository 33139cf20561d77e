"""Bicubic interpolation, the baseline without training."""

from mmagic.registry import MODELS
from torch import Tensor

from harness.networks.stateless import StatelessNet
from harness.networks.upsample import bicubic


@MODELS.register_module()
class BicubicUpsampler(StatelessNet):
    """x4 bicubic upsampling of each frame, the baseline without training.

    Args:
        degradation: Degradation of the LR frames, ``'bd'`` or ``'bi'``; see :func:`bicubic`.
    """

    def __init__(self, degradation: str = 'bd') -> None:
        super().__init__()
        self.degradation = degradation

    def super_resolve(self, lrs: Tensor) -> Tensor:
        return bicubic(lrs.flatten(0, 1), self.degradation).unflatten(0, lrs.shape[:2])
