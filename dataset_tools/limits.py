"""Limits the size of frames, before memory is allocated for the size that a file claims.

Standard library only.
"""

import os
from collections.abc import Sequence

MEGAPIXELS = 100
VARIABLE = 'VSR_MAX_MEGAPIXELS'


def size_text(size: Sequence[int]) -> str:
    """Returns (height, width) or a frame's shape as people write it, WxH."""
    return f'{size[1]}x{size[0]}'


def size_problem(size: tuple[int, int]) -> str | None:
    """Returns why a frame of (height, width) pixels is too large to be read; None if it is not."""
    text = os.environ.get(VARIABLE, str(MEGAPIXELS))
    try:
        limit = float(text)
    except ValueError:
        return f'the environment variable {VARIABLE} is {text!r}; give a number of megapixels'
    if size[0] * size[1] <= limit * 1e6:
        return None
    return (
        f'a frame of {size_text(size)} pixels is above the limit of {limit:g} megapixels; the '
        f'environment variable {VARIABLE} raises it'
    )
