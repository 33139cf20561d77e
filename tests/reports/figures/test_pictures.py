"""Helpers of figures that show pictures."""

import numpy as np
import pytest

from reports.figures import (
    pictures,
)


@pytest.mark.parametrize(
    ('frames', 'count', 'expected'),
    [([3], 3, [3]), ([0, 9], 3, [0, 9]), ([0, 1, 2, 3, 9], 3, [0, 2, 9])],
)
def test_spread(frames, count, expected):
    assert pictures.spread(frames, count) == expected


def test_window_of_most_texture_where_there_is_one_picture():
    flat = np.full((40, 60, 3), 100, np.uint8)
    flat[10:14, 30:34] = 255
    columns = [pictures.Column('GT', None, {0: flat})]
    window = pictures.where_they_differ(columns, 12, 12)
    assert window.top <= 9 and window.top + 12 >= 15
    assert window.left <= 29 and window.left + 12 >= 35
