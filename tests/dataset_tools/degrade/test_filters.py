"""BD against SciPy, BI against MATLAB's values, and the tool that makes a set of a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from dataset_tools.degrade.filters import crop_to_multiple, degrade, pad_to_multiple, phase
from dataset_tools.degrade.sets import make_degraded_set
from dataset_tools.manifest import DEGRADATIONS, DatasetError, VideoSet
from dataset_tools.verify import verify


def scipy_bd(hr: np.ndarray) -> np.ndarray:
    """An independent BD; truncating at 4 sigma gives 13 taps."""
    blurred = gaussian_filter(hr.astype(np.float64), (1.5, 1.5, 0), mode='mirror', truncate=4)
    return np.rint(blurred[::4, ::4]).astype(np.uint8)


@pytest.mark.parametrize(
    'height, width', [(400, 600), (397, 599), (64, 3), (5, 6), (4, 4), (2, 100), (1, 1)]
)
def test_bd_equals_scipy_to_the_last_bit(photograph, height, width):
    hr = photograph[:height, :width]
    assert np.array_equal(degrade(hr, 'bd'), scipy_bd(hr))


def test_bd_keeps_white_white_and_size():
    lr = degrade(np.full((8, 12, 3), 255, np.uint8), 'bd')
    assert lr.shape == (2, 3, 3) and lr.dtype == np.uint8 and (lr == 255).all()


def test_bi_of_an_edge_by_hand():
    # Dark, and bright from column 8 on. LR pixel i lies at column 4i + 1.5, its tap at distance d
    # is k(d / 4) / 4 with the cubic k. Bright taps of LR pixel 1 are at 2.5, 3.5, .., 7.5:
    # (.3896 + .0908 - .0479 - .0732 - .0439 - .0068) / 4 = .0771; those of LR pixel 0 at 6.5, 7.5:
    # (-.0439 - .0068) / 4 = -.0127; pixels 2 and 3 mirror them.
    hr = np.full((16, 16, 3), 100, np.uint8)
    hr[:, 8:] = 150
    assert (degrade(hr, 'bi')[:, :, 0] == [99, 104, 146, 151]).all()
    # The same from 0 to 255, where the overshoot is clipped.
    hr = np.where(hr == 100, np.uint8(0), np.uint8(255))
    assert (degrade(hr, 'bi')[:, :, 0] == [0, 20, 235, 255]).all()


@pytest.mark.slow  # importing MMagic
@pytest.mark.parametrize('height, width', [(400, 600), (64, 48), (16, 400), (397, 599)])
def test_bi_equals_mmagic_within_one(photograph, height, width):
    resize = pytest.importorskip('mmagic.datasets.transforms.matlab_like_resize')
    hr = photograph[:height, :width]
    transform = resize.MATLABLikeResize(keys=['img'], scale=1 / 4)
    expected = np.clip(transform.transform({'img': hr.astype(np.float32)})['img'], 0, 255)
    made = degrade(hr, 'bi').astype(float)
    assert made.shape == expected.shape
    assert np.abs(made - expected).max() <= 1


def test_bd_of_duf(photograph):
    """Their code: the kernel is a filtered impulse, frames are padded by 14 and LR cut by 2."""
    hr = photograph[40:120, 60:164]
    impulse = np.zeros((13, 13))
    impulse[6, 6] = 1
    kernel = gaussian_filter(impulse, 1.6)
    padded = np.pad(hr.astype(float), ((14, 14), (14, 14), (0, 0)), mode='reflect')
    expected = windows(padded, kernel, 0, 4)[2:-2, 2:-2]
    assert np.array_equal(degrade(hr, 'bd_duf'), np.rint(expected))


def test_bd_of_tecogan_pytorch(photograph):
    hr = photograph[40:120, 60:164]
    line = np.exp(-(np.arange(-4, 5) ** 2) / (2 * 1.5**2))
    kernel = np.outer(line, line) / np.outer(line, line).sum()
    padded = np.pad(hr.astype(float), ((4, 4), (4, 4), (0, 0)), mode='reflect')
    assert np.array_equal(degrade(hr, 'bd_tecogan'), np.rint(windows(padded, kernel, 0, 4)))


def test_bd_of_rlsp(photograph):
    hr = photograph[40:120, 60:164]
    expected = gaussian_filter(hr.astype(float), (1.5, 1.5, 0))[::4, ::4]
    assert np.array_equal(degrade(hr, 'bd_rlsp'), np.rint(expected))


def test_bd_of_basicvsr(photograph):
    """Its script: 12 taps about pixels 5 and 6 (MATLAB's centre of 12 is the 6th), then 2:4:end."""
    hr = photograph[40:120, 60:164]
    line = np.exp(-((np.arange(12) - 5.5) ** 2) / (2 * 1.6**2))
    kernel = np.outer(line, line) / np.outer(line, line).sum()
    padded = np.pad(hr.astype(float), ((5, 6), (5, 6), (0, 0)), mode='edge')
    assert np.array_equal(degrade(hr, 'bd_basicvsr'), np.rint(windows(padded, kernel, 1, 4)))


def windows(padded, kernel, first, step):
    """Sums under the kernel at rows and columns first, first + step, .. without padding."""
    view = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape, axis=(0, 1))
    return np.einsum('hwcij,ij->hwc', view[first::step, first::step], kernel)


