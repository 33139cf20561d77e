"""Common base of networks for the luma of single images."""

import torch
from torch import Tensor

from harness.networks.luma import rgb_to_ycbcr, ycbcr_to_rgb
from harness.networks.recurrent import States, Unrolled
from harness.networks.stateless import StatelessNet, map_frames
from harness.networks.upsample import bicubic


class LumaImageNet(StatelessNet):
    """Super-resolves Y in [16, 235] / 255; chroma is upsampled bicubically.

    The further outputs in training (see :class:`Unrolled`) are Y in the same range.

    Args:
        degradation: Degradation of the LR frames, ``'bi'`` or ``'bd'``; see
            :func:`~..upsample.bicubic`.
    """

    def __init__(self, degradation: str = 'bi') -> None:
        super().__init__()
        self.degradation = degradation

    def estimate(self, y: Tensor, enlarged: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Y (N, 1, 4H, 4W) from Y (N, 1, H, W) and its bicubic enlargement; further outputs."""
        raise NotImplementedError

    def super_resolve(self, lrs: Tensor) -> Tensor:
        return map_frames(lambda images: self._images(images)[0], lrs, at_once=self.training)

    def unroll(
        self, lrs: Tensor, states: States | None = None, cond: Tensor | None = None
    ) -> Unrolled:
        if not self.training:
            return super().unroll(lrs, states, cond)
        srs, outputs = self._images(lrs.flatten(0, 1))
        outputs = {key: x.unflatten(0, lrs.shape[:2]) for key, x in outputs.items()}
        return Unrolled(srs.unflatten(0, lrs.shape[:2]), States(), outputs=outputs)

    def _images(self, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        ycbcr = rgb_to_ycbcr(images)
        enlarged = bicubic(ycbcr, self.degradation)
        y, outputs = self.estimate(ycbcr[:, :1], enlarged[:, :1])
        return ycbcr_to_rgb(torch.cat([y, enlarged[:, 1:]], 1)), outputs
