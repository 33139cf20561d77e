"""Packs the results of a grid into one zip, without weights and images, to publish and report on.

The zip contains ``grid.json``; for each run ``run.json``, ``config.py``, its times, status, record
of evaluations and per-frame results; the external results; and ``record.json``, which has the
checksums of all these files and of each run's last checkpoint, and the versions with which the zip
was made. The checksums of sets and of pretrained weights are in ``grid.json`` and ``run.json``.
"""

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.runs.files import InvalidFile, load_json, replacing, sha256
from harness.runs.folder import RunFolder
from harness.runs.identity import versions

FORMAT = 'vsr-stability records'
RECORD = 'record.json'
_OF_RUN = ('run.json', 'config.py', 'timing.json', 'status.json', 'evaluations.json')
_FRAMES = re.compile(r'(frames|videos)_[^/\\:*?"<>|\x00-\x1f]{1,200}\.csv')
#: limit on the unpacked size in bytes: enough for 100 million frames, too little for a zip bomb
MOST_BYTES = 16 << 30
#: diagnostics that a run's hooks have written
_DIAGNOSTICS = re.compile(r'(states|validation)/iter_[0-9]{1,12}\.csv')
_DATE = (1980, 1, 1, 0, 0, 0)  # the same results give the same zip


def export_records(work_dir: Path, path: Path) -> int:
    """Writes the zip, atomically.

    Args:
        work_dir: The grid's work directory.
        path: The zip to write.

    Returns:
        The number of files in it.

    Raises:
        InvalidFile: There is no grid in ``work_dir``.
    """
    load_json(work_dir / 'grid.json')
    checksums = {}
    checkpoints = {run.name: _checkpoint(run) for run in _runs(work_dir) if run.checkpoints}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, zipfile.ZipFile(temporary, 'w') as archive:
        for name in _files(work_dir):
            # Read once: runs that go on meanwhile change their status.
            content = (work_dir / name).read_bytes()
            checksums[name] = hashlib.sha256(content).hexdigest()
            _put(archive, name, content)
        record = dict(
            format=FORMAT,
            version=1,
            versions=versions(),
            files=checksums,
            checkpoints=checkpoints,
        )
        _put(archive, RECORD, json.dumps(record, indent=1).encode())
    return len(checksums) + 1


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content, zipfile.ZIP_DEFLATED, 9)


def _runs(work_dir: Path) -> list[RunFolder]:
    """The runs of the grid, without those of earlier versions of its file."""
    runs = load_json(work_dir / 'grid.json').get('runs', [])
    return [RunFolder.of(work_dir, str(run.get('run_id'))) for run in runs]


def _checkpoint(run: RunFolder) -> dict[str, str]:
    last = run.checkpoints[-1]
    return {last.name: sha256(last)}


def _files(work_dir: Path) -> Iterator[str]:
    yield 'grid.json'
    for run in _runs(work_dir):
        yield from _of_folder(work_dir, f'runs/{run.name}', _OF_RUN)
    for key in load_json(work_dir / 'grid.json').get('external', {}):
        yield from _of_folder(work_dir, f'external/{key}', ('external.json',))


def _of_folder(work_dir: Path, folder: str, names: tuple[str, ...]) -> Iterator[str]:
    root = work_dir / folder
    for path in sorted(path for path in root.rglob('*.*') if path.is_file()):
        name = path.relative_to(root).as_posix()
        if name in names or _FRAMES.fullmatch(name) or _DIAGNOSTICS.fullmatch(name):
            yield f'{folder}/{name}'


def unpack_records(path: Path, folder: Path) -> None:
    """Unpacks a zip made by :func:`export_records`, so that ``folder`` becomes a work directory.

    Nothing is written outside ``folder``, and nothing that is not part of a record.

    Raises:
        InvalidFile: It is not such a zip, is damaged or incomplete, or contains other files.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _unpack(archive, path, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InvalidFile(f'{path}: is not a complete zip file ({error})') from None
    except OSError as error:
        raise InvalidFile(f'{path}: cannot be read: {error.strerror or error}') from None


def _unpack(archive: zipfile.ZipFile, path: Path, folder: Path) -> None:
    entries = {entry.filename: entry for entry in archive.infolist()}
    wanted = _wanted(archive, entries, path)
    if len(entries) < len(archive.infolist()):
        raise InvalidFile(f'{path}: contains two files of the same name')
    for name in entries.keys() - {RECORD} - wanted.keys():
        raise InvalidFile(f'{path}: contains {name[:100]!r}, which is not in its {RECORD}')
    if sum(entry.file_size for entry in entries.values()) > MOST_BYTES:
        raise InvalidFile(f'{path}: contains more than {MOST_BYTES >> 30} GiB')
    for name, checksum in wanted.items():
        if name not in entries:
            raise InvalidFile(f'{path}: lacks {name}, which its {RECORD} names')
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(archive, entries[name], target, path)
        if sha256(target) != checksum:
            raise InvalidFile(f'{path}: {name} was changed after the zip was made')


def _wanted(archive: zipfile.ZipFile, entries: dict, path: Path) -> dict[str, Any]:
    """Name -> checksum of every file in the record."""
    entry = entries.get(RECORD)
    if entry is None or entry.file_size > MOST_BYTES >> 6:
        raise InvalidFile(f'{path}: contains no {RECORD}, so run_grid.py --export did not write it')
    try:
        record = json.loads(archive.read(entry))
        if (record['format'], record['version']) != (FORMAT, 1):
            raise ValueError
        wanted = dict(record['files'])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InvalidFile(f'{path}: this version cannot read its {RECORD}') from None
    for name in wanted:
        if not _is_of_a_record(name):
            raise InvalidFile(f'{path}: {str(name)[:100]!r} is not part of a record')
    return wanted


def _is_of_a_record(name: str) -> bool:
    if name == 'grid.json':
        return True
    place, _, rest = name.partition('/')
    folder, _, file = rest.partition('/')
    if place not in ('runs', 'external') or not _is_folder(folder):
        return False
    own = _OF_RUN if place == 'runs' else ('external.json',)
    return file in own or bool(_FRAMES.fullmatch(file) or _DIAGNOSTICS.fullmatch(file))


def _is_folder(name: str) -> bool:
    """Whether it is a valid name of a run's or an external result's folder; run ids may be long."""
    good = name.isprintable() and not {*name} & {*'/\\:*?"<>|'}
    return good and len(name.encode(errors='surrogatepass')) <= 255 and name[:1] not in ('', '.')


def _copy(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, path: Path) -> None:
    """Extracts a file; it must not be longer than the zip says."""
    left = entry.file_size
    with archive.open(entry) as source, open(target, 'wb') as file:
        while block := source.read(1 << 20):
            left -= len(block)
            if left < 0:
                raise InvalidFile(f'{path}: {entry.filename} is longer than the zip says')
            file.write(block)