def test_bi_of_pillow(photograph):
    hr = photograph[40:120, 60:163]
    lr = degrade(hr, 'bi_pil')
    assert lr.shape == (20, 26, 3)
    assert np.array_equal(lr, np.asarray(Image.fromarray(hr).resize((26, 20), Image.BICUBIC)))
    inside = (slice(3, -3), slice(3, -3))
    whole = photograph[40:120, 60:164]
    difference = degrade(whole, 'bi_pil')[inside].astype(int) - degrade(whole, 'bi')[inside]
    assert np.abs(difference).max() <= 1  # the kernels are one


@pytest.mark.parametrize('kind', DEGRADATIONS)
def test_phases(kind):
    """A ramp that rises by 4 a pixel is blurred to itself: its value tells the position."""
    hr = np.repeat(4 * np.arange(48, dtype=np.uint8)[None, :, None], 48, 0).repeat(3, 2)
    at = degrade(hr, kind)[6, 3:9, 0] / 4 - 4 * np.arange(3, 9)
    assert np.abs(at - phase(kind)).max() <= 0.13


def test_pad_to_multiple(photograph):
    padded = pad_to_multiple(photograph[:7, :10])
    assert padded.shape == (8, 12, 3)
    assert np.array_equal(padded[:7, :10], photograph[:7, :10])
    assert np.array_equal(padded[7], padded[5])
    assert np.array_equal(padded[:, 10:], padded[:, 8:6:-1])


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


def test_both_kinds_in_one_set(hr_folder: Path, tmp_path: Path, read_video):
    made, _ = make_degraded_set(hr_folder, tmp_path / 'both', ['bi', 'bd'])
    assert made.kinds == ('gt', 'lr_bd', 'lr_bi') and verify(made.root) == []
    hr = read_video(made.root, 'gt', 'a')[3]
    assert np.array_equal(read_video(made.root, 'lr_bd', 'a')[3], degrade(hr, 'bd'))
    assert np.array_equal(read_video(made.root, 'lr_bi', 'a')[3], degrade(hr, 'bi'))


@pytest.mark.parametrize('pad, said, size', [(False, 'cropped', 64), (True, 'padded', 68)])
def test_sizes_that_4_does_not_divide(
    hr_folder: Path, tmp_path: Path, photograph, read_video, caplog, pad, said, size
):
    made, _ = make_degraded_set(hr_folder, tmp_path / 'out', pad=pad)
    height = 52 if pad else 48
    assert made.videos['b'].sizes == {'gt': (height, size), 'lr_bd': (height // 4, size // 4)}
    assert 'size of 1 of 2 videos' in caplog.text
    assert said in caplog.text and f'b from 67x50 to {size}x{height}' in caplog.text
    assert said in made.manifest['kinds']['gt']['made_by']
    shared = np.s_[: min(height, 50), : min(size, 67)]
    hr = read_video(made.root, 'gt', 'b')[0]
    assert np.array_equal(hr[shared], photograph[200:250, 300:367][shared])


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
