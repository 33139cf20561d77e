"""Degradations, HR -> LR by 4: blur and keep every fourth pixel (BD), or bicubic (BI).

Networks need the kind they were trained on: another blur costs tenths of a dB, another phase 5 dB
and more. So there is one kind for each public codebase, by name. LR pixel i is at HR pixel
4i + phase.

===============  ============================================  =====  =============================
kind             filter, borders                               phase  as in
===============  ============================================  =====  =============================
``bd``           Gaussian, sigma 1.5, 13 taps, mirrored        0      FRVSR's paper; SciPy's bits
``bd_tecogan``   Gaussian, sigma 1.5, 9 taps, mirrored         0      TecoGAN-PyTorch, EGVSR
``bd_rlsp``      Gaussian, sigma 1.5, 13 taps, edge repeated   0      RLSP, MRVSR
``bd_duf``       Gaussian, sigma 1.6, 13 taps, mirrored        0      DUF, EDVR, RRN, RSDN
``bd_basicvsr``  Gaussian, sigma 1.6, 12 taps, replicated      1.5    BasicVSR, BasicVSR++, TTVSR
``bi``           bicubic, 16 taps, edge repeated               1.5    MATLAB's imresize
``bi_pil``       bicubic, at borders with fewer taps           1.5    Pillow's resize
===============  ============================================  =====  =============================

"Mirrored" excludes the edge (SciPy's ``mirror``, NumPy's ``reflect``), "edge repeated" includes it.
Gaussians sum to 1. BasicVSR's kernel has an even number of taps, which puts the LR pixel between
two HR pixels.

All is computed in float64 and rounded once, at the end, half to even. The public codebases differ
by at most 1: MATLAB also rounds between rows and columns, others keep floating-point LR frames.
``bi_pil`` is computed by Pillow.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from dataset_tools.manifest import SCALE, DatasetError

# LR rows filtered together: they fit into the processor's cache, which halves the time.
_BLOCK = 16


@dataclass(frozen=True)
class _Filter:
    """A symmetric filter.

    Attributes:
        taps: Weights of the HR pixels 4i - before, 4i - before + 1, .. for LR pixel i.
        before: Taps before pixel 4i.
        border: How OpenCV pads a frame.
    """

    taps: np.ndarray
    before: int
    border: int

    @property
    def phase(self) -> float:
        """Position of LR pixel i, in HR pixels from 4i."""
        return (len(self.taps) - 1) / 2 - self.before


def degrade(hr: np.ndarray, kind: str) -> np.ndarray:
    """Makes the LR frame for an HR frame.

    Args:
        hr: uint8, h x w x 3, any h and w of at least 1.
        kind: One of those above, with or without the ``lr_`` of a set's kinds of frames.

    Returns:
        uint8, ceil(h/4) x ceil(w/4) x 3.
    """
    kind = _bare(kind)
    if kind == 'bi_pil':
        size = [-(-length // SCALE) for length in hr.shape[1::-1]]
        return np.asarray(Image.fromarray(hr).resize(size, Image.Resampling.BICUBIC))
    return _filter_and_keep(hr, _FILTERS[kind])


def phase(kind: str) -> float:
    """Returns the position of LR pixel i, in HR pixels from 4i: 0, or 1.5, the block's middle.

    Args:
        kind: As of :func:`degrade`.
    """
    kind = _bare(kind)
    return 1.5 if kind == 'bi_pil' else _FILTERS[kind].phase


def _bare(kind: str) -> str:
    return kind.removeprefix('lr_')


def crop_to_multiple(hr: np.ndarray, multiple: int = SCALE) -> np.ndarray:
    """Crops at the right and at the bottom, which preserves the phase.

    Args:
        hr: A frame, h x w x 3.
        multiple: What height and width become multiples of.

    Returns:
        A view of the frame.

    Raises:
        DatasetError: The frame is smaller than one multiple.
    """
    height, width = (size // multiple * multiple for size in hr.shape[:2])
    if not height or not width:
        raise DatasetError(
            f'a frame of {hr.shape[1]}x{hr.shape[0]} is too small; at least {multiple}x{multiple}'
        )
    return hr[:height, :width]


def pad_to_multiple(hr: np.ndarray, multiple: int = SCALE) -> np.ndarray:
    """Pads at the right and at the bottom by reflection without repeating the edge.

    Args:
        hr: A frame, uint8, h x w x 3.
        multiple: What height and width become multiples of.
    """
    bottom, right = (-size % multiple for size in hr.shape[:2])
    return cv2.copyMakeBorder(hr, 0, bottom, 0, right, cv2.BORDER_REFLECT_101)


def _gaussian(sigma: float, count: int) -> np.ndarray:
    taps = np.exp(-0.5 / sigma**2 * (np.arange(count) - (count - 1) / 2) ** 2)
    return taps / taps.sum()


def _bicubic() -> np.ndarray:
    """Keys' kernel with a = -1/2, stretched by 4, at the distances -7.5, -6.5, .., 7.5."""
    x = np.abs(np.arange(-7.5, 8)) / SCALE
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    taps = np.where(x <= 1, near, far)
    return taps / taps.sum()


