"""The function that submitit calls on the node: it supervises a run's worker, without torch."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import submitit

from harness.exits import INTERRUPTED, describe_exit, out_of_memory_kills
from harness.grid.launchers import worker_command
from harness.grid.launchers.slurm.queue import job_states
from harness.runs.files import read_json
from harness.runs.folder import RunFolder
from harness.runs.owners import this_job

#: a run fails after this many consecutive interruptions without progress
MAX_IDLE = 5
#: exit codes of an interrupted worker, perhaps before it had installed its signal handlers
_INTERRUPTED = (INTERRUPTED, -signal.SIGTERM, -signal.SIGUSR2)


class RunOnNode:
    """Runs the worker of a run; on submitit's signal, interrupts it and requeues the job.

    Args:
        seconds: The time that the worker gets to write its checkpoint.
        idle: The number of consecutive interruptions without progress so far.
    """

    def __init__(self, seconds: float, idle: int = 0) -> None:
        self._seconds = seconds
        self._idle = idle
        self._worker: subprocess.Popen | None = None

    def __call__(self, path: str) -> None:
        """Finishes the run in the folder ``path``, and exits with the worker's exit code."""
        folder = RunFolder(Path(path))
        self._before = _progress(folder)
        kills = out_of_memory_kills()
        with open(folder.log, 'ab') as log:
            self._worker = subprocess.Popen(worker_command(folder), stdout=log, stderr=log)
        while (code := _exit_code(self._worker)) is None:
            time.sleep(0.2)
        if code in _INTERRUPTED:
            if _is_running():  # the cluster may interrupt without submitit's signal
                signal.raise_signal(signal.SIGUSR2)
        elif code < 0:
            folder.write_failure(describe_exit(code, kills))
        sys.exit(abs(code))

    def checkpoint(self, path: str) -> submitit.helpers.DelayedSubmission | None:
        """Called by submitit in a signal handler during the call above; None ends the job."""
        if self._worker is not None and not self._interrupt(self._worker):
            return None
        folder = RunFolder(Path(path))
        self._idle = 0 if _progress(folder) != self._before else self._idle + 1
        if self._idle >= MAX_IDLE:
            folder.write_failure(
                f'interrupted {MAX_IDLE} times in a row before any progress could be saved; '
                'give it more time (--slurm time=...)',
            )
            return None
        folder.write_status('QUEUED', **folder.position())
        return submitit.helpers.DelayedSubmission(RunOnNode(self._seconds, self._idle), path)

    def _interrupt(self, worker: subprocess.Popen) -> bool:
        """Ends the worker; False if it had already ended by itself."""
        deadline = time.monotonic() + self._seconds
        if _exit_code(worker) is None:
            os.kill(worker.pid, signal.SIGUSR2)
        while _exit_code(worker) is None and time.monotonic() < deadline:
            time.sleep(0.2)
        if _exit_code(worker) is None:  # it will resume from an earlier checkpoint
            os.kill(worker.pid, signal.SIGKILL)
            return True
        return _exit_code(worker) in _INTERRUPTED


def _exit_code(worker: subprocess.Popen) -> int | None:
    """The worker's exit code; does not reap it, so that a signal handler can ask as well."""
    end = os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if end is None:
        return None
    return end.si_status if end.si_code == os.CLD_EXITED else -end.si_status


def _progress(folder: RunFolder) -> tuple[int, dict]:
    """A value that changes whenever something is saved that a restarted run can use."""
    return folder.iterations_saved, read_json(folder.evaluations_json)


def _is_running() -> bool:
    """Whether the job is still running, by the queue; it is not if the user has cancelled it."""
    states = job_states()
    return states is None or states.get(this_job()) == 'RUNNING'
