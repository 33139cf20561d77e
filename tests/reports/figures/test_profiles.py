"""Temporal profiles."""

import numpy as np

from reports.figures import (
    profiles,
)
from reports.figures.saved_images import SavedImages
from reports.results import load_grid


def open_grid(fake):
    grid = load_grid(fake.save())
    return grid, SavedImages(fake.work_dir, grid)


def shown(figure):
    """All pictures of a figure as (H, W, 3) arrays, in the order they were drawn."""
    return [image.get_array() for axes in figure.axes for image in axes.images]


def words(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts if text.get_text()]


def test_temporal_profiles(pictured):
    grid, images = open_grid(pictured)
    figure = profiles.temporal_profiles(grid, images, 'net', 'sample', 'static')
    gt, bicubic, ri, *_ = shown(figure)
    assert np.array_equal(gt, pictured.truth) and np.array_equal(bicubic, gt)
    assert not np.array_equal(ri, gt)
    assert {'GT', 'RI', 'still, frame', '0', '199'} <= set(words(figure))
    assert profiles.temporal_profiles(grid, images, 'net', 'sample', 'moving') is None
