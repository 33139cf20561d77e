"""Frames that lie beside their ground truth are noticed, and nothing else is."""

import numpy as np
import pytest
import torch

from dataset_tools.degrade.filters import degrade
from harness.evaluation.shift import REACH, find_shift, psnr_of_shifts
from harness.networks.upsample import bicubic


@pytest.fixture
def photo(photographs):
    return photographs[0][:160, :240]


def enlarged(hr, kind, grid):
    """Bicubic frames of an LR kind as if it lay on the grid of ``bd`` or ``bi``."""
    lr = torch.from_numpy(degrade(hr, kind)).permute(2, 0, 1)[None] / 255
    sr = bicubic(lr, grid)[0].permute(1, 2, 0)
    return (255 * sr).round().clamp(0, 255).byte().numpy()


@pytest.mark.parametrize(('down', 'right'), [(2, -1), (-3, 3), (0, 1)])
def test_whole_pixels(photo, down, right):
    moved = np.roll(photo, (-down, -right), (0, 1))
    shift = find_shift([psnr_of_shifts(photo, moved)])
    assert (shift.down, shift.right) == (down, right) and shift.gain > 50
    assert shift.psnr + shift.gain == 100 and ' 100.0 instead of ' in str(shift)


@pytest.mark.parametrize(
    ('kind', 'grid', 'expected'),
    [
        ('bd', 'bi', -1.5),  # shown 1.5 pixels too far to the right and down
        ('bd_basicvsr', 'bd', 1.5),
        ('bi', 'bd', 1.5),
        ('bd', 'bd', None),
        ('bi', 'bi', None),
    ],
)
def test_wrong_phases_are_found(photo, kind, grid, expected):
    shift = find_shift([psnr_of_shifts(photo, enlarged(photo, kind, grid))])
    assert shift is None if expected is None else (shift.right, shift.down) == (expected, expected)
    assert shift is None or shift.gain > 1


def test_the_middle_is_the_psnr(photo):
    from harness.evaluation.metrics import psnr, rgb_to_y

    sr = enlarged(photo, 'bd', 'bd')
    inner = (slice(11, -11), slice(11, -11))
    expected = psnr(rgb_to_y(photo)[inner], rgb_to_y(sr)[inner])
    assert psnr_of_shifts(photo, sr)[2 * REACH, 2 * REACH] == pytest.approx(expected, abs=1e-4)


def test_noise_is_no_shift(photo):
    """Though interpolation makes it weaker by several dB."""
    noise = np.random.default_rng(0).normal(0, 25, photo.shape)
    noisy = np.clip(photo + noise, 0, 255).astype(np.uint8)
    scores = psnr_of_shifts(photo, noisy)
    assert scores.max() > scores[2 * REACH, 2 * REACH] + 1
    assert find_shift([scores]) is None


def test_frames_are_judged_together(photo):
    """One frame that is better elsewhere, as in a video that moves, says nothing."""
    moved = psnr_of_shifts(photo, np.roll(photo, 1, 0))
    other = psnr_of_shifts(photo, np.roll(photo, -1, 0))
    assert find_shift([moved]) and not find_shift([moved, other])


def test_small_frames_are_left_out(photo):
    assert psnr_of_shifts(photo[:32], photo[:32]) is None
    assert find_shift([None]) is None and find_shift([]) is None
