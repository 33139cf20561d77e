"""Pictures side by side, from synthetic work directories with real PNG files."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from PIL import Image

from reports.figures import (
    comparisons,
)
from reports.figures.saved_images import SavedImages
from reports.figures.style import RED
from reports.results import load_grid


def open_grid(fake):
    grid = load_grid(fake.save())
    return grid, SavedImages(fake.work_dir, grid)


def shown(figure):
    """All pictures of a figure as (H, W, 3) arrays, in the order they were drawn."""
    return [image.get_array() for axes in figure.axes for image in axes.images]


def words(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts if text.get_text()]


def test_comparison(pictured):
    grid, images = open_grid(pictured)
    figure = comparisons.comparison(grid, images, 'net', 'sample', 'static', 'still')
    whole, *parts = shown(figure)
    assert np.array_equal(whole, pictured.truth)
    assert len(parts) == 3 * 5  # three frames; GT, bicubic, RI, PI (R=2), PI (R=8)
    assert all(part.shape == (32, 32, 3) for part in parts)
    (red,) = [patch for patch in figure.axes[0].patches if patch.get_edgecolor() == to_rgba(RED)]
    left, right, bottom, top = figure.axes[0].images[0].get_extent()
    x = round((red.get_x() - left) / (right - left) * 64)
    y = round((red.get_y() - top) / (bottom - top) * 48)
    assert red.get_width() / (right - left) == pytest.approx(32 / 64)
    # RI and the others differ in rows 0 to 15, columns 40 to 55: the part shown contains them.
    assert y == 0 and 24 <= x <= 32
    window = pictured.truth[y : y + 32, x : x + 32]
    truth, _, ri, _, pi = parts[10:]
    assert np.array_equal(truth, window) and np.array_equal(pi, window)
    changed = (ri != window).any(axis=2)
    assert changed[:16, 40 - x : 56 - x].all() and changed.sum() == 256
    found = words(figure)
    # The PSNR of the first seed at the frames shown, from its CSV.
    assert found.count('20.00 dB') == 1 and found.count('16.00 dB') == 2
    assert found.count('25.00 dB') == 3
    assert {'GT', 'Bicubic', 'RI', 'PI (R=2)', 't = 199', 'still, t = 199 (GT)'} <= set(found)
    history = figure.axes[1]
    marks = [line.get_xdata()[0] for line in history.lines if line.get_color() == RED]
    assert marks == [0, 100, 199]
    assert max(len(line.get_xdata()) for line in history.lines) == 200


def test_the_grids_own_bicubic_takes_the_place_of_plain_pictures(pictured):
    pictured.grid_json['networks']['bicubic'] = {'label': 'Bicubic'}
    pictured.done(pictured.run('bicubic'), lambda _, t: 21.0)
    grid, images = open_grid(pictured)
    figure = comparisons.comparison(grid, images, 'net', 'sample', 'static', 'still')
    found = words(figure)
    assert found.count('Bicubic') == 1
    assert found.count('no picture') == 3  # that run has saved none


def test_failed_runs_and_other_crops_are_marked(pictured):
    failed = pictured.run('net', 'PI', fc=True, repeats=8)
    pictured.status(failed, 'FAILED', 'loss is not finite')
    folder = pictured.work_dir / 'runs/net-PI-R2-sample-s0/images_static/still'
    small = np.zeros((8, 8, 3), np.uint8)
    Image.fromarray(small).save(folder / '00000199.png')
    grid, images = open_grid(pictured)
    figure = comparisons.comparison(grid, images, 'net', 'sample', 'static', 'still')
    found = words(figure)
    assert found.count('failed') == 3 and found.count('no picture') == 1


def test_pictures_smaller_than_the_part_that_is_enlarged(small):
    tiny = np.random.default_rng(0).integers(0, 255, (12, 20, 3), dtype=np.uint8)
    small.pictures('moving', '001', [5], lambda who, frame: tiny)
    grid, images = open_grid(small)
    figure = comparisons.comparison(grid, images, 'net', 'sample', 'moving', '001')
    assert {image.shape for image in shown(figure)} == {(12, 20, 3), (12, 12, 3)}
    assert len(shown(comparisons.frame_grid(grid, images, 'net', 'moving', '001'))) == 3


def test_no_comparison_without_ground_truth(pictured):
    (pictured.work_dir / 'references/static/still/00000199_gt.png').write_bytes(b'damaged')
    grid, images = open_grid(pictured)
    assert comparisons.comparison(grid, images, 'net', 'sample', 'static', 'still') is None
    assert comparisons.frame_grid(grid, images, 'net', 'static', 'still') is None


def test_frames_along_time_of_two_training_sets(pictured):
    pictured.grid_json['train_sets']['reds'] = {'label': 'REDS'}
    pictured.done(pictured.run('net', 'RI', train_set='reds'), lambda _, t: 30.0)
    grid, images = open_grid(pictured)
    figure = comparisons.frame_grid(grid, images, 'net', 'static', 'still')
    found = words(figure)
    # Rows: GT, RI on both sets, PI with the smallest R; the REDS run has saved no pictures.
    assert {'t = 0', 't = 100', 't = 199', 'RI\non Sample', 'RI\non REDS'} <= set(found)
    assert 'PI (R=2)\non Sample' in found and 'PI (R=8)\non Sample' not in found
    assert found.index('RI\non REDS') == found.index('RI\non Sample') + 1
    assert len(shown(figure)) == 3 * 3 and found.count('no picture') == 3
    histories = figure.axes[1:]
    assert len(histories) == 3 and len({axes.get_ylim() for axes in histories}) == 1