_FILTERS = {
    'bd': _Filter(_gaussian(1.5, 13), before=6, border=cv2.BORDER_REFLECT_101),
    'bd_tecogan': _Filter(_gaussian(1.5, 9), before=4, border=cv2.BORDER_REFLECT_101),
    'bd_rlsp': _Filter(_gaussian(1.5, 13), before=6, border=cv2.BORDER_REFLECT),
    'bd_duf': _Filter(_gaussian(1.6, 13), before=6, border=cv2.BORDER_REFLECT_101),
    'bd_basicvsr': _Filter(_gaussian(1.6, 12), before=4, border=cv2.BORDER_REPLICATE),
    'bi': _Filter(_bicubic(), before=6, border=cv2.BORDER_REFLECT),
}


def _filter_and_keep(hr: np.ndarray, kernel: _Filter) -> np.ndarray:
    """Filters only at the pixels that are kept, a quarter of the work.

    Legend: H, W are height and width of the LR frame, n is the rows of a block.
    """
    height, width = (-(-size // SCALE) for size in hr.shape[:2])
    before, after = kernel.before, len(kernel.taps) - 1 - kernel.before
    padded = cv2.copyMakeBorder(hr, before, after, before, after, kernel.border)
    lr = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _BLOCK):
        count = min(_BLOCK, height - top)
        rows = padded[SCALE * top : SCALE * (top + count - 1) + len(kernel.taps)]
        # Pairs of pixels are summed first: exact in 16 bits, and faster than in float64.
        filtered = _filter_rows(rows.astype(np.uint16), kernel.taps, count)  # n x w x 3
        # Rows last: NumPy is slow where the innermost axis has 3 elements.
        columns = np.ascontiguousarray(filtered.transpose(1, 2, 0))  # w x 3 x n
        filtered = _filter_rows(columns, kernel.taps, width)  # W x 3 x n
        # The bicubic filter overshoots at edges.
        lr[top : top + count] = np.rint(filtered).clip(0, 255).transpose(2, 0, 1)
    return lr


def _filter_rows(frame: np.ndarray, taps: np.ndarray, count: int) -> np.ndarray:
    """Filters along the first axis, keeping ``count`` elements.

    Taps are paired, the centre (if any) first and then from the outside in. SciPy's
    ``correlate1d`` uses the same order, so the results are equal bit for bit even before rounding.
    """
    last = len(taps) - 1

    def shifted(tap: int) -> np.ndarray:
        return frame[tap : tap + SCALE * (count - 1) + 1 : SCALE]

    middle = len(taps) // 2
    filtered = (
        shifted(middle) * taps[middle] if len(taps) % 2 else np.zeros((count, *frame.shape[1:]))
    )
    product = np.empty_like(filtered)
    for tap in range(middle):
        np.multiply(shifted(tap) + shifted(last - tap), taps[tap], out=product)
        filtered += product
    return filtered
