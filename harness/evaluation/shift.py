"""Detects whether SR frames are shifted relative to their ground truth.

If LR frames have another phase than those that a network was trained on (see
``dataset_tools.degrade.filters``), its frames are good but shifted, and it loses 5 dB or more. The
same happens if the ground truth was cropped differently.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from harness.evaluation.metrics import psnr, rgb_to_y
from harness.runs.evaluations import Shift

#: the largest shift in HR pixels; all multiples of half a pixel up to it are tried
REACH = 3
#: the minimum gain in dB of a shift that is reported
GAIN = 1.0
#: the frames of each video that are checked
FRAMES = (0, 5)
_BORDER = 8 + REACH
_SMALLEST = 2 * _BORDER + 16


def psnr_of_shifts(gt: np.ndarray, sr: np.ndarray) -> np.ndarray | None:
    """Y-PSNR (dB) of an SR frame shifted by all multiples of half a pixel up to ``REACH``.

    Args:
        gt, sr: uint8 RGB (H, W, 3), of the same size.

    Returns:
        (4 * REACH + 1, 4 * REACH + 1) by shifts down and right, with no shift in the middle; None
        if the frames are too small.
    """
    if min(gt.shape[:2]) < _SMALLEST:
        return None
    fixed, moving = rgb_to_y(gt), rgb_to_y(sr)
    inner = fixed[_BORDER:-_BORDER, _BORDER:-_BORDER]
    scores = np.empty((4 * REACH + 1, 4 * REACH + 1))
    halves = {(y, x): _move_by_half(moving, y, x) for y in (0, 1) for x in (0, 1)}
    for row, down in enumerate(range(-2 * REACH, 2 * REACH + 1)):
        for column, right in enumerate(range(-2 * REACH, 2 * REACH + 1)):
            moved = halves[down % 2, right % 2]
            top, left = _BORDER - down // 2, _BORDER - right // 2
            part = moved[top : top + inner.shape[0], left : left + inner.shape[1]]
            scores[row, column] = psnr(inner, part)
    return scores


def _move_by_half(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """Moves an image by ``down`` and ``right`` halves of a pixel."""
    if not (down or right):
        return image
    matrix = np.array([[1, 0, right / 2], [0, 1, down / 2]], np.float32)
    height, width = image.shape
    return cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )


def find_shift(scores: Sequence[np.ndarray | None]) -> Shift | None:
    """The shift that gains most on all frames together, if it gains more than ``GAIN``; else None.

    It must gain as much over the opposite shift, because interpolation alone improves noisy frames.

    Args:
        scores: :func:`psnr_of_shifts` of frames of one set.
    """
    known = [score for score in scores if score is not None]
    if not known:
        return None
    mean = np.mean(known, axis=0)
    row, column = np.unravel_index(mean.argmax(), mean.shape)
    best, middle = mean[row, column], 2 * REACH
    unmoved = mean[middle, middle]
    gain = best - unmoved
    if not min(gain, best - mean[-1 - row, -1 - column]) > GAIN:
        return None
    return Shift((column - middle) / 2, (row - middle) / 2, float(gain), float(unmoved))
