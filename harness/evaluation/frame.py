"""The output of a network for one frame."""

from typing import NamedTuple

import numpy as np


class SRFrame(NamedTuple):
    """An SR frame.

    Attributes:
        rgb: The image (4H, 4W, 3), uint8; or float32, about 0..255, if it is not rounded.
        ms: The milliseconds that the network took for it.
        is_reset: Whether a guard has reset the state before it.
        is_finite: Whether all pixels of the network's output were finite; NaN became black.
    """

    rgb: np.ndarray
    ms: float
    is_reset: bool = False
    is_finite: bool = True
