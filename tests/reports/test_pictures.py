"""Figures made of saved pictures, from synthetic work directories with real PNG files."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from PIL import Image

from reports import figures_images, figures_profiles, pictures
from reports.images import PROFILE, SavedImages, read_rgb
from reports.results import load_grid
from reports.style import RED


def open_grid(fake):
    grid = load_grid(fake.save())
    return grid, SavedImages(fake.work_dir, grid)


def shown(figure):
    """All pictures of a figure as (H, W, 3) arrays, in the order they were drawn."""
    return [image.get_array() for axes in figure.axes for image in axes.images]


def words(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts if text.get_text()]


def test_what_is_saved(pictured):
    grid, images = open_grid(pictured)
    assert images.videos('static') == ['still'] and images.videos('moving') == []
    assert images.frames('static', 'still') == [0, 100, 199]
    ri = next(grid.methods.itertuples())
    trial_id = images.trial_of(ri, 'static', 'still')
    assert trial_id == 'net-RI-RNone-sample-s0'
    gt = read_rgb(images.reference('gt', 'static', 'still', 100))
    assert np.array_equal(gt, pictured.truth)
    assert read_rgb(images.picture(trial_id, 'static', 'still', PROFILE)).shape == (48, 64, 3)
    assert images.picture(trial_id, 'static', 'still', 7) is None


def test_pictures_of_unfinished_runs_are_not_shown(pictured):
    pictured.status('net-RI-RNone-sample-s0', 'RUNNING')
    grid, images = open_grid(pictured)
    ri = next(grid.methods.itertuples())
    assert images.trial_of(ri, 'static', 'still') == 'net-RI-RNone-sample-s1'


def test_damaged_picture(pictured):
    path = pictured.work_dir / 'references/static/still/00000100_bicubic.png'
    path.write_bytes(path.read_bytes()[:200])
    assert read_rgb(path) is None
    path.write_bytes(b'no picture')
    assert read_rgb(path) is None


def test_comparison(pictured):
    grid, images = open_grid(pictured)
    figure = figures_images.comparison(grid, images, 'net', 'sample', 'static', 'still')
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
    pictured.plan['networks']['bicubic'] = {'label': 'Bicubic'}
    pictured.done(pictured.run('bicubic'), lambda _, t: 21.0)
    grid, images = open_grid(pictured)
    figure = figures_images.comparison(grid, images, 'net', 'sample', 'static', 'still')
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
    figure = figures_images.comparison(grid, images, 'net', 'sample', 'static', 'still')
    found = words(figure)
    assert found.count('failed') == 3 and found.count('no picture') == 1


def test_pictures_smaller_than_the_part_that_is_enlarged(small):
    tiny = np.random.default_rng(0).integers(0, 255, (12, 20, 3), dtype=np.uint8)
    small.pictures('moving', '001', [5], lambda who, frame: tiny)
    grid, images = open_grid(small)
    figure = figures_images.comparison(grid, images, 'net', 'sample', 'moving', '001')
    assert {image.shape for image in shown(figure)} == {(12, 20, 3), (12, 12, 3)}
    assert len(shown(figures_images.frame_grid(grid, images, 'net', 'moving', '001'))) == 3


def test_no_comparison_without_ground_truth(pictured):
    (pictured.work_dir / 'references/static/still/00000199_gt.png').write_bytes(b'damaged')
    grid, images = open_grid(pictured)
    assert figures_images.comparison(grid, images, 'net', 'sample', 'static', 'still') is None
    assert figures_images.frame_grid(grid, images, 'net', 'static', 'still') is None


def test_frames_along_time_of_two_training_sets(pictured):
    pictured.plan['train_sets']['reds'] = {'label': 'REDS'}
    pictured.done(pictured.run('net', 'RI', train_set='reds'), lambda _, t: 30.0)
    grid, images = open_grid(pictured)
    figure = figures_images.frame_grid(grid, images, 'net', 'static', 'still')
    found = words(figure)
    # Rows: GT, RI on both sets, PI with the smallest R; the REDS run has saved no pictures.
    assert {'t = 0', 't = 100', 't = 199', 'RI\non Sample', 'RI\non REDS'} <= set(found)
    assert 'PI (R=2)\non Sample' in found and 'PI (R=8)\non Sample' not in found
    assert found.index('RI\non REDS') == found.index('RI\non Sample') + 1
    assert len(shown(figure)) == 3 * 3 and found.count('no picture') == 3
    histories = figure.axes[1:]
    assert len(histories) == 3 and len({axes.get_ylim() for axes in histories}) == 1


def test_temporal_profiles(pictured):
    grid, images = open_grid(pictured)
    figure = figures_profiles.temporal_profiles(grid, images, 'net', 'sample', 'static')
    gt, bicubic, ri, *_ = shown(figure)
    assert np.array_equal(gt, pictured.truth) and np.array_equal(bicubic, gt)
    assert not np.array_equal(ri, gt)
    assert {'GT', 'RI', 'still, frame', '0', '199'} <= set(words(figure))
    assert figures_profiles.temporal_profiles(grid, images, 'net', 'sample', 'moving') is None


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
