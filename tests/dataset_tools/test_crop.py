"""Crops of videos."""

import numpy as np
import pytest

from dataset_tools.__main__ import main
from dataset_tools.crop import make_crop_set
from dataset_tools.degrade.filters import degrade
from dataset_tools.degrade.sets import make_degraded_set
from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.verify import verify


@pytest.fixture
def source(tmp_path, photograph, write_video):
    """Video a of 5 frames of 32 x 48 and b of 2 frames of 16 x 16, and the frames of a."""
    frames = [photograph[10 * t : 10 * t + 32, 60:108] for t in range(5)]
    write_video(tmp_path / 'hr' / 'a', frames)
    write_video(tmp_path / 'hr' / 'b', [photograph[t : t + 16, :16] for t in range(2)])
    return make_degraded_set(tmp_path / 'hr', tmp_path / 'source', ['bi'])[0].root, frames


def test_crops(source, tmp_path, read_video):
    """5 of 12 and 3 of 8 LR pixels: the window begins with the third LR pixel to the right."""
    root, frames = source
    output = tmp_path / 'crops'
    argv = ['crop', str(root), '--output', str(output), '--window', '5x3', '--frames', '3']
    assert main([*argv, '--first', '1', '--videos', 'a']) == 0
    made = VideoSet.load(output)
    assert verify(output) == [] and list(made.videos) == ['a'] and made.lr_kinds == ('lr_bi',)
    for number, hr in enumerate(read_video(output, 'gt', 'a')):
        expected = frames[1 + number][8:20, 12:32]
        assert np.array_equal(hr, expected)
        lr = read_video(output, 'lr_bi', 'a')[number]
        assert np.array_equal(lr, degrade(expected, 'bi'))


def test_what_is_smaller_or_shorter_is_taken_whole(source, tmp_path):
    made, _ = make_crop_set(source[0], tmp_path / 'crops', (6, 6), 4)
    assert [(v.frames, v.sizes['gt']) for v in made.videos.values()] == [
        (4, (24, 24)),
        (2, (16, 16)),
    ]


@pytest.mark.parametrize(
    ('first', 'videos', 'message'),
    [
        (2, None, 'b has 2 frames, and none of number 2'),
        (-1, None, 'a has 5 frames, and none of number -1'),
        (0, ['a', 'c'], 'no video c; there are a, b'),
    ],
)
def test_what_is_not_there(source, tmp_path, first, videos, message):
    with pytest.raises(DatasetError, match=message):
        make_crop_set(source[0], tmp_path / 'crops', (4, 4), 3, first, videos)
    assert not (tmp_path / 'crops').exists()
