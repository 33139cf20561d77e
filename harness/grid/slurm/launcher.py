"""Runs as jobs of a Slurm cluster, submitted through submitit."""

import importlib.util
import io
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import Optional

from harness.errors import fail
from harness.files import read_json, write_json
from harness.grid import ledger
from harness.grid.claims import HEARTBEAT, release_job

from .options import SlurmOptions
from .queue import LOOK_EVERY, Queue, accounting_state, may_work

#: jobs of an array; clusters allow 1,001 by default
_ARRAY = 1000
#: state -> what to do about it
_ADVICE = dict(
    OUT_OF_MEMORY='give it more memory (--slurm mem=...)',
    TIMEOUT='give it more time (--slurm time=...) or notice (signal_delay=...)',
)


class SlurmJob:
    """The job of a run, of this command or an earlier one."""

    def __init__(self, job: str, folder: Path, queue: Queue) -> None:
        self.job = job
        self._folder = folder
        self._queue = queue
        self._since = time.monotonic()

    def ended(self) -> Optional[str]:
        if not self._queue.has_ended(self.job, self._since):
            if self._queue.state(self.job) == 'PENDING':  # requeued without a word to the process
                release_job(self._folder, self.job, silent=3 * HEARTBEAT)
            return None
        release_job(self._folder, self.job)
        state = self._queue.state(self.job)
        if state == 'COMPLETED':
            return ''
        state = accounting_state(self.job) or state
        if not state:
            return f'job {self.job} is gone from the queue'
        advice = _ADVICE.get(state)
        return f'job {self.job} ended as {state}{f"; {advice}" if advice else ""}'

    def kill(self) -> None:
        subprocess.run(['scancel', self.job], check=False)
        ledger.write_job(self._folder, '')  # a retry is another job


class SlurmLauncher:
    """Submits runs as job arrays and watches the queue.

    Args:
        folder: for scripts and logs of the jobs; nodes must see it.
        options: of the jobs.

    Raises:
        UserError: submitit or Slurm is missing, or Slurm does not answer.
    """

    def __init__(self, folder: Path, options: SlurmOptions) -> None:
        if not importlib.util.find_spec('submitit'):
            fail("--launcher slurm needs submitit: pip install 'submitit>=1.5' (extra: slurm)")
        for command in ('sbatch', 'srun', 'squeue'):
            if not shutil.which(command):
                fail(f'no {command} here: --launcher slurm needs a login node of a Slurm cluster')
        self._folder = folder
        self._options = options
        self._queue = Queue()
        if self._queue.state('') is None:
            fail('squeue fails: Slurm does not answer')

    def free(self, running: int) -> int:
        return sys.maxsize

    def find(self, folder: Path) -> Optional[SlurmJob]:
        job = ledger.read_job(folder)
        if job and may_work(self._queue.state(job)):
            return SlurmJob(job, folder, self._queue)
        return None

    def start(self, folders: Sequence[Path]) -> list[SlurmJob]:
        arrays = [folders[first : first + _ARRAY] for first in range(0, len(folders), _ARRAY)]
        return [job for array in arrays for job in self._submit(array)]

    def _submit(self, folders: Sequence[Path]) -> list[SlurmJob]:
        """Says QUEUED before, because a job may start, and have more to say, at once."""
        import submitit

        from .task import RunOnNode

        before = [read_json(folder / 'status.json') for folder in folders]
        for folder in folders:
            ledger.write_status(folder, 'QUEUED', **ledger.position(folder))
        names = [str(folder.resolve()) for folder in folders]
        task = RunOnNode(0.9 * self._options.signal_delay)
        try:
            with redirect_stderr(io.StringIO()):  # the error says it as well
                submitted = self._executor().map_array(task, names)
        except submitit.core.utils.FailedJobError as error:
            for folder, content in zip(folders, before, strict=True):
                write_json(folder / 'status.json', content)
            fail('; '.join(str(error).split('\n')))
        jobs = []
        for folder, job in zip(folders, submitted, strict=True):
            ledger.write_job(folder, job.job_id)
            jobs.append(SlurmJob(job.job_id, folder, self._queue))
        return jobs

    def _executor(self):
        import submitit

        options = self._options
        # submitit's count of time-outs ends long runs; RunOnNode has a better reason to end one
        executor = submitit.SlurmExecutor(self._folder, max_num_timeout=sys.maxsize)
        executor.update_parameters(
            time=options.minutes,
            array_parallelism=options.array_parallelism,
            signal_delay_s=options.signal_delay,
            setup=options.setup,
            stderr_to_stdout=True,
            additional_parameters=options.flags,
        )
        return executor

    def wait(self, jobs: Sequence[SlurmJob]) -> None:
        if jobs:
            time.sleep(LOOK_EVERY)

    def stop(self, jobs: Sequence[SlurmJob]) -> None:
        """Leaves the jobs where they are."""
        if jobs:
            ids = ' '.join(sorted({job.job.split('_')[0] for job in jobs}))
            print(
                f'\n{len(jobs)} job(s) stay in the queue: the same command or --watch shows them, '
                f'scancel {ids} ends them',
                file=sys.stderr,
            )
