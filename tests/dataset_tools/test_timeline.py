"""Downloads that are cut off or have a damaged middle are never taken for shorter videos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dataset_tools.manifest import DatasetError
from dataset_tools.video import count_pictures, decode_video
from tests.videos import cut_off, damage, pan, write_file

_KEYS = {'g': '8'}


@pytest.fixture
def frames(photograph) -> list[np.ndarray]:
    return pan(photograph, 60)


def write(path: Path, frames: list[np.ndarray]) -> Path:
    container = {'cluster_time_limit': '300'} if path.suffix == '.webm' else None
    return write_file(path, frames, options=_KEYS, container_options=container)


def whole_frames(path: Path) -> tuple[list[np.ndarray], str]:
    """Frames that are decoded before the error, and the error."""
    frames = []
    with pytest.raises(DatasetError) as caught:
        for frame in decode_video(path):
            frames.append(frame)
    assert '\n' not in str(caught.value)
    return frames, str(caught.value)


@pytest.mark.parametrize(
    'suffix', ['.mp4', '.mkv', '.webm', '.avi', '.flv', '.wmv', '.gif', '.y4m']
)
def test_cut_at_two_thirds(tmp_path: Path, frames, suffix):
    path = write(tmp_path / f'cut{suffix}', frames)
    whole = list(decode_video(path))
    cut_off(path, 0.67)
    found, message = whole_frames(path)
    assert 10 < len(found) < 60 and message.endswith('; fetch the file again')
    assert str(path) in message
    assert np.array_equal(np.stack(found), np.stack(whole[: len(found)]))
    count, fault = count_pictures(path)
    assert count == len(found) and f'{path}: {fault}; fetch' in message
    if suffix in ('.mkv', '.webm'):
        assert fault == f'cut off: ends at {count / 25:.2f} s of 2.40 s'


@pytest.mark.parametrize('suffix', ['.mkv', '.webm', '.ts', '.mp4'])
def test_a_damaged_middle(tmp_path: Path, frames, suffix):
    path = write(tmp_path / f'hole{suffix}', frames)
    damage(path, 0.45, 0.6)
    found, message = whole_frames(path)
    assert 0 < len(found) < 60 and count_pictures(path)[0] == len(found)
    if suffix == '.webm':
        assert 'damaged or of a variable rate: holds no pictures from 1.' in message


def test_gaps_of_two_pictures(tmp_path: Path, frames):
    times = [*range(30), *range(32, 62)]
    path = write_file(tmp_path / 'gap.mkv', frames, times=times)
    assert count_pictures(path) == (
        60,
        'damaged or of a variable rate: holds no pictures from 1.20 s to 1.28 s',
    )


def test_a_file_of_one_picture_that_had_more(tmp_path: Path, frames):
    path = write_file(tmp_path / 'a.mkv', frames)
    data = path.read_bytes()
    path.write_bytes(data[: 1000 + len(data) // 60])
    assert count_pictures(path) == (1, 'cut off: ends at 0.04 s of 2.40 s')


def test_a_file_without_whole_pictures(tmp_path: Path, frames):
    path = write(tmp_path / 'a.mkv', frames)
    path.write_bytes(path.read_bytes()[:800])
    with pytest.raises(DatasetError, match=r'a\.mkv: '):
        count_pictures(path)
