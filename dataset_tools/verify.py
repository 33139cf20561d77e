"""Compares a set with its manifest, byte by byte."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from dataset_tools.limits import size_text
from dataset_tools.manifest import (
    MANIFEST,
    DatasetError,
    VideoSet,
    content_checksum,
    frame_name,
    png_size,
)
from dataset_tools.pack.files import packed_files

_PNG_END = b'IEND\xaeB`\x82'


class _Expected(NamedTuple):
    """The SHA-256 that a file should have and, if known, its pixels (height, width) or bytes."""

    sha256: str
    size: tuple[int, int] | None = None
    bytes: int = 0


def verify(root: str | Path) -> list[str]:
    """Finds files that are missing, truncated, changed, of another size, or extra.

    Args:
        root: The set folder, packed or not.

    Returns:
        One line for each problem, e.g. ``changed: gt/a/00000003.png``; empty for an intact set.

    Raises:
        DatasetError: No set or no valid manifest.
    """
    found = VideoSet.load(root)
    problems = []
    if content_checksum(found.manifest['videos'], found.kinds) != found.checksum:
        problems.append(f'changed: {MANIFEST} (its checksum is not that of the frames it lists)')
    expected = _packed(found) if found.packed else _frames(found)
    expected |= {
        name: _Expected(sha256) for name, sha256 in found.manifest.get('files', {}).items()
    }
    inside = []
    for name in expected:
        try:
            inside.append(found.place(name))
        except DatasetError:
            problems.append(f'leads out of the set: {name}')
    hashes = _hashes(inside)
    for path in inside:
        name = path.relative_to(found.root).as_posix()
        if hashes[os.path.realpath(path)] != expected[name].sha256:
            problems.append(f'{_damage(path, expected[name])}: {name}')
    present = {
        Path(folder, name).relative_to(found.root).as_posix()
        for folder, _, names in os.walk(found.root)
        for name in names
    }
    extra = present - set(expected) - {MANIFEST}
    return problems + [f'extra: {name}' for name in sorted(extra)]


def _frames(found: VideoSet) -> dict[str, _Expected]:
    return {
        f'{kind}/{video.name}/{frame_name(index)}': _Expected(sha256, video.sizes[kind])
        for kind in found.kinds
        for video in found.videos.values()
        for index, sha256 in enumerate(found.manifest['videos'][video.name][kind]['sha256'])
    }


def _packed(found: VideoSet) -> dict[str, _Expected]:
    return {
        f'{kind}/{video}/{name}': _Expected(file.sha256, bytes=file.bytes)
        for (kind, video), files in packed_files(found).items()
        for name, file in files.items()
    }


def _hashes(paths: Iterable[Path]) -> dict[str, str | None]:
    """Returns the SHA-256 of files, None for missing ones; linked files are read once."""
    files = list(dict.fromkeys(map(os.path.realpath, paths)))
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        hashes = pool.map(_hash, files)
        bar = tqdm(hashes, total=len(files), desc='verify', unit='file', disable=None, leave=False)
        return dict(zip(files, bar, strict=True))


def _hash(file: str) -> str | None:
    try:
        # Reading a pipe would block.
        return hashlib.sha256(Path(file).read_bytes()).hexdigest() if os.path.isfile(file) else None
    except OSError:
        return None


def _damage(path: Path, expected: _Expected) -> str:
    """Describes the damage of a file whose bytes differ from the manifest."""
    if not path.is_file():
        return 'missing'
    data = path.read_bytes()
    if len(data) < expected.bytes:
        return 'truncated'
    found = png_size(data)
    if expected.size is None or found is None:
        return 'changed'
    if not data.endswith(_PNG_END):
        return 'truncated'
    if found != expected.size:
        return f'size {size_text(found)} instead of {size_text(expected.size)}'
    return 'changed'
