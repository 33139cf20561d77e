"""What submitit calls on the node: it looks after the worker of a run, and imports no torch."""

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
from harness.runs.claims import this_job
from harness.runs.files import read_json
from harness.runs.folder import RunFolder

#: a run that was interrupted so often in a row without any progress is FAILED
MAX_IDLE = 5
#: ends of a worker that was interrupted, perhaps before it could listen
_INTERRUPTED = (INTERRUPTED, -signal.SIGTERM, -signal.SIGUSR2)


class RunOnNode:
    """Runs the worker of a run; on submitit's signal it is interrupted, and the job requeued.

    Args:
        seconds: that the worker gets to write its checkpoint.
        idle: interruptions without progress until now.
    """

    def __init__(self, seconds: float, idle: int = 0) -> None:
        self._seconds = seconds
        self._idle = idle
        self._worker: subprocess.Popen | None = None

    def __call__(self, path: str) -> None:
        """Brings the run of the folder ``path`` to its end; the exit code is the worker's."""
        folder = RunFolder(Path(path))
        self._before = _progress(folder)
        kills = out_of_memory_kills()
        with open(folder.log, 'ab') as log:
            self._worker = subprocess.Popen(worker_command(folder), stdout=log, stderr=log)
        while (code := self._code()) is None:
            time.sleep(0.2)
        if code in _INTERRUPTED:
            if _is_running():  # the cluster may interrupt without our signal
                signal.raise_signal(signal.SIGUSR2)
        elif code < 0:
            folder.write_failure(describe_exit(code, kills))
        sys.exit(abs(code))

    def checkpoint(self, path: str) -> submitit.helpers.DelayedSubmission | None:
        """Called by submitit in a signal handler, inside of the call above; None ends the job."""
        if self._worker is not None and not self._interrupt():
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

    def _interrupt(self) -> bool:
        """Has the worker end; False if it had come to an end of its own."""
        deadline = time.monotonic() + self._seconds
        if self._code() is None:
            os.kill(self._worker.pid, signal.SIGUSR2)
        while self._code() is None and time.monotonic() < deadline:
            time.sleep(0.2)
        if self._code() is None:  # it goes on from an earlier checkpoint
            os.kill(self._worker.pid, signal.SIGKILL)
            return True
        return self._code() in _INTERRUPTED

    def _code(self) -> int | None:
        """The worker's exit code; does not collect it, so that a signal handler can ask as well."""
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        end = os.waitid(os.P_PID, self._worker.pid, options)
        if end is None:
            return None
        return end.si_status if end.si_code == os.CLD_EXITED else -end.si_status


def _progress(folder: RunFolder) -> tuple:
    """Changes whenever something is saved that a later start can build on."""
    return folder.iterations_saved, read_json(folder.evaluations_json)


def _is_running() -> bool:
    """Whether the queue still wants this job to run: not if somebody has cancelled it."""
    states = job_states()
    return states is None or states.get(this_job()) == 'RUNNING'
