"""Runs as worker processes on this machine."""

import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import Optional

from .entry import main
from .exits import describe_exit, out_of_memory_kills
from .fork_server import fork_context

#: seconds that workers get to write a checkpoint after Ctrl-C
GRACE = 60.0


class LocalJob:
    """A worker process; ``slot`` is its number, which chooses its GPU."""

    def __init__(self, process, slot: int, kills: int) -> None:
        self.process = process
        self.slot = slot
        self._kills = kills

    def ended(self) -> Optional[str]:
        if self.process.is_alive():
            return None
        return describe_exit(self.process.exitcode, self._kills)

    def kill(self) -> None:
        self.process.kill()
        self.process.join()


class LocalLauncher:
    """``jobs`` worker processes at a time, forked from a server that has imported MMagic once.

    CPU threads are shared equally (unless OMP_NUM_THREADS says how many), GPUs are dealt out by
    slot.

    Args:
        jobs: processes at a time.
        nproc: processes of each training.
    """

    def __init__(self, jobs: int, nproc: int = 1) -> None:
        self._slots = set(range(jobs))
        self._threads = threads_of(jobs, nproc)
        self._context = fork_context(self._threads)
        self._running: list[LocalJob] = []

    def free(self, running: int) -> int:
        return len(self._slots) - running

    def find(self, folder: Path) -> None:
        """Workers end with the command that started them."""

    def start(self, folders: Sequence[Path]) -> list[LocalJob]:
        return [self._start(folder) for folder in folders]

    def _start(self, folder: Path) -> LocalJob:
        self._running = [job for job in self._running if job.process.is_alive()]
        slot = min(self._slots - {job.slot for job in self._running})
        args = (folder, slot, self._threads)
        process = self._context.Process(target=main, args=args, name=folder.name)
        kills = out_of_memory_kills()
        process.start()
        job = LocalJob(process, slot, kills)
        self._running.append(job)
        return job

    def wait(self, jobs: Sequence[LocalJob]) -> None:
        wait([job.process.sentinel for job in jobs], timeout=0.5)

    def stop(self, jobs: Sequence[LocalJob]) -> None:
        """Lets the workers write a checkpoint; a second Ctrl-C ends them at once."""
        alive = [job for job in jobs if job.process.is_alive()]
        if alive:
            with suppress(OSError):  # the terminal may be gone
                print('\nsaving checkpoints; Ctrl-C again ends at once', file=sys.stderr)
        try:
            for job in alive:
                job.process.terminate()
            deadline = time.monotonic() + GRACE
            for job in alive:
                job.process.join(max(0.0, deadline - time.monotonic()))
        finally:
            for job in alive:
                job.kill()


def threads_of(jobs: int, nproc: int) -> int:
    """CPU threads of each process where ``jobs`` runs of ``nproc`` share this machine.

    ``OMP_NUM_THREADS`` says otherwise where it is set.
    """
    share = max(1, len(os.sched_getaffinity(0)) // (jobs * nproc))
    return int(os.environ.get('OMP_NUM_THREADS', share))
