"""What a protocol is: how an SR frame and its ground truth become PSNR and SSIM."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.evaluation.metrics import psnr, rgb_to_y, ssim

Region = tuple[slice, slice]  # rows, columns


def _whole(height: int, width: int) -> Region:
    return slice(0, height), slice(0, width)


def to_8_bits(sr: np.ndarray) -> np.ndarray:
    """Clamps and rounds an SR frame in [0, 255], as image files do."""
    return sr if sr.dtype == np.uint8 else np.rint(np.clip(sr, 0, 255)).astype(np.uint8)


@dataclass(frozen=True)
class Protocol:
    """How PSNR and SSIM of two frames are computed.

    Attributes:
        name: Its name on the command line.
        about: A description in one line.
        quantize: Converts SR frames that are not uint8 to what the toolbox scores.
        y: Computes what is scored from an RGB frame: Y (H, W), or all channels (H, W, 3).
        sr_y: Processes the Y of an SR frame; the SR frame may consist of only Y.
        ssim: Mean SSIM of (Y of GT, Y of SR), or of all channels.
        frame: The part of a GT frame that the toolbox uses, given height and width. SR frames may
            have that size, or GT's size, and are then cropped.
        region: The part of such a frame that is scored.
        drop: The number of frames to omit at each end of a video.
        grey_is_y: Whether the toolbox writes Y as grey images.
        against_lr: Whether SR is degraded and compared with LR instead of GT.
    """

    name: str
    about: str
    quantize: Callable[[np.ndarray], np.ndarray] = to_8_bits
    y: Callable[[np.ndarray], np.ndarray] = rgb_to_y
    sr_y: Callable[[np.ndarray], np.ndarray] = lambda y: y
    ssim: Callable[[np.ndarray, np.ndarray], float] = ssim
    frame: Callable[[int, int], Region] = _whole
    region: Callable[[int, int], Region] = _whole
    drop: int = 0
    grey_is_y: bool = False
    against_lr: bool = False

    @property
    def rounds(self) -> bool:
        """Whether it scores 8-bit RGB, so that rounding a network's output changes nothing."""
        return self.quantize is to_8_bits

    def match(self, gt: np.ndarray, sr: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Crops both frames to what the toolbox uses, and quantizes SR.

        Args:
            gt: uint8 RGB (H, W, 3).
            sr: uint8 RGB, float RGB in [0, 255], or only Y (H, W) if ``grey_is_y``.

        Raises:
            ValueError: The sizes do not match, or SR is grey.
        """
        if sr.ndim == 2 and not self.grey_is_y:
            raise ValueError('SR is grey but GT is not; if it is Y, choose protocol mrvsr or rlsp')
        frame = self.frame(*gt.shape[:2])
        cut = gt[frame]
        if sr.shape[:2] == gt.shape[:2]:
            sr = sr[frame]
        elif sr.shape[:2] != cut.shape[:2]:
            raise ValueError(f'GT is {size_text(gt)}, SR {size_text(sr)}')
        return cut, self.quantize(sr)

    def planes(self, gt: np.ndarray, sr: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Y (h, w), or RGB, of the scored regions of two frames from :meth:`match`."""
        region = self.region(*gt.shape[:2])
        gt, sr = gt[region], sr[region]
        gt_y = self.y(gt)
        return gt_y, self.sr_y(sr.astype(gt_y.dtype) if sr.ndim == 2 else self.y(sr))

    def score(self, gt: np.ndarray, sr: np.ndarray) -> tuple[float, float]:
        """PSNR (dB) and SSIM of an SR frame; arguments and errors are those of :meth:`match`."""
        planes = self.planes(*self.match(gt, sr))
        return psnr(*planes), self.ssim(*planes)


def size_text(image: np.ndarray) -> str:
    """The size of an image as ``'WxH'``."""
    return f'{image.shape[1]}x{image.shape[0]}'
