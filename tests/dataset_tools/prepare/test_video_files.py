"""Public sets that come as video files: clips, sequences, and files that are damaged or short."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from dataset_tools.frames import decode_video
from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.prepare import plans
from dataset_tools.prepare.public_sets import SETS
from dataset_tools.prepare.sets import prepare

_CODECS = {'.mp4': ('mpeg4', 'yuv420p'), '.mkv': ('ffv1', 'bgr0'), '.gif': ('gif', 'rgb8')}
_CODECS['.y4m'] = ('wrapped_avframe', 'yuv420p')


@pytest.fixture
def write_file(photograph) -> Callable[..., Path]:
    """Writes a video file of 64 x 48 that pans over the photograph."""

    def write(path: Path, frames: int) -> Path:
        path.parent.mkdir(exist_ok=True)
        codec, pixels = _CODECS[path.suffix]
        movflags = {'movflags': 'faststart'} if path.suffix == '.mp4' else {}
        with av.open(str(path), 'w', options=movflags) as container:
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
            for t in range(frames):
                piece = np.ascontiguousarray(photograph[:48, 4 * t : 4 * t + 64])
                frame = av.VideoFrame.from_ndarray(piece, format='rgb24')
                container.mux(stream.encode(frame.reformat(format=pixels)))
            container.mux(stream.encode())
        return path

    return write


def made(results) -> dict[str, VideoSet]:
    return {r[0].root.name: r[0] for r in results if not isinstance(r, str)}


def notes(results) -> list[str]:
    return [result for result in results if isinstance(result, str)]


@pytest.mark.parametrize('suffix', list(_CODECS))
def test_video_files_of_every_kind(write_file, tmp_path: Path, read_video, suffix):
    path = write_file(tmp_path / f'pan{suffix}', 6)
    out = made(prepare('video', [path], tmp_path / 'out'))['out']
    assert out.videos['pan'].frames == 6
    decoded = list(decode_video(path))
    assert len(decoded) == 6
    assert np.array_equal(np.stack(read_video(out.root, 'gt', 'pan')), np.stack(decoded))


def test_damaged_videos_leave_nothing(write_file, tmp_path: Path):
    path = write_file(tmp_path / 'v' / 'pan.mp4', 10)
    path.write_bytes(path.read_bytes()[:-4000])
    with pytest.raises(DatasetError, match=r'pan\.mp4: '):
        list(prepare('video', [tmp_path / 'v'], tmp_path / 'out'))
    path.write_bytes(b'no video at all')
    with pytest.raises(DatasetError, match=r'pan\.mp4: cannot be opened'):
        list(prepare('video', [path], tmp_path / 'out'))
    assert [found.name for found in tmp_path.iterdir()] == ['v']


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
