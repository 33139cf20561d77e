"""The tools that recombine whole videos: jump, loop and the paper's Composit set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dataset_tools.__main__ import main
from dataset_tools.composit.paper import make_paper_composit_set
from dataset_tools.degrade.sets import make_degraded_set
from dataset_tools.jump import jump_order, make_jump_set
from dataset_tools.loop import make_loop_set
from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.verify import verify


@pytest.fixture
def three_videos(tmp_path: Path, photograph, write_video) -> Path:
    """A set of videos a, b and c, 6 frames of 16 x 24 each."""
    for number, name in enumerate('abc'):
        top = 90 * number
        pieces = [photograph[top : top + 16, 20 * t : 20 * t + 24] for t in range(6)]
        write_video(tmp_path / 'three' / name, pieces)
    return make_degraded_set(tmp_path / 'three', tmp_path / 'three_set')[0].root


def make_stills(root: Path, videos: dict[str, int], photograph, write_video) -> Path:
    """A set of small videos of the given lengths."""
    for name, frames in videos.items():
        write_video(root / 'hr' / name, [photograph[t : t + 4, t : t + 8] for t in range(frames)])
    return make_degraded_set(root / 'hr', root / 'set')[0].root


def test_jump_order():
    assert jump_order(0, 3, [2, 3], 5) == [0, 0, 1, 2, 2]
    assert jump_order(2, 3, [1], 3) == [2, 0, 0]
    for cuts in ([0], [5], [3, 3], [3, 2]):
        with pytest.raises(DatasetError, match='must be increasing numbers above 0 and below 5'):
            jump_order(0, 3, cuts, 5)


def test_jump_set(three_videos: Path, tmp_path: Path, read_video):
    made, fresh = make_jump_set(three_videos, tmp_path / 'jump', [2, 4], 5)
    assert fresh and verify(made.root) == []
    source = {name: read_video(three_videos, 'gt', name) for name in 'abc'}
    for name, scenes in {'a': 'aabbc', 'b': 'bbcca', 'c': 'ccaab'}.items():
        frames = read_video(made.root, 'gt', name)
        assert len(frames) == 5
        for t, (frame, scene) in enumerate(zip(frames, scenes, strict=True)):
            assert np.array_equal(frame, source[scene][t])


def test_videos_that_cannot_be_joined(three_videos: Path, source_set: Path, tmp_path: Path):
    with pytest.raises(DatasetError, match='a has 6 frames, 7 asked for'):
        make_jump_set(three_videos, tmp_path / 'jump', [2], 7)
    with pytest.raises(DatasetError, match='b has 1 frames, 5 asked for'):
        make_jump_set(source_set, tmp_path / 'jump', [2], 5)
    assert not (tmp_path / 'jump').exists()


def test_jump_needs_videos_of_one_size(tmp_path: Path, photograph, write_video):
    write_video(tmp_path / 'hr' / 'a', [photograph[:16, :24]] * 2)
    alone = make_degraded_set(tmp_path / 'hr', tmp_path / 'alone')[0].root
    with pytest.raises(DatasetError, match='one video only'):
        make_jump_set(alone, tmp_path / 'jump', [1], 2)
    write_video(tmp_path / 'hr' / 'b', [photograph[:16, :28]] * 2)
    unequal = make_degraded_set(tmp_path / 'hr', tmp_path / 'unequal')[0].root
    with pytest.raises(DatasetError, match='b and a differ in size'):
        make_jump_set(unequal, tmp_path / 'jump', [1], 2)


def test_loop_set(source_set: Path, tmp_path: Path, read_video):
    made, _ = make_loop_set(source_set, tmp_path / 'loop', 12)
    assert {video.frames for video in made.videos.values()} == {12} and verify(made.root) == []
    source, frames = read_video(source_set, 'gt', 'a'), read_video(made.root, 'gt', 'a')
    assert all(np.array_equal(frame, source[t % 5]) for t, frame in enumerate(frames))
    assert sum(not file.is_symlink() for file in (made.root / 'gt' / 'a').iterdir()) == 5


@pytest.mark.slow
def test_paper_composit(tmp_path: Path, photograph, write_video, caplog, capsys):
    names = ('000', '001', '002', '003', '004', '005', '006', '007_static')
    reds = make_stills(
        tmp_path / 'reds', dict.fromkeys(names, 100) | {'002': 99}, photograph, write_video
    )
    lengths = {f'v{i:02d}': 32 if i else 31 for i in range(12)}
    spmcs = make_stills(tmp_path / 'spmcs', lengths, photograph, write_video)
    made, _ = make_paper_composit_set(reds, spmcs, tmp_path / 'composit')
    assert {name: video.frames for name, video in made.videos.items()} == {
        # 002 is too short, and of the four of REDSval4 only one is needed.
        **dict.fromkeys(['reds_000', 'reds_003', 'reds_004', 'reds_005'], 298),
        **dict.fromkeys([f'spmcs_v{i:02d}' for i in range(11)], 181),
    }
    assert verify(made.root) == []
    assert 'a reconstruction' in made.manifest['parameters']['note'] and 'unpubl' in caplog.text
    assert made.manifest['parameters']['in_validation'] == ['000']
    assert '000 of REDS also in REDSval4' in caplog.text
    call = ['composit', str(reds), str(spmcs), '--output', str(tmp_path / 'composit')]
    assert main([*call, '--preset', 'paper']) == 0
    assert 'already there, 15 videos' in capsys.readouterr().out


def test_paper_composit_of_too_few_videos(source_set: Path, tmp_path: Path, capsys):
    with pytest.raises(DatasetError, match='0 of 2 videos have at least 100 frames, 4 are needed'):
        make_paper_composit_set(source_set, source_set, tmp_path / 'composit')
    assert not (tmp_path / 'composit').exists()
    call = ['composit', str(source_set), '--output', str(tmp_path / 'c'), '--preset', 'paper']
    assert main(call) == 2
    assert 'with --preset paper two' in capsys.readouterr().err


def test_tools_make_the_lr_kinds_of_their_source(hr_folder: Path, tmp_path: Path):
    both = make_degraded_set(hr_folder, tmp_path / 'both', ['bi', 'bd'])[0]
    assert both.kinds == ('gt', 'lr_bd', 'lr_bi')
    assert make_loop_set(both.root, tmp_path / 'loop', 3)[0].kinds == both.kinds
    assert VideoSet.load(tmp_path / 'loop').videos['a'].sizes['lr_bi'] == (12, 16)
