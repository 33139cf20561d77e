"""Who works on a run: one process at a time, on whichever host.

A run folder holds ``claim.<n>.json``; the owner is that of the largest n. A process takes a run
over by creating the next number, which a file system grants to one process only, also where
``flock`` does not reach other hosts. The owner touches its claim regularly (the heartbeat) and
marks it as released at its end; numbers never come back, so that nobody takes one twice.
"""

import os
import re
import socket
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple, Optional

from harness.files import read_json, write_json

#: seconds between two signs of life
HEARTBEAT = 10.0
#: after this many seconds without one, an owner whose process cannot be looked at counts as dead
DEAD_AFTER = 180.0
_CLAIM = re.compile(r'claim\.\d+\.json')


class Owner(NamedTuple):
    """The process that works on a run.

    Attributes:
        host: its name.
        pid: its number there.
        started: when it was started, in clock ticks since the host was; tells it from a later
            process of the same number.
        system: the host's boot and its process namespace: only in the same one says a number
            anything.
        job: see :func:`this_job`.
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


class Claim(NamedTuple):
    """The claim that counts of a run.

    Attributes:
        path: its file.
        owner: who holds it; None if it is released or damaged.
        age: seconds since the last heartbeat.
    """

    path: Path
    owner: Optional[Owner]
    age: float

    @property
    def is_held(self) -> bool:
        """Whether its owner lives, as far as can be told from here."""
        if self.owner is None:
            return False
        if self.owner.is_here:
            return _start_of(self.owner.pid) == self.owner.started
        return self.age < DEAD_AFTER


class AlreadyRunningError(RuntimeError):
    """Another process works on the run."""


def current_claim(folder: Path) -> Optional[Claim]:
    """The claim that counts; None if the run was never claimed."""
    paths = _claims(folder)
    if not paths:
        return None
    path = paths[-1]
    try:
        age = time.time() - path.stat().st_mtime
    except FileNotFoundError:  # the next one has just replaced it
        return current_claim(folder)
    content = read_json(path)
    owner = None
    if content.keys() >= set(Owner._fields) and not content.get('released'):
        owner = Owner(**{name: content[name] for name in Owner._fields})
    return Claim(path, owner, age)


def is_claimed(folder: Path) -> bool:
    """Whether a living process works on the run."""
    claim = current_claim(folder)
    return claim is not None and claim.is_held


def take(folder: Path) -> Path:
    """Claims the run for this process; returns the claim's file, for :func:`is_mine` and others.

    Raises:
        AlreadyRunningError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = current_claim(folder)
    if before and before.is_held:
        raise AlreadyRunningError(f'{folder.name} is run by {before.owner.host}')
    number = _number(before.path) + 1 if before else 1
    mine = folder / f'claim.{number}.json'
    # complete from its first moment on: written beside, then linked, which fails if it exists
    draft = folder / f'.claim.{socket.gethostname()}.{os.getpid()}'
    write_json(draft, _this_process()._asdict())
    try:
        os.link(draft, mine)
    except FileExistsError as error:
        raise AlreadyRunningError(f'{folder.name} was claimed at the same moment') from error
    finally:
        draft.unlink()
    if not is_mine(mine):
        mine.unlink()
        raise AlreadyRunningError(f'{folder.name} was claimed at the same moment')
    for path in _claims(folder)[:-1]:
        path.unlink(missing_ok=True)
    return mine


def is_mine(claim: Path) -> bool:
    """Whether the claim that this process took still counts."""
    return _claims(claim.parent)[-1:] == [claim]


def beat(claim: Path) -> None:
    """A sign of life."""
    os.utime(claim)


def release(claim: Path) -> None:
    """Gives the run back; a released claim keeps its number."""
    with suppress(OSError):  # a full disk: the end of the process says it as well
        write_json(claim, dict(read_json(claim), released=True))


def this_job() -> str:
    """The cluster's job that this process is part of, ``'12'`` or ``'12_3'``, or ''."""
    array = os.environ.get('SLURM_ARRAY_JOB_ID')
    if array:
        return f'{array}_{os.environ["SLURM_ARRAY_TASK_ID"]}'
    return os.environ.get('SLURM_JOB_ID', '')


def release_job(folder: Path, job: str, silent: float = 0.0) -> None:
    """Gives a run back for a process that is gone with its job, so that nobody waits for it.

    Args:
        folder: of the run.
        job: in which the process was.
        silent: seconds without a heartbeat before that is believed.
    """
    claim = current_claim(folder)
    if claim and claim.owner and claim.owner.job == job and claim.age >= silent:
        release(claim.path)


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


def _start_of(pid: int) -> Optional[int]:
    """When a process was started, in clock ticks; None if there is none, or only its remains."""
    try:
        stat = Path(f'/proc/{pid}/stat').read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(')')[2].split()
    return None if state in 'ZX' else int(fields[18])
