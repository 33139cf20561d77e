"""Runs as jobs of a Slurm cluster, submitted through submitit."""

import importlib.util
import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

from harness.errors import fail
from harness.grid.launchers import Setting
from harness.grid.launchers.slurm.options import read_options
from harness.grid.launchers.slurm.queue import (
    LOOK_EVERY,
    Queue,
    accounting_state,
    job_states,
    may_work,
)
from harness.runs.claims import HEARTBEAT, release_job
from harness.runs.files import read_json, write_json
from harness.runs.folder import RunFolder

#: the launcher's name
NAME = 'slurm'
#: maximum size of a job array; clusters allow 1,001 by default
_ARRAY = 1000
#: final state -> advice to the user
_ADVICE = dict(
    OUT_OF_MEMORY='give it more memory (--slurm mem=...)',
    TIMEOUT='give it more time (--slurm time=...) or notice (signal_delay=...)',
)
#: option of sbatch -> suffix of its environment variable, if it is not the option's name
_VARIABLES = dict(time='TIMELIMIT', mem='MEM_PER_NODE', array='ARRAY_INX', requeue='NO_REQUEUE')


class SlurmJob:
    """The job of a run, of this command or an earlier one.

    Args:
        job: The job's id in the queue.
        folder: The run's folder.
        queue: Used to query its state.
        logs: The folder of the jobs' logs.
    """

    def __init__(self, job: str, folder: RunFolder, queue: Queue, logs: Path) -> None:
        self.job = job
        self._log = logs / f'{job}_0_log.out'  # submitit's name
        self._folder = folder
        self._queue = queue
        self._since = time.monotonic()

    def ended(self) -> str | None:
        if not self._queue.has_ended(self.job, self._since):
            if self._queue.state(self.job) == 'PENDING':  # requeued without notifying the process
                release_job(self._folder.path, self.job, silent=3 * HEARTBEAT)
            return None
        release_job(self._folder.path, self.job)
        state = self._queue.state(self.job)
        if state == 'COMPLETED':
            return ''
        state = accounting_state(self.job) or state or ''
        end = f'ended as {state}' if state else 'is no longer in the queue'
        log = f'see {self._log}' if self._log.is_file() else None
        return '; '.join(filter(None, (f'job {self.job} {end}', _ADVICE.get(state), log)))

    def kill(self) -> None:
        subprocess.run(['scancel', self.job], check=False)
        self._folder.write_job(NAME, '')  # a retry is another job


class SlurmLauncher:
    """Submits runs as job arrays and watches the queue.

    Scripts and logs of the jobs are in ``slurm/`` of the work directory, which nodes must see.

    Args:
        setting: What it needs to know of the grid; its options are those of
            :mod:`harness.grid.launchers.slurm.options`.

    Raises:
        UserError: Options are wrong, submitit or Slurm is missing, or Slurm does not answer.
    """

    is_local = False

    def __init__(self, setting: Setting) -> None:
        self._options = read_options(setting)
        if not importlib.util.find_spec('submitit'):
            fail("--launcher slurm needs submitit: pip install 'submitit>=1.5' (extra: slurm)")
        for command in ('sbatch', 'srun', 'squeue'):
            if not shutil.which(command):
                fail(f'no {command} here: --launcher slurm needs a login node of a Slurm cluster')
        self._folder = setting.work_dir / 'slurm'
        self._queue = Queue()
        if self._queue.state('') is None:
            fail('squeue fails: Slurm does not answer')

    def free(self, running: int) -> int:
        return sys.maxsize

    def find(self, folder: RunFolder) -> SlurmJob | None:
        job = folder.job(NAME)
        if job and may_work(self._queue.state(job) or ''):
            return SlurmJob(job, folder, self._queue, self._folder)
        return None

    def start(self, folders: Sequence[RunFolder]) -> list[SlurmJob]:
        arrays = [folders[first : first + _ARRAY] for first in range(0, len(folders), _ARRAY)]
        return [job for array in arrays for job in self._submit(array)]

    def _submit(self, folders: Sequence[RunFolder]) -> list[SlurmJob]:
        """Submits an array; writes QUEUED first, because a job may start and go on at once."""
        import submitit

        from harness.grid.launchers.slurm.on_node import RunOnNode

        before = [read_json(folder.status_json) for folder in folders]
        for folder in folders:
            folder.write_status('QUEUED', **folder.position())
        names = [str(folder.path.resolve()) for folder in folders]
        task = RunOnNode(0.9 * self._options.signal_delay)
        try:
            # submitit also prints what the error says
            with redirect_stderr(io.StringIO()), _without_variables(self._options.flags):
                submitted = self._executor().map_array(task, names)
        except submitit.core.utils.FailedJobError as error:
            for folder, content in zip(folders, before, strict=True):
                write_json(folder.status_json, content)
            fail('; '.join(str(error).split('\n')))
        jobs = []
        for folder, job in zip(folders, submitted, strict=True):
            folder.write_job(NAME, job.job_id)
            jobs.append(SlurmJob(job.job_id, folder, self._queue, self._folder))
        return jobs

    def _executor(self) -> Any:
        import submitit

        options = self._options
        # submitit would end runs after some time-outs; RunOnNode ends those without progress
        executor = submitit.SlurmExecutor(self._folder, max_num_timeout=sys.maxsize)
        executor.update_parameters(
            time=options.minutes,
            array_parallelism=options.array_parallelism,
            signal_delay_s=options.signal_delay,
            setup=options.setup,
            stderr_to_stdout=True,
            # spelled as submitit spells them, so that they replace its own values
            additional_parameters={k.replace('-', '_'): v for k, v in options.flags.items()},
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

    @staticmethod
    def at_work(jobs: Collection[str]) -> set[str] | None:
        """Those that wait or run; None if the queue does not answer within a second."""
        states = job_states(timeout=1.0)
        return None if states is None else {job for job in jobs if may_work(states.get(job, ''))}


@contextmanager
def _without_variables(flags: Iterable[str]) -> Iterator[None]:
    """Hides variables such as SBATCH_EXPORT, which override the options in a script."""
    options = (*flags, 'array', 'signal', 'output')
    names = [f'SBATCH_{_VARIABLES.get(o, o.upper().replace("-", "_"))}' for o in options]
    before = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(before)
