"""Runs as worker processes on this machine."""

import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import Optional

from .entry import main
from .fork_server import fork_context

#: seconds that workers get to write a checkpoint after Ctrl-C
GRACE = 60.0


class LocalJob:
    """A worker process; ``slot`` is its number, which chooses its GPU."""

    def __init__(self, process, slot: int, out_of_memory: int) -> None:
        self.process = process
        self.slot = slot
        self._out_of_memory = out_of_memory

    def ended(self) -> Optional[str]:
        if self.process.is_alive():
            return None
        code = self.process.exitcode
        if code == -signal.SIGKILL and out_of_memory_kills() > self._out_of_memory:
            return (
                'out of memory: the kernel killed the process (SIGKILL); start fewer at once '
                '(--jobs), or make batch_size, crop_size or the bank smaller'
            )
        if code < 0:
            return f'the process was killed by {signal.Signals(-code).name}'
        return f'the process ended with code {code}' if code else ''

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


def out_of_memory_kills() -> int:
    """Processes that this machine's kernel has killed for lack of memory; 0 if it does not say."""
    try:
        found = re.search(r'^oom_kill (\d+)$', Path('/proc/vmstat').read_text(), re.MULTILINE)
    except OSError:
        found = None
    return int(found.group(1)) if found else 0
