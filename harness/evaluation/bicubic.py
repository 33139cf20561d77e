"""Bicubic interpolation of LR frames, without torch."""

import cv2
import numpy as np

from dataset_tools.manifest import SCALE
from harness.runs.evaluations import Crop


def bicubic(lr: np.ndarray, crop: Crop, start: float = 0) -> np.ndarray:
    """Computes a part of the x4 bicubic interpolation (a = -0.75) of an LR frame.

    The result equals that of :class:`BicubicUpsampler` up to rounding.

    Args:
        lr: The LR frame (h, w, 3), uint8 RGB.
        crop: The part of the HR frame to compute.
        start: The phase: LR pixel i lies at HR position 4i + ``start``.

    Returns:
        uint8 RGB of the size of ``crop``.
    """
    rows = (np.arange(crop.top, crop.top + crop.height, dtype=np.float32) - start) / SCALE
    columns = (np.arange(crop.left, crop.left + crop.width, dtype=np.float32) - start) / SCALE
    x, y = np.meshgrid(columns, rows)
    sr = cv2.remap(lr.astype(np.float32), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.rint(np.clip(sr, 0, 255)).astype(np.uint8)
