"""The status of runs, kept on disk only.

A run folder holds ``run.json`` (what the run is), ``status.json`` (how far it is), a lock that its
process holds, ``timing.json`` once it is trained, and ``evaluations.json``, which says for each
``frames_<test set>.csv`` which version of the test set it was computed on.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.files import read_json, write_json

STATUSES = ('DONE', 'RUNNING', 'FAILED', 'TODO')


class AlreadyRunningError(RuntimeError):
    """Another process works on the run."""


@contextmanager
def claim(folder: Path, attempts: int = 20) -> Iterator[None]:
    """Holds the run for this process; the kernel lets go of it however the process ends.

    Several attempts, 50 ms apart, because :func:`is_claimed` holds the lock for a moment.

    Raises:
        AlreadyRunningError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / '.lock', 'w') as lock:
        if not _lock(lock, attempts):
            raise AlreadyRunningError(f'{folder.name} is run by another process')
        yield


def _lock(file, attempts: int) -> bool:
    for _ in range(attempts):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(0.05)
    return False


def is_claimed(folder: Path) -> bool:
    """Whether a living process works on the run."""
    if not (folder / '.lock').exists():
        return False
    try:
        with claim(folder, attempts=1):
            return False
    except AlreadyRunningError:
        return True


def write_status(folder: Path, status: str, **details) -> None:
    """Records the status with ``stage``, ``iteration``, ``max_iters`` or ``reason``."""
    updated = time.strftime('%Y-%m-%dT%H:%M:%S%z')
    write_json(folder / 'status.json', dict(status=status, updated=updated, **details))


def read_status(folder: Path, test_sets: dict[str, str]) -> str:
    """DONE, RUNNING, FAILED or TODO.

    Args:
        folder: the run folder.
        test_sets: test set -> checksum that the run must be evaluated on to be DONE.
    """
    status = read_json(folder / 'status.json').get('status')
    if status == 'DONE' and not missing_evaluations(folder, test_sets):
        return 'DONE'
    if status is None:
        return 'TODO'
    if is_claimed(folder):
        return 'RUNNING'
    return 'FAILED' if status == 'FAILED' else 'TODO'


def missing_evaluations(folder: Path, test_sets: dict[str, str]) -> list[str]:
    """Test sets without results, or with results from another version of the set."""
    done = read_json(folder / 'evaluations.json')
    return [
        name
        for name, checksum in test_sets.items()
        if done.get(name) != checksum or not frames_csv(folder, name).is_file()
    ]


def record_evaluation(folder: Path, test_set: str, checksum: str) -> None:
    """Notes that the CSV of ``test_set`` is complete."""
    path = folder / 'evaluations.json'
    write_json(path, {**read_json(path), test_set: checksum})


def frames_csv(folder: Path, test_set: str) -> Path:
    """Per-frame results of a run on a test set."""
    return folder / f'frames_{test_set}.csv'
