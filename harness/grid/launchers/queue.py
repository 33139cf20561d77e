"""What launchers of queues have in common: a job for each run, found again by its number."""

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
    """Hands runs over to a queue; to be completed by :meth:`submit` and two more methods.

    Jobs that the command has not seen the end of stay in the queue; the same command finds them
    again. At most ``jobs`` are in the queue at a time.

    Args:
        setting: what runs are started for.
    """

    is_local = False
    #: as it is registered
    name: str
    #: seconds between two looks at the queue
    look_every = 5.0

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def submit(self, folder: RunFolder) -> str:
        """Submits the job of a run and gives what the queue calls it.

        The job runs :func:`~harness.grid.launchers.worker_command` with the variables of
        :func:`~harness.grid.launchers.worker_environment`.

        Raises:
            UserError: the queue refuses it.
        """
        raise NotImplementedError

    def is_at_work(self, job: str) -> bool:
        """Whether a job may still bring its run to an end: it waits or runs."""
        raise NotImplementedError

    def cancel(self, job: str) -> None:
        """Ends a job."""
        raise NotImplementedError

    def reason(self, job: str) -> str:
        """Why a job has ended, '' if it says nothing beyond what is in the folder of its run."""
        return ''

    def free(self, running: int) -> int:
        return self.setting.jobs - running

    def find(self, folder: RunFolder) -> QueuedJob | None:
        job = folder.job(self.name)
        return QueuedJob(self, folder, job) if job and self.is_at_work(job) else None

    def start(self, folders: Sequence[RunFolder]) -> list[QueuedJob]:
        jobs = []
        for folder in folders:
            # before, because a job may start, and have more to say, at once
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
        """Unknown without the launcher's options: the folders of the runs say where they are."""
        return None
