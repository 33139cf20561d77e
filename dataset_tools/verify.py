"""Compares a set with its manifest, byte by byte."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from dataset_tools.manifest import MANIFEST, VideoSet, content_checksum, frame_file


def verify(root: str | Path) -> list[str]:
    """Looks for files that are missing, changed or extra.

    Args:
        root: The set folder.

    Returns:
        One line for each problem, e.g. ``changed: gt/a/00000003.png``; empty for a sound set.

    Raises:
        DatasetError: No set or no valid manifest there.
    """
    found = VideoSet.load(root)
    problems = []
    if content_checksum(found.manifest['videos'], found.kinds) != found.checksum:
        problems.append(f'changed: {MANIFEST} (its checksum is not that of the frames it lists)')
    expected = _expected(found)
    hashes: dict[Path, str] = {}
    for path, checksum in expected.items():
        if not path.exists():
            problems.append(f'missing: {path.relative_to(found.root)}')
        elif _file_checksum(path, hashes) != checksum:
            problems.append(f'changed: {path.relative_to(found.root)}')
    present = {Path(folder) / name for folder, _, names in os.walk(found.root) for name in names}
    extra = present - set(expected) - {found.root / MANIFEST}
    return problems + [f'extra: {path.relative_to(found.root)}' for path in sorted(extra)]


def _expected(found: VideoSet) -> dict[Path, str]:
    return {
        frame_file(found.root, kind, name, index): checksum
        for kind in found.kinds
        for name, entry in found.manifest['videos'].items()
        for index, checksum in enumerate(entry[kind]['sha256'])
    }


def _file_checksum(path: Path, hashes: dict[Path, str]) -> str:
    """SHA-256 of a file; repeated frames are links to one file, which is read once."""
    real = path.resolve()
    if real not in hashes:
        hashes[real] = hashlib.sha256(real.read_bytes()).hexdigest()
    return hashes[real]
