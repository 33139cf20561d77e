"""Claims: they ensure that one process at a time, on any host, works on a run.

A run folder holds ``claim.<n>.json``; the claim with the largest n names the owner. A process takes
over a run by creating the file with the next number. The file system lets only one process do so,
even where ``flock`` does not work across hosts. The owner touches its claim regularly (the
heartbeat) and marks it as released when it ends. Numbers are never reused, so no number can be
claimed twice.
"""

import errno
import faulthandler
import os
import re
import secrets
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from harness.runs.files import read_json, write_json
from harness.runs.folder import RunFolder
from harness.runs.owners import Owner, this_process

#: seconds between two heartbeats
HEARTBEAT = 10.0
#: an owner on another host may be dead after this many seconds without a heartbeat
DEAD_AFTER = 180.0
#: exit code of a process whose run was taken over by another
CLAIM_LOST = 76
_CLAIM = re.compile(r'claim\.\d+\.json')
#: errors of file systems that do not support hard links
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL)


class Claim(NamedTuple):
    """The current claim on a run.

    Attributes:
        path: The claim's file.
        owner: The process that holds it; None if it is released or damaged.
        age: Seconds since the last heartbeat by this host's clock; negative if the owner's clock
            is ahead.
    """

    path: Path
    owner: Owner | None
    age: float

    @property
    def is_held(self) -> bool:
        """Whether its owner seems alive, judging by one look."""
        if self.owner is None:
            return False
        if self.owner.is_here:
            return self.owner.is_alive_here
        return abs(self.age) < DEAD_AFTER


class Witness:
    """Decides whether owners are alive by observing their heartbeats over time.

    The clocks of two hosts may differ by minutes. An owner on another host whose last heartbeat
    seems old, or lies in the future, therefore counts as dead only after no new heartbeat has been
    observed for a while.
    """

    def __init__(self) -> None:
        # claim -> its last heartbeat, and when that was first observed
        self._seen: dict[Path, tuple[float | None, float]] = {}

    def is_claimed(self, folder: Path) -> bool:
        """Whether a process works on the run, or may do so."""
        claim = current_claim(folder)
        return claim is not None and self.may_live(claim)

    def may_live(self, claim: Claim) -> bool:
        """Whether the owner of a claim is alive, or may be."""
        if claim.owner is None or claim.is_held or claim.owner.is_here:
            return claim.is_held
        try:
            beat = claim.path.stat().st_mtime
        except OSError:
            return True
        now = time.monotonic()
        last, since = self._seen.get(claim.path, (None, now))
        if last != beat:
            since = now
        self._seen[claim.path] = (beat, since)
        return now - since < 3 * HEARTBEAT


class AlreadyRunningError(RuntimeError):
    """Another process is already working on the run."""


