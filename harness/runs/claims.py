"""Who works on a run: one process at a time, on whichever host.

A run folder holds ``claim.<n>.json``; the owner is that of the largest n. A process takes a run
over by creating the next number, which a file system grants to one process only, also where
``flock`` does not reach other hosts. The owner touches its claim regularly (the heartbeat) and
marks it as released at its end; numbers never come back, so that nobody takes one twice.
"""

import errno
import faulthandler
import os
import re
import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from harness.runs.files import read_json, write_json
from harness.runs.folder import RunFolder

#: seconds between two heartbeats
HEARTBEAT = 10.0
#: after this many seconds without one, an owner whose process cannot be looked at may be dead
DEAD_AFTER = 180.0
#: exit code of a process whose run was taken over by another
CLAIM_LOST = 76
#: environment variable of processes that work on runs; no other process is ever signalled
WORKER_VARIABLE = 'VSR_STABILITY_WORKER'
#: environment variable with the job of a launcher that a process is part of
JOB_VARIABLE = 'VSR_STABILITY_JOB'
#: environment variable that is not 0 where that job was started before
RESTARTED_VARIABLE = 'VSR_STABILITY_RESTARTED'
_CLAIM = re.compile(r'claim\.\d+\.json')
#: what file systems without hard links say of them
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL)


class Owner(NamedTuple):
    """The process that works on a run.

    Attributes:
        host: its name.
        pid: its number there.
        started: when it was started, in clock ticks since the host was; tells it from a later
            process of the same number.
        system: the host's boot and its process namespace: only in the same one says a number
            anything.
        job: the launcher's job that it is part of, or ''.
    """

    host: str
    pid: int
    started: int
    system: str
    job: str = ''

    @property
    def is_here(self) -> bool:
        """Whether its process can be looked at from here."""
        return self.system == _system()

    @property
    def is_worker_here(self) -> bool:
        """Whether it lives here and works on runs, so that it may be signalled.

        Anybody who may write to the run folder can put another process into a claim.
        """
        if not self.is_here or _start_of(self.pid) != self.started:
            return False
        try:
            variables = Path(f'/proc/{self.pid}/environ').read_bytes().split(b'\0')
        except OSError:
            return False
        return any(v.startswith(f'{WORKER_VARIABLE}='.encode()) for v in variables)


class Claim(NamedTuple):
    """The claim that counts of a run.

    Attributes:
        path: its file.
        owner: who holds it; None if it is released or damaged.
        age: seconds since the last heartbeat, by this host's clock; negative where the owner's
            clock is ahead.
    """

    path: Path
    owner: Owner | None
    age: float

    @property
    def is_held(self) -> bool:
        """Whether its owner lives, as far as can be told from here at once."""
        if self.owner is None:
            return False
        if self.owner.is_here:
            return _start_of(self.owner.pid) == self.owner.started
        return abs(self.age) < DEAD_AFTER


class Witness:
    """Tells living owners from dead ones by the heartbeats that it sees itself.

    Clocks of hosts may be minutes apart; an owner elsewhere whose last heartbeat seems long ago, or
    in the future, counts as dead only after some time in which no other came.
    """

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[float, float]] = {}  # claim -> heartbeat, since when known

    def is_claimed(self, folder: Path) -> bool:
        """Whether a process works on the run, or may do so."""
        claim = current_claim(folder)
        return claim is not None and self.may_live(claim)

    def may_live(self, claim: Claim) -> bool:
        """Whether the owner of a claim lives, or may do so."""
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
    """Another process works on the run."""


@contextmanager
def claim(folder: RunFolder, hang_after: float) -> Iterator[None]:
    """Claims a run for the block and shows that this process lives.

    A process whose run makes no progress ends itself as FAILED, with the stacks of its threads in
    the log; so does one that another has taken the run from, because it gave no heartbeat.

    Args:
        folder: of the run.
        hang_after: seconds without a change of ``status.json`` after which the run hangs.

    Raises:
        AlreadyRunningError: another process holds the run.
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
    """The claim that counts; None if the run was never claimed."""
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
    """Claims the run for this process; returns the claim's file, for :func:`is_mine` and others.

    An owner elsewhere that seems dead is watched for a while first.

    Raises:
        AlreadyRunningError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before, witness = current_claim(folder), Witness()
    while before and witness.may_live(before):
        if before.is_held:
            raise AlreadyRunningError(f'{folder.name} is run by {before.owner.host}')
        time.sleep(HEARTBEAT / 10)
        before = current_claim(folder)
    number = _number(before.path) + 1 if before else 1
    mine = folder / f'claim.{number}.json'
    # complete from its first moment on: written beside, then linked, which fails if it exists
    draft = folder / f'.claim.{secrets.token_hex(6)}'
    write_json(draft, _this_process()._asdict())
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
    """Gives a complete file its name, unless there is one of that name."""
    try:
        os.link(draft, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # without links the name comes first; whoever reads it before the content is there takes
        # the next number, and this process notices that by its heartbeat at the latest
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        os.replace(draft, path)


def is_mine(path: Path) -> bool:
    """Whether the claim that this process took still counts."""
    return _claims(path.parent)[-1:] == [path]


def beat(path: Path) -> None:
    """A heartbeat."""
    os.utime(path)


def release(path: Path) -> None:
    """Gives the run back; a released claim keeps its number."""
    with suppress(OSError):  # a full disk: the end of the process says it as well
        write_json(path, dict(read_json(path), released=True))


def this_job() -> str:
    """The launcher's job that this process is part of, or ''."""
    return os.environ.get(JOB_VARIABLE, '')


def release_job(folder: Path, job: str, silent: float = 0.0) -> None:
    """Gives a run back for a process that is gone with its job, so that nobody waits for it.

    Args:
        folder: of the run.
        job: in which the process was.
        silent: seconds without a heartbeat before that is believed.
    """
    found = current_claim(folder)
    if found and found.owner and found.owner.job == job and found.age >= silent:
        release(found.path)


def _watch(folder: RunFolder, mine: Path, hang_after: float, ended: threading.Event) -> None:
    begun = last = time.time()
    interval = min(HEARTBEAT, hang_after / 4)
    while not ended.wait(interval):
        if time.time() - last > 1 + 3 * interval:  # stopped for a while, as by Ctrl-Z
            begun = time.time()
        last = time.time()
        with suppress(OSError):  # a file system that is away for a moment
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
    """Files of claims by rising number."""
    try:
        names = [name for name in os.listdir(folder) if _CLAIM.fullmatch(name)]
    except FileNotFoundError:
        return []
    return sorted((folder / name for name in names), key=_number)


def _number(path: Path) -> int:
    return int(path.name.split('.')[1])


def _this_process() -> Owner:
    pid = os.getpid()
    return Owner(socket.gethostname(), pid, _start_of(pid), _system(), this_job())


@cache
def _system() -> str:
    boot = Path('/proc/sys/kernel/random/boot_id').read_text().strip()
    return f'{boot} {os.readlink("/proc/self/ns/pid")}'


def _start_of(pid: int) -> int | None:
    """When a process was started, in clock ticks; None if there is none, or only its remains."""
    try:
        stat = Path(f'/proc/{pid}/stat').read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(')')[2].split()
    return None if state in 'ZX' else int(fields[18])
