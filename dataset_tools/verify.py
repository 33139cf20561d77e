"""Compares a set with its manifest, byte by byte."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from dataset_tools.manifest import MANIFEST, VideoSet, content_checksum, frame_file
from dataset_tools.pack.reader import verify_packed

_PNG_START = b'\x89PNG\r\n\x1a\n'
_PNG_END = b'IEND\xaeB`\x82'


def verify(root: str | Path) -> list[str]:
    """Looks for files that are missing, truncated, changed, of another size, or extra.

    Args:
        root: The set folder.

    Returns:
        One line for each problem, e.g. ``changed: gt/a/00000003.png``; empty for a sound set.

    Raises:
        DatasetError: No set or no valid manifest there.
    """
    found = VideoSet.load(root)
    if found.packed:
        return verify_packed(found)
    problems = []
    if content_checksum(found.manifest['videos'], found.kinds) != found.checksum:
        problems.append(f'changed: {MANIFEST} (its checksum is not that of the frames it lists)')
    frames = _frames(found)
    files = {found.root / n: sha256 for n, sha256 in found.manifest.get('files', {}).items()}
    expected = {path: sha256 for path, (sha256, _) in frames.items()} | files
    hashes = _hashes(expected)
    for path, sha256 in expected.items():
        actual = hashes[os.path.realpath(path)]
        if actual != sha256:
            damage = _damage(path, frames[path][1] if path in frames else None)
            problems.append(f'{damage}: {path.relative_to(found.root)}')
    present = {Path(folder) / name for folder, _, names in os.walk(found.root) for name in names}
    extra = present - set(expected) - {found.root / MANIFEST}
    return problems + [f'extra: {path.relative_to(found.root)}' for path in sorted(extra)]


def _frames(found: VideoSet) -> dict[Path, tuple[str, tuple[int, int]]]:
    """Frame file -> SHA-256 and (height, width)."""
    return {
        frame_file(found.root, kind, video.name, index): (sha256, video.sizes[kind])
        for kind in found.kinds
        for video in found.videos.values()
        for index, sha256 in enumerate(found.manifest['videos'][video.name][kind]['sha256'])
    }


def _hashes(paths: Iterable[Path]) -> dict[str, str | None]:
    """SHA-256 of files, None where missing; repeated frames are links to one file, read once."""
    files = list(dict.fromkeys(map(os.path.realpath, paths)))
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        hashes = pool.map(_hash, files)
        bar = tqdm(hashes, total=len(files), desc='verify', unit='file', disable=None, leave=False)
        return dict(zip(files, bar, strict=True))


def _hash(file: str) -> str | None:
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError:
        return None


def _damage(path: Path, size: tuple[int, int] | None) -> str:
    """What has become of a file whose bytes are not those of the manifest."""
    if not path.exists():
        return 'missing'
    data = path.read_bytes()
    if size is None or not data.startswith(_PNG_START):
        return 'changed'
    if not data.endswith(_PNG_END):
        return 'truncated'
    width, height = (int.from_bytes(data[start : start + 4], 'big') for start in (16, 20))
    if (height, width) != size:
        return f'size {width}x{height} instead of {size[1]}x{size[0]}'
    return 'changed'
