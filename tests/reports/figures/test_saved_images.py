"""Finding and reading saved pictures."""

import numpy as np

from reports.figures.saved_images import PROFILE, SavedImages, read_rgb
from reports.results import load_grid


def open_grid(fake):
    grid = load_grid(fake.save())
    return grid, SavedImages(fake.work_dir, grid)


def test_what_is_saved(pictured):
    grid, images = open_grid(pictured)
    assert images.videos('static') == ['still'] and images.videos('moving') == []
    assert images.frames('static', 'still') == [0, 100, 199]
    ri = grid.methods[0]
    trial_id = images.trial_of(ri, 'static', 'still')
    assert trial_id == 'net-RI-RNone-sample-s0'
    gt = read_rgb(images.reference('gt', 'static', 'still', 100))
    assert np.array_equal(gt, pictured.truth)
    assert read_rgb(images.picture(trial_id, 'static', 'still', PROFILE)).shape == (48, 64, 3)
    assert images.picture(trial_id, 'static', 'still', 7) is None


def test_pictures_of_unfinished_runs_are_not_shown(pictured):
    pictured.status('net-RI-RNone-sample-s0', 'RUNNING')
    grid, images = open_grid(pictured)
    ri = grid.methods[0]
    assert images.trial_of(ri, 'static', 'still') == 'net-RI-RNone-sample-s1'


def test_damaged_picture(pictured):
    path = pictured.work_dir / 'references/static/still/00000100_bicubic.png'
    path.write_bytes(path.read_bytes()[:200])
    assert read_rgb(path) is None
    path.write_bytes(b'no picture')
    assert read_rgb(path) is None
