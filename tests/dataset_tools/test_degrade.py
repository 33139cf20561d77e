"""BD against SciPy, and the tool that makes a set of a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from dataset_tools.degrade import crop_to_multiple, degrade_bd
from dataset_tools.degrade_folder import make_degraded_set
from dataset_tools.manifest import DatasetError, VideoSet


def scipy_bd(hr: np.ndarray) -> np.ndarray:
    """An independent BD; truncating at 4 sigma gives 13 taps."""
    blurred = gaussian_filter(hr.astype(np.float64), (1.5, 1.5, 0), mode='mirror', truncate=4)
    return np.rint(blurred[::4, ::4]).astype(np.uint8)


@pytest.mark.parametrize(
    'height, width', [(400, 600), (397, 599), (64, 3), (5, 6), (4, 4), (2, 100), (1, 1)]
)
def test_bd_equals_scipy_to_the_last_bit(photograph, height, width):
    hr = photograph[:height, :width]
    assert np.array_equal(degrade_bd(hr), scipy_bd(hr))


def test_bd_keeps_white_white_and_size():
    lr = degrade_bd(np.full((8, 12, 3), 255, np.uint8))
    assert lr.shape == (2, 3, 3) and lr.dtype == np.uint8 and (lr == 255).all()


def test_crop_to_multiple(photograph):
    cropped = crop_to_multiple(photograph[:7, :10])
    assert np.array_equal(cropped, photograph[:4, :8])
    with pytest.raises(DatasetError, match='3x9 is too small'):
        crop_to_multiple(photograph[:9, :3])


def test_set_of_a_folder(source_set: Path, photograph, read_video):
    made = VideoSet.load(source_set)
    assert {v.name: (v.frames, v.sizes) for v in made.videos.values()} == {
        'a': (5, {'gt': (48, 64), 'lr_bd': (12, 16)}),
        'b': (1, {'gt': (48, 64), 'lr_bd': (12, 16)}),
    }
    cropped = photograph[200:248, 300:364]
    assert np.array_equal(read_video(source_set, 'gt', 'b')[0], cropped)
    assert np.array_equal(read_video(source_set, 'lr_bd', 'b')[0], scipy_bd(cropped))
    assert made.frame_path('gt', 'b', 0).name == '00000000.png'


def test_set_of_a_set_is_the_same_set(source_set: Path, tmp_path: Path):
    again, fresh = make_degraded_set(source_set, tmp_path / 'again')
    assert fresh and again.checksum == VideoSet.load(source_set).checksum
    assert again.manifest['source']['checksum'] == again.checksum


def test_folder_without_videos(tmp_path: Path):
    with pytest.raises(DatasetError, match='no such folder'):
        make_degraded_set(tmp_path / 'absent', tmp_path / 'out')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(DatasetError, match='holds no video'):
        make_degraded_set(tmp_path / 'empty', tmp_path / 'out')
