"""What launchers of queues share, on a queue of this process."""

import pytest

from harness.grid.launchers import Setting, launcher_class, register_launcher
from harness.grid.launchers.queue import QueueLauncher
from harness.runs import claims, owners
from harness.runs.files import read_json
from harness.runs.folder import RunFolder


@pytest.fixture
def queue(tmp_path):
    """A launcher whose ``working`` jobs are those it has submitted and nobody has ended."""

    class FakeLauncher(QueueLauncher):
        look_every = 0.0
        submitted = 0
        working: set = set()

        def submit(self, folder):
            type(self).submitted += 1
            self.working.add(str(self.submitted))
            return str(self.submitted)

        def is_at_work(self, job):
            return job in self.working

        def cancel(self, job):
            self.working.discard(job)

        def reason(self, job):
            return f'job {job} is gone'

    register_launcher('fake')(FakeLauncher)
    assert launcher_class('fake') is FakeLauncher
    return FakeLauncher(Setting(tmp_path, 'grid', 3, 1, {}))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'run').mkdir()
    return RunFolder(tmp_path / 'run')


def test_a_run_is_handed_over_and_found_again(queue, folder):
    assert queue.find(folder) is None and queue.free(1) == 2
    (job,) = queue.start([folder])
    assert read_json(folder.status_json)['status'] == 'QUEUED'
    assert folder.job('fake') == job.job == '1' and folder.job('slurm') == ''
    assert job.ended() is None and queue.find(folder).job == '1'
    queue.working.clear()
    assert job.ended() == 'job 1 is gone' and queue.find(folder) is None


def test_a_job_that_is_killed_is_not_found_again(queue, folder):
    (job,) = queue.start([folder])
    job.kill()
    assert not queue.working and folder.job('fake') == ''
    assert queue.start([folder])[0].job == '2'


def test_the_claim_of_an_ended_job_is_released(queue, folder, monkeypatch):
    """Its process may have been on another host, where nobody can look at it."""
    (job,) = queue.start([folder])
    monkeypatch.setenv(owners.JOB_VARIABLE, job.job)
    claims.take(folder.path)
    assert job.ended() is None and claims.current_claim(folder.path).owner
    queue.working.clear()
    job.ended()
    assert claims.current_claim(folder.path).owner is None


def test_jobs_stay_in_the_queue_on_ctrl_c(queue, folder, capsys):
    jobs = queue.start([folder])
    queue.stop(jobs)
    assert '1 job(s) stay in the queue: 1' in capsys.readouterr().err and queue.working
    assert queue.at_work({'1'}) is None
