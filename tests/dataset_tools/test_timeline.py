"""Downloads that are cut off or have a damaged middle are never taken for shorter videos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dataset_tools.manifest import DatasetError
from dataset_tools.video import count_pictures, decode_video
from tests.videos import damage, pan, write_file

_KEYS = {'g': '8'}


@pytest.fixture
def frames(photograph) -> list[np.ndarray]:
    return pan(photograph, 60)


def write(path: Path, frames: list[np.ndarray], **container_options: str) -> Path:
    if path.suffix == '.webm':
        container_options = {'cluster_time_limit': '300'}
    return write_file(path, frames, options=_KEYS, container_options=container_options or None)


def whole_frames(path: Path) -> tuple[list[np.ndarray], str]:
    """Frames that are decoded before the error, and the error."""
    frames = []
    with pytest.raises(DatasetError) as caught:
        for frame in decode_video(path):
            frames.append(frame)
    assert '\n' not in str(caught.value)
    return frames, str(caught.value)


_KINDS = ['.mp4', '.mkv', '.webm', '.avi', '.flv', '.wmv', '.gif', '.y4m', '.ts', '.ogv']


@pytest.mark.slow
@pytest.mark.parametrize('suffix', [*_KINDS, '.fragments.mp4'])
def test_cut_anywhere(tmp_path: Path, frames, suffix):
    """Whatever is decoded are whole frames, in order, before an error."""
    options = {'movflags': 'frag_keyframe+empty_moov'} if 'fragments' in suffix else {}
    path = write(tmp_path / f'cut{suffix}', frames, **options)
    data, whole = path.read_bytes(), list(decode_video(path))
    for share in (0.67, 0.75, 0.83):
        path.write_bytes(data[: int(len(data) * share)])
        found, message = whole_frames(path)
        assert 0 < len(found) < 60 and message.endswith('; download or copy the file again')
        assert np.array_equal(np.stack(found), np.stack(whole[: len(found)]))
        count, fault = count_pictures(path)
        assert count == len(found) and message.startswith(f'{path}: {fault}; download')
        if suffix in ('.mkv', '.webm'):
            assert fault == f'cut off: ends at {count / 25:.2f} s of 2.40 s'


@pytest.mark.parametrize('suffix', ['.mkv', '.webm', '.ts', '.mp4'])
def test_a_damaged_middle(tmp_path: Path, frames, suffix):
    path = write(tmp_path / f'hole{suffix}', frames)
    damage(path, 0.45, 0.6)
    found, message = whole_frames(path)
    assert 0 < len(found) < 60 and count_pictures(path)[0] == len(found)
    if suffix == '.webm':
        assert 'damaged or of variable rate: has no frames from 1.' in message


def test_gaps_of_two_pictures(tmp_path: Path, frames):
    times = [*range(30), *range(32, 62)]
    path = write_file(tmp_path / 'gap.mkv', frames, times=times)
    assert count_pictures(path) == (
        60,
        'damaged or of variable rate: has no frames from 1.20 s to 1.28 s',
    )


def test_files_of_one_picture_that_had_more(tmp_path: Path, frames):
    path = write_file(tmp_path / 'a.mkv', frames)
    data = path.read_bytes()
    first = data.index(frames[0].shape[0].to_bytes(1, 'big'))
    sizes = [len(data) * number // 60 for number in (1, 2, 3)]
    counts = []
    for size in sizes:
        path.write_bytes(data[: first + size])
        try:
            counts.append(count_pictures(path))
        except DatasetError as error:
            assert 'a.mkv: no intact frame in this file' in str(error)
            counts.append((0, None))
    assert (1, 'cut off: ends at 0.04 s of 2.40 s') in counts


def test_what_follows_the_end_is_no_matter(tmp_path: Path, frames):
    for suffix, more in (('.mp4', b'camera data'), ('.gif', b'\0\0'), ('.mp4', b'\0' * 100)):
        path = write(tmp_path / f'a{suffix}', frames[:12])
        path.write_bytes(path.read_bytes() + more)
        assert count_pictures(path) == (12, None)


def test_a_stream_that_is_joined_late(tmp_path: Path, frames):
    """MPEG-TS may begin anywhere; what cannot be decoded is not shown."""
    path = write(tmp_path / 'a.ts', frames)
    path.write_bytes(path.read_bytes()[188 * 20 + 77 :])
    count, fault = count_pictures(path)
    assert fault is None and 30 < count < 60
