"""Public sets distributed as video files: clips, sequences, damaged and short files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dataset_tools.__main__ import main
from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.prepare import plans
from dataset_tools.prepare.public_sets import SETS
from dataset_tools.prepare.sets import prepare
from dataset_tools.video import decode_video
from tests import videos
from tests.videos import CODECS, cut_off, damage, pan


@pytest.fixture
def write_file(photograph) -> Callable[..., Path]:
    """Writes a video file of 64 x 48 that pans over the photograph."""

    def write(path: Path, frames: int, **options) -> Path:
        path.parent.mkdir(exist_ok=True)
        return videos.write_file(path, pan(photograph, frames), **options)

    return write


def made(results) -> dict[str, VideoSet]:
    return {r[0].root.name: r[0] for r in results if not isinstance(r, str)}


def notes(results) -> list[str]:
    return [result for result in results if isinstance(result, str)]


@pytest.mark.slow
@pytest.mark.parametrize('suffix', list(CODECS))
def test_video_files_of_every_kind(write_file, tmp_path: Path, read_video, suffix):
    """Also in folders and with upper-case names."""
    path = write_file(tmp_path / 'v' / f'pan{suffix}', 6)
    path = path.rename(path.with_suffix(suffix.upper()))
    out = made(prepare('video', [path.parent], tmp_path / 'out'))['out']
    assert out.videos['pan'].frames == 6
    decoded = list(decode_video(path))
    assert len(decoded) == 6
    assert np.array_equal(np.stack(read_video(out.root, 'gt', 'pan')), np.stack(decoded))
    assert not list(prepare('video', [path.parent], tmp_path / 'out'))[0][1]


def test_turned_videos_have_upright_sizes(write_file, tmp_path: Path, read_video):
    path = write_file(tmp_path / 'a.mp4', 3, rotation=90)
    out = made(prepare('video', [path], tmp_path / 'out'))['out']
    assert out.videos['a'].sizes == {'gt': (64, 48), 'lr_bd': (16, 12)}
    plain = list(decode_video(write_file(tmp_path / 'plain.mp4', 3)))
    assert np.array_equal(read_video(out.root, 'gt', 'a')[2], np.rot90(plain[2]))


def test_damaged_videos_leave_nothing(write_file, tmp_path: Path):
    path = write_file(tmp_path / 'v' / 'pan.mp4', 10)
    for call in (
        lambda: cut_off(path, 0.6),
        lambda: damage(write_file(path, 10), 0.1, 0.9),
        lambda: path.write_bytes(b'no video at all'),
    ):
        call()
        with pytest.raises(DatasetError, match=r'pan(\.mp4)?: '):
            list(prepare('video', [tmp_path / 'v'], tmp_path / 'out'))
        assert [found.name for found in tmp_path.iterdir()] == ['v']


def test_a_cut_off_video_is_taken_only_when_told(write_file, tmp_path: Path, read_video, capsys):
    path = write_file(tmp_path / 'pan.mkv', 30)
    whole = list(decode_video(path))
    cut_off(path, 0.67)
    call = ['prepare', 'video', str(path), '--output', str(tmp_path / 'out')]
    assert main(call) == 2
    fault = 'pan: cut off: ends at 0.84 s of 1.20 s'
    assert f'{path}: {fault}; --allow-partial goes on with what is there' in capsys.readouterr().err
    assert [found.name for found in tmp_path.iterdir()] == ['pan.mkv']
    assert main([*call, '--allow-partial']) == 0
    assert f'note: {fault}' in capsys.readouterr().out
    out = VideoSet.load(tmp_path / 'out')
    assert out.manifest['source']['differences'] == [fault]
    assert np.array_equal(read_video(out.root, 'gt', 'pan'), np.stack(whole[:21]))


def test_a_matrix_that_was_assumed_is_told(write_file, tmp_path: Path, monkeypatch):
    monkeypatch.setattr('dataset_tools.video._HD_HEIGHT', 48)
    results = list(prepare('video', [write_file(tmp_path / 'hd.mp4', 2)], tmp_path / 'out'))
    assert notes(results) == ['hd: is HD without a colour matrix; BT.601 is assumed, as in FFmpeg']


@pytest.fixture
def short_clips(monkeypatch) -> None:
    """Vimeo with clips of 4 frames, two of them."""
    monkeypatch.setattr(plans, 'CLIP_FRAMES', 4)
    train = replace(SETS['vimeo/train'], count=2, frames=(4, 4), heights=(48, 48), widths=(64, 64))
    monkeypatch.setitem(SETS, 'vimeo/train', train)
    val4 = replace(SETS['vimeo/val4'], count=1, frames=(5, 5), heights=(48, 48), widths=(64, 64))
    monkeypatch.setitem(SETS, 'vimeo/val4', val4)


def test_vimeo_is_cut_into_clips(write_file, short_clips, tmp_path: Path, read_video):
    path = write_file(tmp_path / 'teco' / 'long.mp4', 9)
    write_file(tmp_path / 'teco' / 'held.mp4', 5)
    results = list(
        prepare(
            'vimeo',
            [path.parent],
            tmp_path / 'vimeo',
            validation=['held'],
            static_copies=True,
        )
    )
    sets = made(results)
    assert notes(results) == [] and list(sets) == ['train', 'val4']
    assert {v.name: v.frames for v in sets['train'].videos.values()} == {
        'long_0000': 4,
        'long_0001': 4,
    }
    assert list(sets['val4'].videos) == ['held', 'held_static']
    decoded = list(decode_video(path))
    assert np.array_equal(read_video(sets['train'].root, 'gt', 'long_0001')[0], decoded[4])
    stills = read_video(sets['val4'].root, 'gt', 'held_static')
    assert len(stills) == 5 and all(np.array_equal(stills[0], still) for still in stills)


def test_vimeo_is_never_whole(write_file, short_clips, tmp_path: Path):
    write_file(tmp_path / 'teco' / 'short.mp4', 3)
    with pytest.raises(DatasetError, match='short: 3 frames, too few for a clip of 4; left out'):
        list(prepare('vimeo', [tmp_path / 'teco'], tmp_path / 'vimeo'))
    write_file(tmp_path / 'teco' / 'scene_2000.mkv', 4)
    results = list(prepare('vimeo', [tmp_path / 'teco'], tmp_path / 'vimeo'))
    assert list(made(results)['train'].videos) == ['scene_2000']
    assert notes(results) == [
        'Vimeo: 1 videos instead of 2',
        'short: 3 frames, too few for a clip of 4; left out',
    ]
    with pytest.raises(DatasetError, match='no video is called scene_9; there are scene_2000, sh'):
        list(prepare('vimeo', [tmp_path / 'teco'], tmp_path / 'v', validation=['scene_9']))


def test_ristn_sequences_are_halved(write_file, tmp_path: Path, read_video):
    path = write_file(tmp_path / 'hd' / 'a.mkv', 23)
    results = list(prepare('ristn-train', [path], tmp_path / 'ristn', sequences=3))
    out = made(results)['ristn']
    assert len(out.videos) == 3 and {v.frames for v in out.videos.values()} == {5}
    assert {v.sizes['gt'] for v in out.videos.values()} == {(24, 32)}
    assert "RISTN's training videos: 1 videos instead of 195" in notes(results)
    assert "RISTN's training videos: a is 64x48 instead of 1920x1080" in notes(results)
    name, cut = list(out.manifest['parameters']['cuts'].items())[-1]
    frame = list(decode_video(path))[cut['first_frame']].astype(float)
    mean = (frame[::2, ::2] + frame[1::2, ::2] + frame[::2, 1::2] + frame[1::2, 1::2]) / 4
    assert np.abs(read_video(out.root, 'gt', name)[0] - mean).max() <= 0.5
    again = made(prepare('ristn-train', [path], tmp_path / 'again', sequences=3))['again']
    assert again.checksum == out.checksum


def test_ristn_takes_what_there_is(write_file, tmp_path: Path):
    path = write_file(tmp_path / 'hd' / 'a.mkv', 12)
    results = list(prepare('ristn-train', [path], tmp_path / 'ristn', sequences=5800))
    assert '2 sequences instead of 5800' in notes(results)
    assert list(made(results)['ristn'].videos) == ['a_0000', 'a_0001']
