"""Queries Slurm about jobs: ``squeue`` for their state, ``sacct`` (if available) for their end."""

import os
import re
import subprocess
import time
from collections.abc import Sequence
from typing import NamedTuple

#: seconds between two queries of the queue
LOOK_EVERY = 3.0
#: states of jobs that will not run again
ENDED = frozenset(
    {
        *('BOOT_FAIL', 'CANCELLED', 'COMPLETED', 'DEADLINE', 'FAILED', 'NODE_FAIL'),
        *('OUT_OF_MEMORY', 'PREEMPTED', 'REVOKED', 'TIMEOUT'),
    }
)
_STATES = ('squeue', '--noheader', '--array', '--states=all', '--format=%i|%T')


def job_states(timeout: float = 30.0) -> dict[str, str] | None:
    """The states of all jobs of this user that Slurm remembers, in one call.

    Args:
        timeout: Seconds to wait for an answer.

    Returns:
        Job -> state, where jobs are written ``'12'``, or ``'12_3'`` in an array; None if Slurm does
        not answer, so that nothing is known.
    """
    output = _output_of([*_STATES, f'--user={os.getuid()}'], timeout)
    return None if output is None else dict(re.findall(r'^(\S+)\|(\S+)$', output, re.MULTILINE))


def may_work(state: str) -> bool:
    """Whether a job in this state may still run; '' is the state of an unknown job."""
    return bool(state) and state not in ENDED


def accounting_state(job: str) -> str:
    """The final state of a job that has ended; '' on clusters without accounting."""
    command = ['sacct', '--jobs', job, '--allocations', '--noheader', '--parsable2']
    words = (_output_of([*command, '--format=State'], 30.0) or '').split()
    return words[0] if words else ''  # the first word of 'CANCELLED by 1000'


def _output_of(command: Sequence[str], timeout: float) -> str | None:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None


class _Look(NamedTuple):
    began: float  # time.monotonic()
    states: dict[str, str]


class Queue:
    """The states of all jobs, queried at most every few seconds.

    A job has ended if two consecutive queries say so, because states are unreliable while Slurm
    requeues a job. Failed queries are ignored.
    """

    def __init__(self) -> None:
        self._looks: list[_Look] = []  # the last two successful queries
        self._next = 0.0

    def state(self, job: str) -> str | None:
        """The state of a job; '' if it is not in the queue, None if nothing is known yet."""
        self._look()
        return self._looks[-1].states.get(job, '') if self._looks else None

    def has_ended(self, job: str, since: float) -> bool:
        """Whether a job that existed at ``since`` (``time.monotonic()``) will not run again."""
        self._look()
        looks = [look for look in self._looks if look.began > since]
        return len(looks) == 2 and not any(may_work(look.states.get(job, '')) for look in looks)

    def _look(self) -> None:
        began = time.monotonic()
        if began < self._next:
            return
        states = job_states()
        self._next = time.monotonic() + LOOK_EVERY
        if states is not None:
            self._looks = [*self._looks[-1:], _Look(began, states)]
