"""Texture density and the ranking by it."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from dataset_tools.degrade.sets import make_degraded_set
from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.texture import make_texture_set, pick, rank_frames
from dataset_tools.verify import verify


@pytest.fixture
def blurred_set(tmp_path: Path, photograph, write_video) -> Path:
    """Videos a, b, c of two frames; c is the blurriest, and second frames are blurrier."""
    piece = photograph[100:164, 200:296]
    for number, name in enumerate('abc'):
        sigmas = (0.5 + number, 0.9 + number)
        write_video(tmp_path / 'hr' / name, [cv2.GaussianBlur(piece, (0, 0), s) for s in sigmas])
    return make_degraded_set(tmp_path / 'hr', tmp_path / 'blurred')[0].root


def test_ranking(blurred_set: Path):
    ranking = rank_frames(VideoSet.load(blurred_set))
    assert [(entry.video, entry.frame) for entry in ranking] == [
        (name, frame) for name in 'abc' for frame in (0, 1)
    ]
    densities = [entry.density for entry in ranking]
    assert densities == sorted(set(densities), reverse=True) and densities[-1] > 0


def test_picks_come_from_different_videos(blurred_set: Path):
    ranking = rank_frames(VideoSet.load(blurred_set))
    assert [(entry.video, entry.frame) for entry in pick(ranking, 2)] == [('a', 0), ('b', 0)]
    for count in (0, 4):
        with pytest.raises(DatasetError, match='the set has 3 videos'):
            pick(ranking, count)


def test_texture_set(blurred_set: Path, tmp_path: Path, read_video):
    made, fresh = make_texture_set(blurred_set, tmp_path / 'texture', 1)
    assert fresh and list(made.videos) == ['dense1_a_00000000', 'sparse1_c_00000001']
    dense = read_video(made.root, 'gt', 'dense1_a_00000000')
    assert len(dense) == 1 and np.array_equal(dense[0], read_video(blurred_set, 'gt', 'a')[0])
    with (made.root / 'ranking.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [row['video'] for row in rows] == list('aabbcc')
    assert not make_texture_set(blurred_set, tmp_path / 'texture', 1)[1]
    assert verify(made.root) == []
    (made.root / 'ranking.csv').write_text('forged')
    assert verify(made.root) == ['changed: ranking.csv']


def test_too_few_videos_leave_nothing(blurred_set: Path, tmp_path: Path):
    with pytest.raises(DatasetError, match='4 frames of different videos asked for'):
        make_texture_set(blurred_set, tmp_path / 'texture', 4)
    assert not (tmp_path / 'texture').exists()
