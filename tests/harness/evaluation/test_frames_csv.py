"""Files of per-frame results."""

import pandas as pd
import pytest

from harness.evaluation.frames_csv import missing_metrics, write_frames


@pytest.fixture
def table():
    scores = dict(psnr_y=[30.123456789, 1e-9], ssim_y=[0.5, 1.0], warp_error=[None, 1.23456789e-7])
    return pd.DataFrame(dict(video='001', frame=[0, 1], **scores))


def test_small_numbers_keep_their_digits(table, tmp_path):
    path = tmp_path / 'new' / 'frames_set.csv'
    write_frames(table, path)
    read = pd.read_csv(path, dtype={'video': str})
    pd.testing.assert_frame_equal(read, table.astype({'warp_error': float}), rtol=1e-7)
    assert path.read_text().splitlines()[1].endswith('0.5,')  # empty, not "nan"
    assert [p.name for p in path.parent.iterdir()] == ['frames_set.csv']


def test_missing_metrics(table, tmp_path):
    path = tmp_path / 'frames_set.csv'
    assert missing_metrics(path, ['psnr_y', 'tof']) == ['psnr_y', 'tof']
    write_frames(table, path)
    assert missing_metrics(path, ['psnr_y', 'tof', 'warp_error']) == ['tof']
    path.write_text('')
    assert missing_metrics(path, ['psnr_y']) == ['psnr_y']
