"""Bicubic interpolation of LR frames, without torch."""

import cv2
import numpy as np

from dataset_tools.manifest import SCALE
from harness.runs.evaluations import Crop


def bicubic(lr: np.ndarray, crop: Crop, start: float = 0) -> np.ndarray:
    """Part of the x4 bicubic interpolation (a = -0.75) of an LR frame (h, w, 3), uint8 RGB.

    LR pixel i lies on HR pixel 4i + ``start``. These are the frames of :class:`BicubicUpsampler`
    (up to rounding) without torch.
    """
    rows = (np.arange(crop.top, crop.top + crop.height, dtype=np.float32) - start) / SCALE
    columns = (np.arange(crop.left, crop.left + crop.width, dtype=np.float32) - start) / SCALE
    x, y = np.meshgrid(columns, rows)
    sr = cv2.remap(lr.astype(np.float32), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.rint(np.clip(sr, 0, 255)).astype(np.uint8)
