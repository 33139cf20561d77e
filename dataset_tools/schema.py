"""Checks a manifest: every entry that is used is checked when a set is loaded.

Imports only the standard library.
"""

from __future__ import annotations

import re
from typing import Any

from dataset_tools.limits import size_problem, size_text
from dataset_tools.names import name_problem

FORMAT = 1
SCALE = 4
#: LR frames that can be made, their kinds without ``lr_``: see ``dataset_tools.degrade.filters``
DEGRADATIONS = ('bd', 'bd_tecogan', 'bd_rlsp', 'bd_duf', 'bd_basicvsr', 'bi', 'bi_pil')

_SHA256 = re.compile('[0-9a-f]{64}')
_TYPES = {dict: 'an object', list: 'a list', str: 'a text', int: 'a whole number'}


def check_manifest(manifest: Any) -> None:
    """Checks a parsed manifest.

    Raises:
        ValueError: An entry is missing, of the wrong type, or impossible; one line, which does not
            name the file.
    """
    _check_type(manifest, dict, 'the manifest')
    version = _entry(manifest, 'format', int)
    if version != FORMAT:
        raise ValueError(f'format {version} instead of {FORMAT}')
    scale = _entry(manifest, 'scale', int)
    if scale != SCALE:
        raise ValueError(f'scale {scale} instead of {SCALE}')
    check_sha256(_entry(manifest, 'checksum', str), 'checksum')
    _check_name(_entry(manifest, 'name', str), 'name')
    kinds = list(_entry(manifest, 'kinds', dict))
    videos = _entry(manifest, 'videos', dict)
    if not kinds or not videos:
        raise ValueError(f'holds no {"videos" if kinds else "kinds of frames"}')
    for kind in kinds:
        _check_name(kind, 'kinds')
    for name in videos:
        _check_name(name, 'videos')
        _check_video(name, _entry(videos, name, dict, 'videos: '), kinds)
    files = _entry(manifest, 'files', dict) if 'files' in manifest else {}
    for name, sha256 in files.items():
        _check_name(name, 'files')
        check_sha256(sha256, f'files: {name}')


def check_sha256(value: Any, where: str) -> None:
    """Raises ValueError if a value is not a SHA-256 in lower-case hexadecimal digits."""
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise ValueError(f'{where}: {_short(value)} is not a SHA-256')


def _check_video(name: str, entry: dict[str, Any], kinds: list[str]) -> None:
    frames = _entry(entry, 'frames', int, f'{name}: ')
    if frames < 1:
        raise ValueError(f'{name}: {frames} frames')
    sizes = {}
    for kind in kinds:
        about = _entry(entry, kind, dict, f'{name}: ')
        where = f'{name}: {kind}: '
        size = (_entry(about, 'height', int, where), _entry(about, 'width', int, where))
        checksums = _entry(about, 'sha256', list, where)
        if len(checksums) != frames:
            raise ValueError(f'{name}: {len(checksums)} {kind} checksums for {frames} frames')
        for checksum in checksums:
            check_sha256(checksum, f'{where}sha256')
        sizes[kind] = size
    _check_sizes(name, sizes)


def _check_sizes(name: str, sizes: dict[str, tuple[int, int]]) -> None:
    for kind, size in sizes.items():
        problem = _size_problem(kind, size, sizes)
        if problem:
            raise ValueError(f'{name}: {kind}: {problem}')


def _size_problem(
    kind: str, size: tuple[int, int], sizes: dict[str, tuple[int, int]]
) -> str | None:
    """Checks that HR is SCALE times LR, and masks have the size of their frames."""
    if min(size) < 1:
        return f'frames of {size_text(size)} pixels'
    wanted = size
    if kind == 'gt':
        wanted = (size[0] // SCALE * SCALE, size[1] // SCALE * SCALE)
    elif 'gt' in sizes and kind == 'mask':
        wanted = sizes['gt']
    elif 'gt' in sizes and kind.startswith('lr'):
        wanted = (sizes['gt'][0] // SCALE, sizes['gt'][1] // SCALE)
    elif kind == 'mask':
        wanted = next((s for k, s in sizes.items() if k != 'mask'), size)
    if size != wanted:
        return f'frames of {size_text(size)} pixels, where only {size_text(wanted)} fits'
    return size_problem(size)


def _entry(holder: dict[str, Any], key: str, kind: type, where: str = '') -> Any:
    if key not in holder:
        raise ValueError(f'{where}no entry {key!r}')
    return _check_type(holder[key], kind, f'{where}{key}')


def _check_type(value: Any, kind: type, where: str) -> Any:
    # not isinstance, which accepts True as an int
    if type(value) is not kind:
        raise ValueError(f'{where}: {_short(value)} is not {_TYPES[kind]}')
    return value


def _check_name(name: str, where: str) -> None:
    problem = name_problem(name)
    if problem:
        raise ValueError(f'{where}: {problem}')


def _short(value: Any) -> str:
    return f'{value!r:.40}'
