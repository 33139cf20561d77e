"""A frame as it comes out of a network."""

from typing import NamedTuple

import numpy as np


class SRFrame(NamedTuple):
    """An SR frame.

    Attributes:
        rgb: (4H, 4W, 3), uint8, or float32, about 0..255, where it is not rounded.
        ms: milliseconds that the network took for it.
        is_reset: whether a guard has set the state back before it.
        is_finite: whether no pixel that the network gave was NaN or infinite; NaN became black.
    """

    rgb: np.ndarray
    ms: float
    is_reset: bool = False
    is_finite: bool = True
