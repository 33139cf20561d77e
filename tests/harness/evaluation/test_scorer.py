"""Which columns there are, and what fills them."""

import numpy as np
import pytest
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio

from harness.errors import UserError
from harness.evaluation import scorer
from harness.evaluation.protocols import PROTOCOLS
from harness.evaluation.scorer import (
    VideoScorer,
    metric_columns,
    metric_problems,
    register_metric,
)


@pytest.fixture
def frames(photographs):
    """Frames of 100 x 120 that move, and the same brighter."""
    gts = [photographs[0][100:200, 200 + 4 * t : 320 + 4 * t] for t in range(3)]
    return gts, [np.clip(gt + 9.0, 0, 255).astype(np.uint8) for gt in gts]


def test_columns():
    assert metric_columns([], False) == ['psnr_y', 'ssim_y']
    assert metric_columns([], True) == ['psnr_y', 'ssim_y', 'psnr_inside', 'psnr_outside']
    wanted = ['warp_error', 'psnr_y', 'tof']
    assert metric_columns(wanted, False) == ['psnr_y', 'ssim_y', 'tof', 'warp_error']


def test_unknown_metrics():
    assert metric_problems(['tof', 'psnr_y', 'psnr_inside']) == []
    (problem,) = metric_problems(['tof', 'fvd'])
    assert "'fvd'" in problem and 'warp_error' in problem


def test_values_are_in_their_columns(frames):
    columns = ['psnr_y', 'ssim_y', 'tof', 'warp_error']
    score = VideoScorer(columns)
    rows = [score(gt, sr) for gt, sr in zip(*frames, strict=True)]
    assert [list(row) for row in rows] == [columns] * 3
    for row, gt, sr in zip(rows, *frames, strict=True):
        expected = PROTOCOLS['default'].score(gt, sr)
        assert (row['psnr_y'], row['ssim_y']) == pytest.approx(expected, abs=1e-6)
    assert np.isnan([rows[0]['tof'], rows[0]['warp_error']]).all()
    assert all(0 < row['tof'] < 0.5 and 0 < row['warp_error'] < 0.01 for row in rows[1:])


def test_inside_and_outside_of_a_mask(frames):
    gt, sr = frames[0][0], frames[1][0].copy()
    mask = np.zeros(gt.shape[:2], np.uint8)
    mask[:, 40:70] = 255
    sr[:, 70:] = 0
    score = VideoScorer(metric_columns([], True))
    row = score(gt, sr, mask)
    gt_y, sr_y = (rgb2ycbcr(x)[..., 0] for x in (gt, sr))
    for column, where in (('psnr_inside', mask > 0), ('psnr_outside', mask == 0)):
        expected = peak_signal_noise_ratio(gt_y[where], sr_y[where], data_range=255)
        assert row[column] == pytest.approx(expected, abs=1e-4)
    assert row['psnr_inside'] > row['psnr_y'] > row['psnr_outside']
    black = score(gt, sr, np.zeros_like(mask))
    assert np.isnan(black['psnr_inside'])
    assert black['psnr_outside'] == pytest.approx(row['psnr_y'], abs=1e-6)


def test_masks_are_cut_as_the_protocol_cuts_frames(frames):
    gt, sr = frames[0][0], frames[1][0].copy()
    sr[60:, 40:80] = 0
    mask = np.zeros(gt.shape[:2], np.uint8)
    mask[60:, 40:80] = 255
    protocol = PROTOCOLS['mrvsr']
    row = VideoScorer(metric_columns([], True), protocol)(gt, sr, mask)
    planes = protocol.planes(*protocol.match(gt, sr))
    assert planes[0].shape == (64 - 16, 96 - 16)
    # cut at 6 + 12 rows and 6 + 6 columns, then 8
    top, left = 60 - 18 - 8, 40 - 12 - 8
    inside = [plane[top:, left : left + 40] for plane in planes]
    expected = peak_signal_noise_ratio(*inside, data_range=255)
    assert row['psnr_inside'] == pytest.approx(expected, abs=1e-4)


def test_what_needs_rgb_is_no_number_for_y_alone(frames):
    protocol = PROTOCOLS['mrvsr_vid4']
    saved = [np.rint(rgb2ycbcr(sr)[..., 0]).astype(np.uint8)[2:98, 12:108] for sr in frames[1]]
    score = VideoScorer(metric_columns(['tof', 'warp_error'], False), protocol)
    for gt, sr, y in zip(*frames, saved, strict=True):
        row = score(gt, y)
        assert np.isnan([row['tof'], row['warp_error']]).all()
        assert (row['psnr_y'], row['ssim_y']) == pytest.approx(protocol.score(gt, sr), abs=1e-5)


@pytest.fixture
def registered(monkeypatch):
    """Forgets metrics of a test afterwards."""
    monkeypatch.setattr(scorer, 'OPTIONAL_METRICS', dict(scorer.OPTIONAL_METRICS))
    monkeypatch.setattr(scorer, 'OWN_METRICS', set(scorer.OWN_METRICS))


@pytest.mark.parametrize('name', ['psnr_y', 'psnr_inside', 'tof', 'frame', 'ms', '../a', ''])
def test_names_that_own_metrics_cannot_have(registered, name):
    """The column of a metric would replace another; reports make files of the name."""
    with pytest.raises(UserError, match='register_metric: '):
        register_metric(name)


@pytest.mark.parametrize('left', [0, 1])
def test_a_metric_known_at_the_end_of_the_video(registered, frames, left):
    """Largest difference of each frame; with a number too few the rows would shift."""

    @register_metric('largest')
    class Largest:
        def __init__(self):
            self.found = []

        def __call__(self, gt, sr, region):
            self.found.append(float(np.abs(gt.astype(int) - sr).max()))
            return float('nan')

        def finish(self):
            return self.found[left:]

    score = VideoScorer(['psnr_y', 'ssim_y', 'largest'])
    rows = [score(gt, sr) for gt, sr in zip(*frames, strict=True)]
    if left:
        with pytest.raises(ValueError, match='shorter'):
            score.fill(rows)
        return
    score.fill(rows)
    assert [row['largest'] for row in rows] == [
        np.abs(gt.astype(int) - sr).max() for gt, sr in zip(*frames, strict=True)
    ]
