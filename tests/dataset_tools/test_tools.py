"""Static, sliding window, gamma and Composit, as functions on frames and as tools on sets."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from dataset_tools.composit.sets import (
    composit,
    composit_order,
    frames_of_passes,
    make_composit_set,
)
from dataset_tools.degrade.filters import degrade
from dataset_tools.gamma import gamma, gamma_at, make_gamma_set
from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.sliding_window import (
    make_sliding_window_set,
    overlap_masks,
    sliding_window,
    window_positions,
)
from dataset_tools.static import make_static_set, static
from dataset_tools.verify import verify


def frames_of(lazy) -> list[np.ndarray]:
    return [frame.make() for frame in lazy]


def test_static_set_costs_one_png_a_video(source_set: Path, tmp_path: Path, read_video):
    made, fresh = make_static_set(source_set, tmp_path / 'static', frames=300, index=0)
    assert fresh and made.videos['a'].frames == 300
    files = sorted((made.root / 'gt' / 'a').iterdir())
    assert [file.name for file in files if not file.is_symlink()] == ['00000000.png']
    assert {str(file.readlink()) for file in files[1:]} == {'00000000.png'}
    moved = made.root.rename(tmp_path / 'moved')
    first = read_video(source_set, 'gt', 'a')[0]
    assert np.array_equal(read_video(moved, 'gt', 'a')[299], first)
    assert np.array_equal(read_video(moved, 'lr_bd', 'a')[299], degrade(first, 'bd'))


def test_static_of_another_frame(source_set: Path, tmp_path: Path):
    with pytest.raises(DatasetError, match='no frame 2 in b, which has 1 frames'):
        make_static_set(source_set, tmp_path / 'static', frames=3, index=2)
    assert not (tmp_path / 'static').exists()
    with pytest.raises(DatasetError, match='0 frames asked for'):
        list(static(np.zeros((4, 4, 3), np.uint8), 0))


def test_window_positions_by_hand():
    # Room for 7 LR pixels to the right: with a step of 3 it turns at 6.
    assert window_positions((4, 7), 3, 'horizontal', 6) == [
        (2, 0),
        (2, 3),
        (2, 6),
        (2, 3),
        (2, 0),
        (2, 3),
    ]
    assert window_positions((2, 7), 1, 'vertical', 6) == [
        (0, 3),
        (1, 3),
        (2, 3),
        (1, 3),
        (0, 3),
        (1, 3),
    ]
    assert window_positions((1, 2), 1, 'diagonal', 5) == [(0, 0), (1, 1), (0, 2), (1, 1), (0, 0)]
    assert window_positions((0, 2), 2, 'horizontal', 1) == [(0, 0)]


def test_window_moves_on_the_lr_grid(photograph):
    windows = frames_of(sliding_window(photograph, (28, 40), 4, 'horizontal', 3))
    top = (100 - 28) // 2 * 4
    for t, window in enumerate(windows):
        assert np.array_equal(window, photograph[top : top + 112, 16 * t : 16 * t + 160])


@pytest.mark.parametrize(
    'window, step, direction, message',
    [
        ((101, 40), 1, 'horizontal', 'window of 40x101 LR pixels does not fit a frame of 150x100'),
        ((0, 40), 1, 'horizontal', 'does not fit a frame'),
        ((50, 150), 1, 'horizontal', 'a step of 1 LR pixels does not fit'),
        ((50, 50), 0, 'vertical', 'a step of 0 LR pixels does not fit'),
        ((50, 50), 1, 'sideways', "'sideways' is not one of"),
    ],
)
def test_windows_that_cannot_move(photograph, window, step, direction, message):
    with pytest.raises(DatasetError, match=message):
        list(sliding_window(photograph, window, step, direction, 5))


def test_sliding_window_set_has_a_video_for_each_step(source_set: Path, tmp_path: Path):
    made, _ = make_sliding_window_set(source_set, tmp_path / 's', (8, 8), [1, 4], 'horizontal', 6)
    assert list(made.videos) == ['a_s1', 'a_s4', 'b_s1', 'b_s4']
    assert made.videos['a_s4'].sizes == {'gt': (32, 32), 'lr_bd': (8, 8), 'mask': (32, 32)}
    # Room of 8 LR pixels: at a step of 4 frames 0, 1, 2 are new, then it comes back.
    files = sorted((made.root / 'gt' / 'a_s4').iterdir())
    assert [file.is_symlink() for file in files] == [False] * 3 + [True] * 3


def test_masks_by_hand():
    # Room for 2 LR pixels to the right, window of 3: LR column 2 of the frame is in all windows.
    masks = frames_of(overlap_masks((4, 20), (1, 3), 1, 'horizontal', 4))
    expected = [[0, 0, 255], [0, 255, 0], [255, 0, 0], [0, 255, 0]]
    assert [mask[0, ::4].tolist() for mask in masks] == expected
    assert all((mask == mask[:1, ::4].repeat(4, axis=1)).all() for mask in masks)
    # Two frames only: LR columns 1 and 2.
    masks = frames_of(overlap_masks((1, 5), (1, 3), 1, 'horizontal', 2, unit=1))
    assert [mask.tolist() for mask in masks] == [[[0, 255, 255]], [[255, 255, 0]]]


@pytest.mark.parametrize('direction', ['horizontal', 'vertical', 'diagonal'])
def test_masks_mark_what_all_windows_share(photograph, direction):
    # Every pixel tells its place, so what windows share can be found without knowing the path.
    rows, columns = np.mgrid[:96, :100].astype(np.uint8)
    places = np.stack([rows, columns, rows], axis=2)
    motion = ((18, 20), 2, direction, 9)
    windows = frames_of(sliding_window(places, *motion))
    masks = frames_of(overlap_masks(places.shape, *motion))
    seen = [{tuple(pixel) for pixel in window.reshape(-1, 3)} for window in windows]
    shared = set.intersection(*seen)
    assert shared
    for window, mask in zip(windows, masks, strict=True):
        assert mask.shape == window.shape[:2] and set(np.unique(mask)) == {0, 255}
        assert {tuple(pixel) for pixel in window[mask == 255]} == shared


def test_masks_without_a_common_pixel_are_black_and_said(source_set: Path, tmp_path: Path, caplog):
    made, _ = make_sliding_window_set(source_set, tmp_path / 's', (8, 8), [8], 'horizontal', 3)
    assert 'a_s8: no pixel is in all windows' in caplog.text and verify(made.root) == []


def test_sliding_window_on_lr(source_set: Path, tmp_path: Path, read_video):
    made, _ = make_sliding_window_set(
        source_set, tmp_path / 's', (8, 8), [2], 'diagonal', 4, index=0, on='lr'
    )
    assert made.kinds == ('lr_bd', 'mask') and verify(made.root) == []
    assert made.videos['a_s2'].sizes == {'lr_bd': (8, 8), 'mask': (8, 8)}
    assert made.manifest['source']['kind'] == 'lr_bd'
    large = read_video(source_set, 'lr_bd', 'a')[0]
    windows = read_video(made.root, 'lr_bd', 'a_s2')
    assert np.array_equal(windows[1], large[2:10, 2:10])
    with pytest.raises(DatasetError, match='has no HR frames to start from, only lr_bd, mask'):
        make_static_set(made.root, tmp_path / 'static', 3)


def test_window_larger_than_the_frame_leaves_nothing(source_set: Path, tmp_path: Path):
    with pytest.raises(DatasetError, match='choose a smaller window'):
        make_sliding_window_set(source_set, tmp_path / 'x' / 's', (13, 8), [1], 'horizontal', 6)
    assert not (tmp_path / 'x').exists()


def test_gamma_values_by_hand():
    third = 1 / 1.5
    assert gamma_at(0, third, 1.5, 100) == pytest.approx(third)
    assert gamma_at(25, third, 1.5, 100) == pytest.approx(1)
    assert gamma_at(50, third, 1.5, 100) == pytest.approx(1.5)
    assert gamma_at(100, third, 1.5, 100) == pytest.approx(third)
    eighth = math.exp(math.log(third) + (1 - math.sqrt(0.5)) / 2 * math.log(1.5**2))
    assert gamma_at(25, third, 1.5, 200) == pytest.approx(eighth)


def test_gamma_of_pixels_by_hand():
    still = np.array([[[0, 64, 255]]], np.uint8)
    frames = [frame.tolist() for frame in frames_of(gamma(still, 0.5, 2, 4, 5))]
    # 255 * (64 / 255) ** g is 127.75, 64 and 16.06 at g = 0.5, 1 and 2.
    bright, same, dark = [[[0, 128, 255]]], [[[0, 64, 255]]], [[[0, 16, 255]]]
    assert frames == [bright, same, dark, same, bright]


@pytest.mark.parametrize('g_min, g_max, period', [(0, 1, 10), (2, 1, 10), (1, 2, 0)])
def test_gamma_out_of_range(photograph, g_min, g_max, period):
    with pytest.raises(DatasetError, match='0 < g_min <= g_max'):
        next(gamma(photograph, g_min, g_max, period, 5))


def test_gamma_set_makes_lr_of_the_changed_hr(source_set: Path, tmp_path: Path, read_video):
    made, _ = make_gamma_set(source_set, tmp_path / 'g', 0.5, 2, period=4, frames=8)
    hr, lr = read_video(made.root, 'gt', 'a'), read_video(made.root, 'lr_bd', 'a')
    assert len(hr) == 8 and hr[0].mean() > hr[1].mean() > hr[2].mean()
    assert np.array_equal(hr[1], read_video(source_set, 'gt', 'a')[0])
    assert all(np.array_equal(degrade(x, 'bd'), y) for x, y in zip(hr, lr, strict=True))


def test_gamma_on_lr(source_set: Path, tmp_path: Path, read_video):
    made, _ = make_gamma_set(source_set, tmp_path / 'g', 0.5, 2, period=4, frames=4, on='lr')
    assert made.kinds == ('lr_bd',) and verify(made.root) == []
    made.quick_check()
    still, frames = read_video(source_set, 'lr_bd', 'a')[0], read_video(made.root, 'lr_bd', 'a')
    assert np.array_equal(frames[1], still)
    assert np.array_equal(frames[0], np.rint(255 * (still / 255) ** 0.5))
    assert 'changed' in made.manifest['kinds']['lr_bd']['made_by']


def test_composit_lengths_and_order():
    assert frames_of_passes(100, 3) == 298 and frames_of_passes(31, 6) == 181
    assert composit_order(4, 11) == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2]
    assert composit_order(100, 298)[-1] == 99 and composit_order(31, 181)[-1] == 0
    assert composit_order(5, 2) == [0, 1]
    assert composit_order(1, 3) == [0, 0, 0]
    assert frames_of(composit('abc', 6)) == list('abcbab')
    with pytest.raises(DatasetError, match='0 passes'):
        frames_of_passes(5, 0)


def test_composit_set(source_set: Path, tmp_path: Path, read_video):
    made, _ = make_composit_set(source_set, tmp_path / 'c', passes=3)
    assert {v.name: v.frames for v in made.videos.values()} == {'a': 13, 'b': 1}
    source, played = read_video(source_set, 'gt', 'a'), read_video(made.root, 'gt', 'a')
    order = [0, 1, 2, 3, 4, 3, 2, 1, 0, 1, 2, 3, 4]
    assert all(np.array_equal(played[t], source[i]) for t, i in enumerate(order))
    assert sum(file.is_symlink() for file in (made.root / 'gt' / 'a').iterdir()) == 8
    with pytest.raises(DatasetError, match='either frames or passes'):
        make_composit_set(source_set, tmp_path / 'd')


def test_source_is_told_by_content(source_set: Path, tmp_path: Path):
    made, _ = make_static_set(source_set, tmp_path / 'static', frames=2)
    source = VideoSet.load(source_set)
    assert made.manifest['source'] == {'set': 'source', 'checksum': source.checksum, 'kind': 'gt'}