@contextmanager
def claim(folder: RunFolder, hang_after: float) -> Iterator[None]:
    """Claims a run for the block and sends heartbeats meanwhile.

    If the run makes no progress, the process writes the stacks of its threads to the log, records
    FAILED and exits. It also exits if another process has taken over the run because heartbeats
    were missing.

    Args:
        folder: The run's folder.
        hang_after: The run counts as hanging after this many seconds without a change of
            ``status.json``.

    Raises:
        AlreadyRunningError: Another process holds the run.
    """
    mine = take(folder.path)
    ended = threading.Event()
    thread = threading.Thread(target=_watch, args=(folder, mine, hang_after, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        release(mine)


def current_claim(folder: Path) -> Claim | None:
    """The current claim on a run; None if it was never claimed."""
    paths = _claims(folder)
    if not paths:
        return None
    path = paths[-1]
    try:
        age = time.time() - path.stat().st_mtime
    except FileNotFoundError:  # the next one has just replaced it
        return current_claim(folder)
    return Claim(path, _owner(read_json(path)), age)


def _owner(content: dict) -> Owner | None:
    kinds = Owner.__annotations__
    good = all(type(content.get(name)) is kind for name, kind in kinds.items())
    if not good or content.get('released'):
        return None
    return Owner(**{name: content[name] for name in kinds})


def take(folder: Path) -> Path:
    """Claims the run for this process.

    If an owner on another host seems dead, its heartbeat is watched for a while first.

    Returns:
        The claim's file, for :func:`is_mine`, :func:`beat` and :func:`release`.

    Raises:
        AlreadyRunningError: Another process holds the run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before, witness = current_claim(folder), Witness()
    while before and witness.may_live(before):
        if before.owner and before.is_held:
            raise AlreadyRunningError(f'{folder.name} is run by {before.owner.host}')
        time.sleep(HEARTBEAT / 10)
        before = current_claim(folder)
    number = _number(before.path) + 1 if before else 1
    mine = folder / f'claim.{number}.json'
    # written under another name and then linked: the claim is never incomplete, and linking fails
    # if it exists
    draft = folder / f'.claim.{secrets.token_hex(6)}'
    write_json(draft, this_process()._asdict())
    try:
        _create(draft, mine)
    except FileExistsError as error:
        raise AlreadyRunningError(f'{folder.name} was claimed at the same moment') from error
    finally:
        draft.unlink(missing_ok=True)
    if not is_mine(mine):
        mine.unlink()
        raise AlreadyRunningError(f'{folder.name} was claimed at the same moment')
    for path in _claims(folder)[:-1]:
        path.unlink(missing_ok=True)
    return mine


def _create(draft: Path, path: Path) -> None:
    """Links a complete file to its final name, which must not exist."""
    try:
        os.link(draft, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Without links the empty file comes first. A process that reads it before it has content
        # takes the next number; this process then notices at the next heartbeat at the latest.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        os.replace(draft, path)


def is_mine(path: Path) -> bool:
    """Whether the claim that this process took still counts."""
    return _claims(path.parent)[-1:] == [path]


def beat(path: Path) -> None:
    """Sends a heartbeat."""
    os.utime(path)


def release(path: Path) -> None:
    """Releases the run; the claim's file and number remain."""
    with suppress(OSError):  # such as a full disk; the end of the process releases the run as well
        write_json(path, dict(read_json(path), released=True))


def release_job(folder: Path, job: str, silent: float = 0.0) -> None:
    """Releases a run on behalf of a process that ended with its job.

    Args:
        folder: The run's folder.
        job: The job that the process belonged to.
        silent: The claim is released only after this many seconds without a heartbeat.
    """
    found = current_claim(folder)
    if found and found.owner and found.owner.job == job and found.age >= silent:
        release(found.path)


def _watch(folder: RunFolder, mine: Path, hang_after: float, ended: threading.Event) -> None:
    begun = last = time.time()
    interval = min(HEARTBEAT, hang_after / 4)
    while not ended.wait(interval):
        if time.time() - last > 1 + 3 * interval:  # the process was suspended, as by Ctrl-Z
            begun = time.time()
        last = time.time()
        with suppress(OSError):  # a file system may be unavailable for a moment
            if not is_mine(mine):
                print(f'{folder.name} was taken over by another process', file=sys.stderr)
                os._exit(CLAIM_LOST)
            if time.time() - max(begun, _last_progress(folder)) > hang_after:
                _end_hanging(folder, mine, hang_after)
            beat(mine)


def _last_progress(folder: RunFolder) -> float:
    try:
        return folder.status_json.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _end_hanging(folder: RunFolder, mine: Path, hang_after: float) -> None:
    faulthandler.dump_traceback(all_threads=True)
    reason = f'hangs: no progress for {hang_after:g} s; the stacks of its threads are in log.txt'
    try:
        folder.write_failure(reason)
        release(mine)
    finally:
        os._exit(1)


def _claims(folder: Path) -> list[Path]:
    """The claim files in ascending order of their numbers."""
    try:
        names = [name for name in os.listdir(folder) if _CLAIM.fullmatch(name)]
    except FileNotFoundError:
        return []
    return sorted((folder / name for name in names), key=_number)


def _number(path: Path) -> int:
    return int(path.name.split('.')[1])
