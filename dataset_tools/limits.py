"""How large frames may be: what a file claims is looked at before memory is taken for it.

Standard library only.
"""

import os

MEGAPIXELS = 100
VARIABLE = 'VSR_MAX_MEGAPIXELS'


def size_text(size: tuple[int, int]) -> str:
    """(height, width) as people write it, WxH."""
    return f'{size[1]}x{size[0]}'


def size_problem(size: tuple[int, int]) -> str | None:
    """Why a frame of (height, width) pixels is not read; None if it may be."""
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
