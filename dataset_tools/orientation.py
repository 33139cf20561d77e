"""Rotates frames upright: phones store frames as the sensor sees them, and how to rotate them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Orientation(NamedTuple):
    """How a stored frame is made upright: first transpose it, then reverse rows and columns.

    Attributes:
        transpose: Whether rows become columns.
        reverse_rows: Whether the last row is the top one.
        reverse_columns: Whether the last column is the left one.
    """

    transpose: bool = False
    reverse_rows: bool = False
    reverse_columns: bool = False

    @classmethod
    def of_matrix(cls, a: int, b: int, c: int, d: int) -> Orientation | None:
        """Converts the linear part of a display matrix, x' = a*x + c*y, y' = b*x + d*y.

        The y axis points down; scales do not matter. A matrix of zeros means upright.

        Returns:
            None if the matrix rotates by an angle that is not a multiple of 90 degrees.
        """
        largest = max(map(abs, (a, b, c, d)))
        a, b, c, d = (value if 100 * abs(value) > largest else 0 for value in (a, b, c, d))
        if not (b or c):
            return cls(False, d < 0, a < 0)
        return None if a or d else cls(True, b < 0, c < 0)

    def turn(self, frame: np.ndarray) -> np.ndarray:
        """Returns the frame (h x w or h x w x 3) upright."""
        if self == Orientation():
            return frame
        frame = frame.swapaxes(0, 1) if self.transpose else frame
        steps = [-1 if reverse else 1 for reverse in self[1:]]
        return np.ascontiguousarray(frame[:: steps[0], :: steps[1]])


# Values of the EXIF tag 0x0112 and their display matrices.
_MATRICES: dict[object, tuple[int, int, int, int]] = {
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}


def exif_orientation(value: object) -> Orientation:
    """Returns the orientation for a value of EXIF's tag; invalid values mean upright."""
    return Orientation.of_matrix(*_MATRICES.get(value, (1, 0, 0, 1))) or Orientation()
