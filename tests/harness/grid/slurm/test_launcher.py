"""Jobs as the queue shows them; ``squeue`` and the like are small scripts here."""

import json
import os
import time
from types import SimpleNamespace

import pytest
from rich.console import Console

from harness.errors import UserError
from harness.grid import claims, ledger, overview
from harness.grid.evaluations import Evaluation, Variant
from harness.grid.launch import GridLaunch, Work
from harness.grid.slurm import queue as queue_module
from harness.grid.slurm.launcher import SlurmJob, SlurmLauncher
from harness.grid.slurm.options import plan_slurm
from harness.grid.slurm.queue import Queue, accounting_state, job_states

#: what the runs here lack
MISSING = Evaluation('moving', 'data/moving', 'abc', Variant(), (), {})


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Puts programs that do what their text says into an otherwise empty PATH."""
    folder = tmp_path / 'bin'
    folder.mkdir()
    monkeypatch.setenv('PATH', str(folder))
    monkeypatch.setattr(queue_module, 'LOOK_EVERY', 0.0)

    def write(**texts):
        for name, text in texts.items():
            (folder / name).write_text(f'#!/bin/bash\n{text}\n')
            (folder / name).chmod(0o755)

    return write


@pytest.fixture
def run(tmp_path):
    """The folder of a run that was submitted."""
    folder = tmp_path / 'run'
    folder.mkdir()
    ledger.write_status(folder, 'QUEUED')
    ledger.write_job(folder, '12_3')
    return folder


def claim_of_a_job(folder, job):
    """As a process on another host leaves it when it is killed."""
    path = claims.take(folder)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(dict(content, system='another boot', host='node7', job=job)))
    return path


def queue_says(programs, *jobs):
    programs(squeue='\n'.join(f"echo '{job}'" for job in jobs))


def ended(job, looks=3):
    return [job.ended() for _ in range(looks)]


def test_states_of_all_jobs_come_from_one_call(programs, tmp_path):
    programs(squeue=f'echo "$@" >> {tmp_path}/calls; echo "12_3|RUNNING"; echo "14|COMPLETED"')
    assert job_states() == {'12_3': 'RUNNING', '14': 'COMPLETED'}
    (call,) = (tmp_path / 'calls').read_text().splitlines()
    assert f'--user={os.getuid()}' in call and '--states=all' in call and '--array' in call


@pytest.mark.parametrize('squeue', [None, 'echo broken >&2; exit 1', 'exec /bin/sleep 9'])
def test_a_queue_that_does_not_answer_says_nothing(programs, run, squeue):
    if squeue:
        programs(squeue=squeue)
    assert job_states(timeout=0.5) is None


def test_a_failing_queue_does_not_end_jobs(programs, run):
    queue_says(programs, '12_3|RUNNING')
    job = SlurmJob('12_3', run, Queue())
    assert ended(job) == [None] * 3
    programs(squeue='exit 1')
    assert ended(job) == [None] * 3
    queue_says(programs)
    assert ended(job) == [
        None,
        'job 12_3 is gone from the queue',
        'job 12_3 is gone from the queue',
    ]


@pytest.mark.parametrize('state', ['PENDING', 'RUNNING', 'COMPLETING', 'SUSPENDED', 'REQUEUED'])
def test_states_that_leave_hope(programs, run, state):
    queue_says(programs, f'12_3|{state}')
    assert ended(SlurmJob('12_3', run, Queue())) == [None] * 3


def test_one_look_is_not_enough(programs, run):
    """Slurm shows a job as failed for a moment when it puts it back itself."""
    job = SlurmJob('12_3', run, Queue())
    for state in ('RUNNING', 'NODE_FAIL', 'PENDING', 'PREEMPTED', 'PENDING'):
        queue_says(programs, f'12_3|{state}')
        assert job.ended() is None


def test_looks_before_the_submission_do_not_count(programs, run):
    queue_says(programs)
    queue = Queue()
    assert [queue.state('12_3') for _ in range(2)] == ['', '']
    programs(squeue='exit 1')
    assert ended(SlurmJob('12_3', run, queue)) == [None] * 3


@pytest.mark.parametrize(
    ('state', 'sacct', 'how'),
    [
        ('COMPLETED', 'echo COMPLETED', ''),
        ('FAILED', 'exit 1', 'job 12_3 ended as FAILED'),
        ('FAILED', None, 'job 12_3 ended as FAILED'),
        ('CANCELLED', "echo 'CANCELLED by 1000'", 'job 12_3 ended as CANCELLED'),
        ('FAILED', 'echo OUT_OF_MEMORY', 'ended as OUT_OF_MEMORY; give it more memory'),
        ('TIMEOUT', None, 'ended as TIMEOUT; give it more time'),
        (None, 'echo NODE_FAIL', 'job 12_3 ended as NODE_FAIL'),
    ],
)
def test_the_reason_comes_from_accounting_or_the_queue(programs, run, state, sacct, how):
    queue_says(programs, *([f'12_3|{state}'] if state else []))
    if sacct:
        programs(sacct=sacct)
    found = ended(SlurmJob('12_3', run, Queue()), looks=2)[-1]
    assert found == how if how == '' else how in found


def test_without_accounting_there_is_no_state(programs):
    assert accounting_state('12_3') == ''


@pytest.mark.parametrize('owner', ['12_3', '99'])
def test_the_claim_of_a_job_that_is_gone_is_released(programs, run, owner):
    claim_of_a_job(run, owner)
    queue_says(programs, '12_3|CANCELLED')
    job = SlurmJob('12_3', run, Queue())
    job.ended()
    assert claims.is_claimed(run)
    job.ended()
    assert claims.is_claimed(run) == (owner == '99')


def test_a_job_that_waits_again_is_not_taken_for_one_that_hangs(programs, run):
    """Its process was killed without notice, hours ago."""
    claim = claim_of_a_job(run, '12_3')
    job = SlurmJob('12_3', run, Queue())
    queue_says(programs, '12_3|PENDING')
    assert job.ended() is None and claims.is_claimed(run)  # perhaps it has just started again
    os.utime(claim, (time.time() - 9999,) * 2)
    assert job.ended() is None
    assert claims.current_claim(run).owner is None


def make_launcher(tmp_path):
    return SlurmLauncher(tmp_path / 'slurm', plan_slurm(dict(time=60), 1, 'grid'))


def test_jobs_of_earlier_commands_are_found(programs, run, tmp_path):
    programs(sbatch='exit 1', srun='exit 1')
    queue_says(programs, '12_3|PENDING', '14|FAILED')
    launcher = make_launcher(tmp_path)
    assert launcher.find(run).job == '12_3'
    assert launcher.find(tmp_path) is None  # never submitted
    ledger.write_job(run, '14')
    assert launcher.find(run) is None


def test_a_job_without_a_result_ends_the_grid_as_failed(programs, run, tmp_path, monkeypatch):
    """The grid attaches to the job, which is never seen again."""
    monkeypatch.setattr('harness.grid.slurm.launcher.LOOK_EVERY', 0.05)
    seen = tmp_path / 'seen'
    programs(sbatch='exit 1', srun='exit 1')
    programs(squeue=f"[ -e {seen} ] || echo '12_3|RUNNING'; : > {seen}")
    claim_of_a_job(run, '12_3')
    launch = GridLaunch(make_launcher(tmp_path), Console(quiet=True))
    seen.unlink()
    launch.work_through([Work('run', run, [MISSING])])
    status = ledger.read_status(run, [MISSING])
    assert (status.status, status.reason) == ('FAILED', 'job 12_3 is gone from the queue')


def test_what_is_missing_is_said(programs, tmp_path, monkeypatch):
    with pytest.raises(UserError, match='no sbatch here'):
        make_launcher(tmp_path)
    programs(sbatch='', srun='', squeue='exit 1')
    with pytest.raises(UserError, match='squeue fails'):
        make_launcher(tmp_path)
    monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
    with pytest.raises(UserError, match='pip install'):
        make_launcher(tmp_path)


def test_ctrl_c_leaves_the_jobs_and_says_how_to_end_them(programs, run, tmp_path, capsys):
    programs(sbatch='', srun='', squeue='', scancel=f': > {tmp_path}/cancelled')
    launcher = make_launcher(tmp_path)
    launcher.stop([SlurmJob(job, run, Queue()) for job in ('12_0', '12_1', '15')])
    assert '3 job(s) stay in the queue' in (said := capsys.readouterr().err)
    assert 'scancel 12 15 ends them' in said
    assert not (tmp_path / 'cancelled').exists()


@pytest.mark.parametrize(
    ('written', 'states', 'shown'),
    [
        ('QUEUED', {'12_3': 'PENDING'}, 'QUEUED'),
        ('QUEUED', {'12_3': 'CANCELLED'}, 'STALE'),
        ('QUEUED', {}, 'STALE'),
        ('INTERRUPTED', {'12_3': 'PENDING'}, 'QUEUED'),  # put back by Slurm itself
        ('RUNNING', {}, 'STALE'),
    ],
)
def test_the_queue_corrects_what_the_disk_says(run, written, states, shown, monkeypatch):
    ledger.write_status(run, written)
    monkeypatch.setattr(overview, 'read_status', lambda *_: ledger.read_status(run, [MISSING]))
    monkeypatch.setattr(overview, 'job_states', lambda timeout: states)
    assert statuses(run) == [shown]
    monkeypatch.setattr(overview, 'job_states', lambda timeout: None)
    assert statuses(run) == ['QUEUED' if written == 'QUEUED' else 'STALE']


def test_the_queue_is_not_asked_for_runs_that_cannot_be_in_it(run, monkeypatch):
    monkeypatch.setattr(overview, 'read_status', lambda *_: ledger.read_status(run, [MISSING]))
    monkeypatch.setattr(overview, 'job_states', lambda timeout: pytest.fail('asked'))
    ledger.write_failure(run, 'loss is nan')
    assert statuses(run) == ['FAILED']
    ledger.write_status(run, 'RUNNING')
    claim = claims.take(run)
    assert statuses(run) == ['RUNNING']
    claims.release(claim)
    (run / 'job.json').unlink()
    assert statuses(run) == ['STALE']


def statuses(folder):
    """As --status shows the run."""
    runs, plan = [SimpleNamespace(run_id=folder.name, variants=())], SimpleNamespace(test_sets={})
    return [s.status.status for s in overview.survey(runs, folder.parent, plan)]
