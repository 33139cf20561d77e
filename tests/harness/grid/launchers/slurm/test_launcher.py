"""Jobs as the queue shows them; ``squeue`` and the like are small scripts here."""

import json
import os
import time
from types import SimpleNamespace

import pytest
from rich.console import Console

from harness.errors import UserError
from harness.grid.launchers import Setting
from harness.grid.launchers.slurm import launcher as launcher_module
from harness.grid.launchers.slurm import queue as queue_module
from harness.grid.launchers.slurm.launcher import SlurmJob, SlurmLauncher
from harness.grid.launchers.slurm.queue import Queue, accounting_state, job_states
from harness.grid.scheduler import Scheduler, Work
from harness.grid.views import survey
from harness.runs import claims
from harness.runs.evaluations import Evaluation, Variant
from harness.runs.folder import RunFolder
from harness.runs.status import read_status

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
    folder = RunFolder.of(tmp_path, 'run')
    folder.path.mkdir(parents=True)
    folder.write_status('QUEUED')
    folder.write_job('slurm', '12_3')
    return folder


def job_of(run, queue, job='12_3'):
    return SlurmJob(job, run, queue, run.path.parents[1] / 'slurm')


def claim_of_a_job(folder, job):
    """As a process on another host leaves it when it is killed."""
    path = claims.take(folder.path)
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


@pytest.mark.slow
@pytest.mark.parametrize('squeue', [None, 'echo broken >&2; exit 1', 'exec /bin/sleep 9'])
def test_a_queue_that_does_not_answer_says_nothing(programs, run, squeue):
    if squeue:
        programs(squeue=squeue)
    assert job_states(timeout=0.5) is None


def test_a_failing_queue_does_not_end_jobs(programs, run):
    queue_says(programs, '12_3|RUNNING')
    job = job_of(run, Queue())
    assert ended(job) == [None] * 3
    programs(squeue='exit 1')
    assert ended(job) == [None] * 3
    queue_says(programs)
    assert ended(job) == [
        None,
        'job 12_3 is no longer in the queue',
        'job 12_3 is no longer in the queue',
    ]


@pytest.mark.parametrize('state', ['PENDING', 'RUNNING', 'COMPLETING', 'SUSPENDED', 'REQUEUED'])
def test_states_that_leave_hope(programs, run, state):
    queue_says(programs, f'12_3|{state}')
    assert ended(job_of(run, Queue())) == [None] * 3


def test_one_look_is_not_enough(programs, run):
    """Slurm shows a job as failed for a moment when it puts it back itself."""
    job = job_of(run, Queue())
    for state in ('RUNNING', 'NODE_FAIL', 'PENDING', 'PREEMPTED', 'PENDING'):
        queue_says(programs, f'12_3|{state}')
        assert job.ended() is None


def test_looks_before_the_submission_do_not_count(programs, run):
    queue_says(programs)
    queue = Queue()
    assert [queue.state('12_3') for _ in range(2)] == ['', '']
    programs(squeue='exit 1')
    assert ended(job_of(run, queue)) == [None] * 3


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
    found = ended(job_of(run, Queue()), looks=2)[-1]
    assert found == how if how == '' else how in found


@pytest.mark.parametrize(
    ('state', 'how'),
    [
        ('FAILED', 'job 12_3 ended as FAILED; see {log}'),
        ('TIMEOUT', 'notice (signal_delay=...); see {log}'),
        (None, 'job 12_3 is no longer in the queue; see {log}'),
        ('COMPLETED', ''),
    ],
)
def test_the_reason_names_the_log_of_the_job_if_there_is_one(programs, run, state, how):
    queue_says(programs, *([f'12_3|{state}'] if state else []))
    assert 'see' not in ended(job_of(run, Queue()))[-1]
    log = run.path.parents[1] / 'slurm' / '12_3_0_log.out'
    log.parent.mkdir()
    log.with_name('12_4_0_log.out').touch()
    assert 'see' not in ended(job_of(run, Queue()))[-1]
    log.touch()
    found = ended(job_of(run, Queue()))[-1]
    assert found == how if how == '' else found.endswith(how.format(log=log))


def test_without_accounting_there_is_no_state(programs):
    assert accounting_state('12_3') == ''


@pytest.mark.parametrize('owner', ['12_3', '99'])
def test_the_claim_of_a_job_that_is_gone_is_released(programs, run, owner):
    claim_of_a_job(run, owner)
    queue_says(programs, '12_3|CANCELLED')
    job = job_of(run, Queue())
    job.ended()
    assert claims.Witness().is_claimed(run.path)
    job.ended()
    assert claims.Witness().is_claimed(run.path) == (owner == '99')


def test_a_job_that_waits_again_is_not_taken_for_one_that_hangs(programs, run):
    """Its process was killed without notice, hours ago."""
    claim = claim_of_a_job(run, '12_3')
    job = job_of(run, Queue())
    queue_says(programs, '12_3|PENDING')
    assert job.ended() is None and claims.Witness().is_claimed(
        run.path
    )  # perhaps it has just started again
    os.utime(claim, (time.time() - 9999,) * 2)
    assert job.ended() is None
    assert claims.current_claim(run.path).owner is None


def make_launcher(tmp_path):
    return SlurmLauncher(Setting(tmp_path, 'grid', 1, 1, dict(time=60)))


def test_jobs_of_earlier_commands_are_found(programs, run, tmp_path):
    programs(sbatch='exit 1', srun='exit 1')
    queue_says(programs, '12_3|PENDING', '14|FAILED')
    launcher = make_launcher(tmp_path)
    assert launcher.find(run).job == '12_3'
    assert launcher.find(RunFolder(tmp_path)) is None  # never submitted
    run.write_job('slurm', '14')
    assert launcher.find(run) is None
    run.write_job('other', '12_3')  # another launcher's
    assert launcher.find(run) is None


