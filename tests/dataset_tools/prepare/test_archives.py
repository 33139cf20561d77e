"""Truncated archives, and folders with links in circles."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

import pytest

from dataset_tools.manifest import DatasetError
from dataset_tools.prepare.sets import prepare


@pytest.fixture
def tar(tmp_path: Path, photograph, write_video) -> bytes:
    """A tar archive of video a, three frames, with no zeros beyond its end."""
    frames = [photograph[:16, 8 * t : 8 * t + 24] for t in range(3)]
    write_video(tmp_path / 'given' / 'a', frames)
    path = tmp_path / 'whole.tar'
    with tarfile.open(path, 'w') as archive:
        archive.add(tmp_path / 'given' / 'a', 'a')
        end = archive.offset
    data = path.read_bytes()
    path.unlink()
    return data[: end + 1024]


def _starts(data: bytes, path: Path) -> list[int]:
    path.write_bytes(data)
    with tarfile.open(path) as archive:
        return [member.offset for member in archive]


@pytest.mark.parametrize('packing', ['tar', 'tar.gz'])
def test_archives_cut_anywhere(tar: bytes, tmp_path: Path, packing):
    path = tmp_path / f'cut.{packing}'
    pack = gzip.compress if packing == 'tar.gz' else bytes
    starts = _starts(tar, path)
    before = set(tmp_path.iterdir())
    # Between two members, within a header, within a member, before the zeros at the end.
    for end in (*starts[1:], starts[2] + 100, starts[2] + 700, len(tar) - 1024):
        path.write_bytes(pack(tar[:end]))
        with pytest.raises(DatasetError, match=f'cut.{packing}: cannot be unpacked') as caught:
            list(prepare('folder', [path], tmp_path / 'out'))
        assert '\n' not in str(caught.value)
    assert set(tmp_path.iterdir()) == before
    path.write_bytes(pack(tar))
    ((made, _),) = prepare('folder', [path], tmp_path / 'out')
    assert made.videos['a'].frames == 3


def test_damaged_headers_and_checksums(tar: bytes, tmp_path: Path):
    path = tmp_path / 'bad.tar'
    second = _starts(tar, path)[2]
    path.write_bytes(tar[:second] + b'x' + tar[second + 1 :])
    with pytest.raises(DatasetError, match='bad.tar: cannot be unpacked .*damaged at byte'):
        list(prepare('folder', [path], tmp_path / 'out'))
    packed = gzip.compress(tar)
    path.write_bytes(packed[:-8] + bytes(4) + packed[-4:])
    with pytest.raises(DatasetError, match='bad.tar: cannot be unpacked .*CRC'):
        list(prepare('folder', [path], tmp_path / 'out'))


@pytest.mark.parametrize('target', ['.', 'given', 'given/a'])
@pytest.mark.parametrize('link', ['given/b/deep', 'given/A'])
def test_links_in_circles(tar: bytes, tmp_path: Path, link, target):
    """Every folder is read once, under its own name."""
    (tmp_path / link).parent.mkdir(exist_ok=True)
    (tmp_path / link).symlink_to(tmp_path / target)
    ((made, _),) = prepare('folder', [tmp_path / 'given'], tmp_path / 'out')
    assert list(made.videos) == ['a']


def test_links_to_other_places(tar: bytes, tmp_path: Path, photograph, write_video):
    write_video(tmp_path / 'elsewhere' / 'deep' / 'c', [photograph[:16, :24]])
    (tmp_path / 'given' / 'b').symlink_to(tmp_path / 'elsewhere')
    (tmp_path / 'start').symlink_to(tmp_path / 'given')
    ((made, _),) = prepare('folder', [tmp_path / 'start'], tmp_path / 'out')
    assert list(made.videos) == ['a', 'c'] and made.manifest['source']['given'] == ['given']
