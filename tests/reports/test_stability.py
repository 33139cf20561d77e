"""Statistics of a video against numbers worked out by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from reports.stability import set_statistics, video_statistics


def frames(psnr, video='v', run='r', first=0, **more):
    """Frames of one video with the given PSNR values."""
    psnr = np.asarray(psnr, dtype=float)
    columns = {'trial_id': run, 'test_set': 's', 'video': video, 'ms': 1.0, 'ssim_y': psnr / 100}
    return pd.DataFrame({**columns, 'frame': first + np.arange(len(psnr)), 'psnr_y': psnr, **more})


def statistics(psnr, reset_every=math.nan, **more):
    rows = video_statistics(frames(psnr, **more), pd.Series({'r': reset_every}))
    assert len(rows) == 1
    return rows.iloc[0]


def test_windows_and_drift():
    found = statistics([20.0] * 50 + [99.0] * 20 + [10.0] * 50)
    assert found['psnr_first50'] == pytest.approx(20.0)
    assert found['psnr_last50'] == pytest.approx(10.0)
    assert found['drift'] == pytest.approx(-10.0)
    assert found['ssim_first50'] == pytest.approx(0.2)
    assert found['psnr_y'] == pytest.approx((50 * 20 + 20 * 99 + 50 * 10) / 120)


def test_fewer_than_100_frames_have_no_windows():
    short, long = statistics([30.0] * 99), statistics([30.0] * 100)
    for name in ('psnr_first50', 'psnr_last50', 'drift', 'divergence_frame'):
        assert math.isnan(short[name])
    assert pd.isna(short['diverged']) and long['diverged'] is np.False_
    assert long['drift'] == 0


@pytest.mark.parametrize(
    ('psnr', 'frame'),
    [
        ([30.0] * 120, None),
        ([30.0] * 70 + [28.9] * 50, 70),
        ([30.0] * 70 + [29.0] * 50, 70),  # exactly 1 dB under
        ([30.0] * 70 + [29.1] * 50, None),
        ([30.0] * 70 + [20.0] * 40 + [30.0] * 10, None),  # recovers
        ([30.0] * 70 + [20.0] * 10 + [30.0] * 10 + [20.0] * 30, 90),  # relapses: the last time
        ([30.0] * 25 + [28.0] * 25 + [27.9] * 70, 25),  # mean of the first 50: 29
        ([30.0] * 119 + [20.0], 119),
        ([20.0, 30.0] * 60, None),
        ([30.0, 20.0] * 60, 119),  # the last frame alone
    ],
)
def test_divergence_frame(psnr, frame):
    found = statistics(psnr)
    assert found['diverged'] == (frame is not None)
    if frame is None:
        assert math.isnan(found['divergence_frame'])
    else:
        assert found['divergence_frame'] == frame


SAW = [30.0 - 0.1 * (t % 30) for t in range(135)]  # 2.9 dB lower before each reset


@pytest.mark.parametrize(
    ('psnr', 'every', 'frame'),
    [
        (SAW[:120], math.nan, 113),
        (SAW[:120], 30, None),  # the last stretch begins well
        (SAW, 30, None),
        (SAW[:100] + [20.0] * 20 + SAW[120:], 30, None),  # recovers at the reset
        (SAW[:100] + [20.0] * 35, 30, 100),
        ([30.0] * 70 + [20.0] * 50, 30, 70),
        ([30.0] * 70 + [20.0] * 50, 120, 70),  # never reset
    ],
)
def test_divergence_between_resets(psnr, every, frame):
    found = statistics(psnr, reset_every=every)
    assert found['diverged'] == (frame is not None)
    assert frame == (found['divergence_frame'] if found['diverged'] else None)


@pytest.mark.slow
def test_divergence_against_a_plain_search():
    generator = np.random.default_rng(5)
    for _ in range(30):
        psnr = 25 - np.linspace(0, 2.5, 150) * generator.random() + generator.normal(0, 0.4, 150)
        under = psnr <= psnr[:50].mean() - 1
        wanted = [t for t in range(150) if under[t:].all()]
        found = statistics(psnr)['divergence_frame']
        assert found == wanted[0] if wanted else math.isnan(found)


def test_worst_frame_is_the_earliest_of_several():
    found = statistics([30.0, 12.0, 40.0, 12.0])
    assert (found['worst_frame'], found['worst_psnr']) == (1, 12.0)


def test_frames_that_others_left_out():
    """A protocol that drops two frames at each end of a video of 110."""
    found = statistics(np.arange(2, 108), first=2)
    assert found['psnr_first50'] == pytest.approx(np.arange(2, 52).mean())
    assert found['psnr_last50'] == pytest.approx(np.arange(58, 108).mean())
    assert found['worst_frame'] == 2


def test_optional_quantities_are_averaged_where_they_exist():
    found = statistics([30.0, 30.0, 30.0], tof=[np.nan, 0.2, 0.4])
    assert found['tof'] == pytest.approx(0.3)


def test_sets():
    fine, bad = [30.0] * 120, [30.0] * 60 + [20.0] * 60
    videos = video_statistics(
        pd.concat([frames(fine, 'a'), frames(bad, 'b'), frames([40.0] * 10, 'c')]),
        pd.Series({'r': math.nan}),
    )
    found = set_statistics(videos, []).iloc[0]
    assert found['psnr_y'] == pytest.approx((30 + 25 + 40) / 3)
    assert found['psnr_last50'] == pytest.approx((30 + 20) / 2)  # of the long videos
    assert (found['diverged'], found['diverged_of'], found['divergence_frame']) == (1, 2, 60)
    assert found['worst_psnr'] == 20.0
