"""Degradation BD: HR -> LR by a Gaussian blur and keeping every fourth pixel.

The kernel has sigma 1.5 and 13 taps and sums to 1; borders are reflected without repeating the edge
(``mirror`` in SciPy's words, ``reflect`` in NumPy's); pixels 0, 4, 8, ... are kept (phase 0).
Everything is float64 and rounded once, at the end, halves to even.
"""

from __future__ import annotations

import numpy as np

from dataset_tools.manifest import SCALE, DatasetError

SIGMA = 1.5
RADIUS = 6

# What manifests say about the kinds of frames that every tool writes.
KINDS = {
    'gt': {'made_by': 'cropped at the right and at the bottom to a multiple of 4'},
    'lr_bd': {
        'made_by': 'blurred, then every 4th pixel kept',
        'blur': 'gaussian',
        'sigma': SIGMA,
        'taps': 2 * RADIUS + 1,
        'padding': 'reflect without repeating the edge',
        'phase': 0,
        'rounding': 'once, half to even',
    },
}


def crop_to_multiple(hr: np.ndarray, multiple: int = SCALE) -> np.ndarray:
    """Crops at the right and at the bottom, so that phase 0 keeps its meaning.

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


def degrade_bd(hr: np.ndarray) -> np.ndarray:
    """Makes the LR frame of an HR frame by BD.

    Args:
        hr: uint8, h x w x 3, any h and w of at least 1.

    Returns:
        uint8, ceil(h/4) x ceil(w/4) x 3.
    """
    # Pairs of pixels are summed first: exact in 16 bits, and twice as fast as in float64.
    blurred = _blur_and_keep(_blur_and_keep(hr.astype(np.uint16), axis=0), axis=1)
    return np.rint(blurred).astype(np.uint8)


def _kernel() -> np.ndarray:
    taps = np.exp(-0.5 / SIGMA**2 * np.arange(-RADIUS, RADIUS + 1) ** 2)
    return taps / taps.sum()


def _blur_and_keep(frame: np.ndarray, axis: int) -> np.ndarray:
    """Blurs along one axis, at the kept pixels only: a quarter of the work of blurring all of them.

    The kernel is symmetric, so taps are paired, centre first and then from the outside in. That is
    also the order of SciPy's ``correlate1d``, which makes the two equal to the last bit and not
    only after rounding.
    """
    padding = [(0, 0)] * frame.ndim
    padding[axis] = (RADIUS, RADIUS)
    padded = np.moveaxis(np.pad(frame, padding, mode='reflect'), axis, 0)
    length = frame.shape[axis]
    kernel = _kernel()

    def shifted(offset: int) -> np.ndarray:
        start = RADIUS + offset
        return padded[start : start + length : SCALE]

    blurred = shifted(0) * kernel[RADIUS]
    for offset in range(-RADIUS, 0):
        blurred += (shifted(offset) + shifted(-offset)) * kernel[RADIUS + offset]
    return np.moveaxis(blurred, 0, axis)