def test_options_that_are_given_count_whatever_the_variables_of_the_site_say(
    programs, run, tmp_path, monkeypatch
):
    pytest.importorskip('submitit')
    for name in ('EXPORT', 'JOB_NAME', 'TIMELIMIT', 'ARRAY_INX', 'NO_REQUEUE', 'PARTITION'):
        monkeypatch.setenv(f'SBATCH_{name}', 'other')
    other = RunFolder.of(tmp_path, 'other')
    other.path.mkdir()
    programs(squeue='', srun='')
    programs(
        sbatch=f'/usr/bin/env > {tmp_path}/variables; /bin/cat "$1" > {tmp_path}/script\n'
        'echo "Submitted batch job 15"'
    )
    jobs = make_launcher(tmp_path).start([run, other])
    assert [job.job for job in jobs] == ['15_0', '15_1']
    assert [folder.job('slurm') for folder in (run, other)] == ['15_0', '15_1']
    variables = (tmp_path / 'variables').read_text().splitlines()
    assert [v for v in variables if v.startswith('SBATCH_')] == ['SBATCH_PARTITION=other']
    assert os.environ['SBATCH_EXPORT'] == 'other'
    flags = [v[10:] for v in (tmp_path / 'script').read_text().split('\n') if v[:8] == '#SBATCH ']
    given = ['array=0-1%2', 'export=ALL', 'job-name=grid', 'requeue', 'signal=USR2@300', 'time=60']
    assert set(given) < set(flags)
    names = [flag.partition('=')[0] for flag in flags if flag != 'open-mode=append']
    assert len(names) == len({*names})


def test_runs_that_sbatch_refuses_stand_where_they_stood(programs, run, tmp_path):
    pytest.importorskip('submitit')
    programs(squeue='', srun='', sbatch='echo "sbatch: error: no" >&2; echo more >&2; exit 1')
    run.write_status('INTERRUPTED', stage='train', iteration=3, max_iters=9)
    before = run.status_json.read_text()
    with pytest.raises(UserError) as error:
        make_launcher(tmp_path).start([run])
    assert str(error.value).startswith('sbatch: error: no; more')
    assert json.loads(run.status_json.read_text()) == json.loads(before)
    assert run.job('slurm') == '12_3'


def test_a_job_without_a_result_ends_the_grid_as_failed(programs, run, tmp_path, monkeypatch):
    """The grid attaches to the job, which is never seen again."""
    monkeypatch.setattr(launcher_module, 'LOOK_EVERY', 0.05)
    seen = tmp_path / 'seen'
    programs(sbatch='exit 1', srun='exit 1')
    programs(squeue=f"[ -e {seen} ] || echo '12_3|RUNNING'; : > {seen}")
    claim_of_a_job(run, '12_3')
    launch = Scheduler(make_launcher(tmp_path), Console(quiet=True))
    seen.unlink()
    launch.work_through([Work(run, [MISSING])])
    status = read_status(run, [MISSING])
    assert (status.status, status.reason) == ('FAILED', 'job 12_3 is no longer in the queue')


def test_what_is_missing_is_said(programs, tmp_path, monkeypatch):
    with pytest.raises(UserError, match='no sbatch here'):
        make_launcher(tmp_path)
    programs(sbatch='', srun='', squeue='exit 1')
    with pytest.raises(UserError, match='squeue fails'):
        make_launcher(tmp_path)
    monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
    with pytest.raises(UserError, match='pip install'):
        make_launcher(tmp_path)


def test_a_killed_job_is_cancelled_and_a_retry_is_another_one(programs, run, tmp_path):
    programs(sbatch='', srun='', scancel=f'echo "$@" >> {tmp_path}/cancelled')
    queue_says(programs, '12_3|RUNNING')
    launcher = make_launcher(tmp_path)
    launcher.find(run).kill()
    assert (tmp_path / 'cancelled').read_text() == '12_3\n'
    assert launcher.find(run) is None


def test_ctrl_c_leaves_the_jobs_and_says_how_to_end_them(programs, run, tmp_path, capsys):
    programs(sbatch='', srun='', squeue='', scancel=f': > {tmp_path}/cancelled')
    launcher = make_launcher(tmp_path)
    launcher.stop([job_of(run, Queue(), job) for job in ('12_0', '12_1', '15')])
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
    run.write_status(written)
    monkeypatch.setattr(launcher_module, 'job_states', lambda timeout: states)
    assert statuses(run) == [shown]
    monkeypatch.setattr(launcher_module, 'job_states', lambda timeout: None)
    assert statuses(run) == ['QUEUED' if written == 'QUEUED' else 'STALE']


def test_the_queue_is_not_asked_for_runs_that_cannot_be_in_it(run, monkeypatch):
    monkeypatch.setattr(launcher_module, 'job_states', lambda timeout: pytest.fail('asked'))
    run.write_failure('loss is nan')
    assert statuses(run) == ['FAILED']
    run.write_status('RUNNING')
    claim = claims.take(run.path)
    assert statuses(run) == ['RUNNING']
    claims.release(claim)
    (run.path / 'job.json').unlink()
    assert statuses(run) == ['STALE']


def statuses(folder):
    """As --status shows the run."""
    runs = [SimpleNamespace(run_id=folder.name, variants=())]
    evaluation = SimpleNamespace(evaluations=lambda variants: [MISSING])
    return [s.status.status for s in survey(runs, folder.path.parents[1], evaluation)]
