"""The processes that work on runs: their identity, whether they are alive, and their jobs."""

import os
import socket
from functools import cache
from pathlib import Path
from typing import NamedTuple

#: environment variable that marks processes that work on runs; only these are ever signalled
WORKER_VARIABLE = 'VSR_STABILITY_WORKER'
#: environment variable that holds the launcher's job that a process belongs to
JOB_VARIABLE = 'VSR_STABILITY_JOB'
#: environment variable that is not 0 if that job has been restarted
RESTARTED_VARIABLE = 'VSR_STABILITY_RESTARTED'


class Owner(NamedTuple):
    """The process that works on a run.

    Attributes:
        host: Host name.
        pid: Process id on that host.
        started: Start time in clock ticks since the host booted; it distinguishes the process from
            a later one with the same pid. None without ``/proc``.
        system: The host's boot id and process namespace; pids are comparable only within one.
        job: The launcher's job that the process belongs to, or ''.
    """

    host: str
    pid: int
    started: int | None
    system: str
    job: str = ''

    @property
    def is_here(self) -> bool:
        """Whether this process can see the owner's process."""
        return self.system == _system()

    @property
    def is_alive_here(self) -> bool:
        """Whether it is alive, for an owner that :attr:`is_here`."""
        return _start_of(self.pid) == self.started

    @property
    def is_worker_here(self) -> bool:
        """Whether it is alive on this host and works on runs, so that it may be signalled.

        The claim alone is not proof: anyone who can write to the run folder can name any process.
        """
        if not (self.is_here and self.is_alive_here):
            return False
        try:
            variables = Path(f'/proc/{self.pid}/environ').read_bytes().split(b'\0')
        except OSError:
            return False
        return any(v.startswith(f'{WORKER_VARIABLE}='.encode()) for v in variables)


def this_job() -> str:
    """The launcher's job that this process belongs to, or ''."""
    return os.environ.get(JOB_VARIABLE, '')


def this_process() -> Owner:
    """This process as the owner of a claim."""
    pid = os.getpid()
    return Owner(socket.gethostname(), pid, _start_of(pid), _system(), this_job())


@cache
def _system() -> str:
    boot = Path('/proc/sys/kernel/random/boot_id').read_text().strip()
    return f'{boot} {os.readlink("/proc/self/ns/pid")}'


def _start_of(pid: int) -> int | None:
    """Start time of a process in clock ticks; None if it does not exist or is a zombie."""
    try:
        stat = Path(f'/proc/{pid}/stat').read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(')')[2].split()
    return None if state in 'ZX' else int(fields[18])
