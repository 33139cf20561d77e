"""Runs as worker processes on this machine."""

import sys
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

from harness.errors import fail
from harness.exits import describe_exit, out_of_memory_kills
from harness.grid.fork_server import fork_context, run_worker, threads_of
from harness.grid.launchers import Setting
from harness.runs.folder import RunFolder

#: seconds that workers get to write a checkpoint after Ctrl-C
GRACE = 60.0


class LocalJob:
    """A worker process.

    Args:
        process: The process.
        slot: Its number, which selects its GPU.
        kills: :func:`~harness.exits.out_of_memory_kills` before it started.
    """

    def __init__(self, process: BaseProcess, slot: int, kills: int) -> None:
        self.process = process
        self.slot = slot
        self._kills = kills

    def ended(self) -> str | None:
        if self.process.is_alive():
            return None
        return describe_exit(self.process.exitcode or 0, self._kills)

    def kill(self) -> None:
        self.process.kill()
        self.process.join()


class LocalLauncher:
    """Runs ``jobs`` worker processes at a time, forked from a server that has imported MMagic.

    They share the CPU threads equally, unless OMP_NUM_THREADS sets their number. Slots determine
    the GPUs.

    Args:
        setting: What it needs to know of the grid, without options.

    Raises:
        UserError: There are options.
    """

    is_local = True

    def __init__(self, setting: Setting) -> None:
        if setting.options:
            fail(f'the local launcher has no options: {", ".join(setting.options)}')
        self._slots = set(range(setting.jobs))
        self._threads = threads_of(setting.jobs, setting.nproc)
        self._context = fork_context(self._threads)
        self._running: list[LocalJob] = []

    def free(self, running: int) -> int:
        return len(self._slots) - running

    def find(self, folder: RunFolder) -> None:
        """None: workers end with the command that started them."""

    def start(self, folders: Sequence[RunFolder]) -> list[LocalJob]:
        return [self._start(folder) for folder in folders]

    def _start(self, folder: RunFolder) -> LocalJob:
        self._running = [job for job in self._running if job.process.is_alive()]
        slot = min(self._slots - {job.slot for job in self._running})
        args = (folder, slot, self._threads)
        process = self._context.Process(target=run_worker, args=args, name=folder.name)
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
                print('\nsaving checkpoints; press Ctrl-C again to end at once', file=sys.stderr)
        try:
            for job in alive:
                job.process.terminate()
            deadline = time.monotonic() + GRACE
            for job in alive:
                job.process.join(max(0.0, deadline - time.monotonic()))
        finally:
            for job in alive:
                job.kill()

    @staticmethod
    def at_work(jobs: Collection[str]) -> set[str]:
        """None: workers have no job ids."""
        return set()
