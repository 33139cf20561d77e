"""The base class of launchers that submit each run as a job to a queue."""

import sys
import time
from collections.abc import Collection, Sequence

from harness.grid.launchers import Setting
from harness.runs.claims import release_job
from harness.runs.folder import RunFolder


class QueuedJob:
    """The job of a run, of this command or an earlier one."""

    def __init__(self, launcher: 'QueueLauncher', folder: RunFolder, job: str) -> None:
        self.job = job
        self._launcher = launcher
        self._folder = folder

    def ended(self) -> str | None:
        if self._launcher.is_at_work(self.job):
            return None
        release_job(self._folder.path, self.job)
        return self._launcher.reason(self.job)

    def kill(self) -> None:
        self._launcher.cancel(self.job)
        self._folder.write_job(self._launcher.name, '')  # a retry is another job


class QueueLauncher:
    """Submits runs to a queue; subclasses implement :meth:`submit` and two more methods.

    When the command ends, its jobs stay in the queue, and the same command finds them again. At
    most ``jobs`` are in the queue at a time.

    Args:
        setting: What it needs to know of the grid.
    """

    is_local = False
    #: the name by which it is registered
    name: str
    #: seconds between two queries of the queue
    look_every = 5.0

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def submit(self, folder: RunFolder) -> str:
        """Submits the job of a run and returns its id in the queue.

        The job runs :func:`~harness.grid.launchers.worker_command` with the variables of
        :func:`~harness.grid.launchers.worker_environment`.

        Raises:
            UserError: The queue rejects it.
        """
        raise NotImplementedError

    def is_at_work(self, job: str) -> bool:
        """Whether a job waits or runs, and so may still finish its run."""
        raise NotImplementedError

    def cancel(self, job: str) -> None:
        """Ends a job."""
        raise NotImplementedError

    def reason(self, job: str) -> str:
        """Why a job has ended; '' if the run's folder says everything."""
        return ''

    def free(self, running: int) -> int:
        return self.setting.jobs - running

    def find(self, folder: RunFolder) -> QueuedJob | None:
        job = folder.job(self.name)
        return QueuedJob(self, folder, job) if job and self.is_at_work(job) else None

    def start(self, folders: Sequence[RunFolder]) -> list[QueuedJob]:
        jobs = []
        for folder in folders:
            # before submitting, because the job may start at once and write its own status
            folder.write_status('QUEUED', **folder.position())
            job = self.submit(folder)
            folder.write_job(self.name, job)
            jobs.append(QueuedJob(self, folder, job))
        return jobs

    def wait(self, jobs: Sequence[QueuedJob]) -> None:
        if jobs:
            time.sleep(self.look_every)

    def stop(self, jobs: Sequence[QueuedJob]) -> None:
        """Leaves the jobs where they are."""
        if jobs:
            names = ' '.join(job.job for job in jobs)
            print(f'\n{len(jobs)} job(s) stay in the queue: {names}', file=sys.stderr)

    @staticmethod
    def at_work(jobs: Collection[str]) -> set[str] | None:
        """Unknown, since a query would need the launcher's options."""
        return None
