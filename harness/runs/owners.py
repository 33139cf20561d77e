"""Processes that work on runs: which they are, whether they live, and which job they belong to."""

import os
import socket
from functools import cache
from pathlib import Path
from typing import NamedTuple

#: environment variable of processes that work on runs; no other process is ever signalled
WORKER_VARIABLE = 'VSR_STABILITY_WORKER'
#: environment variable with the job of a launcher that a process is part of
JOB_VARIABLE = 'VSR_STABILITY_JOB'
#: environment variable that is not 0 where that job was started before
RESTARTED_VARIABLE = 'VSR_STABILITY_RESTARTED'


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
    def is_alive_here(self) -> bool:
        """Whether it lives, of one that can be looked at."""
        return _start_of(self.pid) == self.started

    @property
    def is_worker_here(self) -> bool:
        """Whether it lives here and works on runs, so that it may be signalled.

        Anybody who may write to the run folder can put another process into a claim.
        """
        if not (self.is_here and self.is_alive_here):
            return False
        try:
            variables = Path(f'/proc/{self.pid}/environ').read_bytes().split(b'\0')
        except OSError:
            return False
        return any(v.startswith(f'{WORKER_VARIABLE}='.encode()) for v in variables)


def this_job() -> str:
    """The launcher's job that this process is part of, or ''."""
    return os.environ.get(JOB_VARIABLE, '')


def this_process() -> Owner:
    """The owner of what this process claims."""
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
