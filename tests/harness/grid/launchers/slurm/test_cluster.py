"""Real runs as jobs of a real Slurm: their numbers, their failures, interruptions, attaching."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from harness.runs.claims import current_claim
from harness.runs.files import read_json
from tests.commands import run_grid
from tests.harness.grid.results import frames

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

REPOSITORY = Path(__file__).resolve().parents[5]
COMMAND = [sys.executable, str(REPOSITORY / 'harness' / 'run_grid.py')]
OPTIONS = ['--launcher', 'slurm', '--slurm', 'time=30', 'gpus=0', 'signal_delay=60']


@pytest.fixture(scope='module')
def grid(tmp_path_factory, write_grid):
    """A grid file whose trainings are long enough to be interrupted."""
    path = write_grid(tmp_path_factory.mktemp('grid'))
    config = path.with_name('tiny.py')
    config.write_text(config.read_text().replace('max_iters=12', 'max_iters=900'))
    return path


@pytest.fixture(scope='module')
def undisturbed(grid):
    """Run -> its per-frame results by local workers."""
    work_dir = grid.with_name('local')
    done = start(grid, work_dir, '--jobs', str(os.cpu_count()))  # a thread each, as there
    assert done.returncode == 0, done.stdout + done.stderr
    return frames(work_dir)


def command(grid, work_dir, *args):
    return [*COMMAND, str(grid), '--work-dir', str(work_dir), *args]


def start(grid, work_dir, *args):
    return run_grid(grid, '--work-dir', work_dir, *args, timeout=600)


def assert_same(actual, expected):
    assert actual
    for run, table in actual.items():
        pd.testing.assert_frame_equal(table, expected[run], check_exact=True)


def until(condition, process=None, seconds=400):
    """What the condition gives once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, 'waited in vain'
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.1)
    return found


def training(work_dir, name):
    """The folder of a run that has saved its first checkpoint, None before."""
    saved = list(work_dir.glob(f'runs/tiny-{name}-*/iter_*.pth'))
    return saved[0].parent if saved else None


def states():
    """Job -> state; the ids of all tests."""
    output = subprocess.run(
        ['squeue', '-h', '-r', '-t', 'all', '-o', '%i|%T'], capture_output=True, text=True
    ).stdout
    return dict(line.split('|') for line in output.split())


def set_partition(state):
    """Jobs of a partition that is DOWN wait."""
    update = ['scontrol', 'update', 'PartitionName=tests', f'State={state}']
    subprocess.run(update, check=True)


def job_of(folder):
    return read_json(folder / 'job.json')['job']


def test_an_array_of_jobs_gives_the_numbers_of_local_workers(cluster, grid, undisturbed, tmp_path):
    done = run_grid(grid, '--work-dir', tmp_path, *OPTIONS, report=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '4 runs: 4 DONE' in done.stdout
    assert (tmp_path / 'report' / 'index.html').is_file()
    results = frames(tmp_path)
    assert len(results) == 4
    assert_same(results, undisturbed)
    jobs = sorted(job_of(folder) for folder in tmp_path.glob('runs/*'))
    array = jobs[0].split('_')[0]
    assert jobs == [f'{array}_{number}' for number in range(4)]
    for folder in tmp_path.glob('runs/*'):
        claim = current_claim(folder)
        assert claim.owner is None and read_json(claim.path)['job'] == job_of(folder)
    names = ['squeue', '-h', '-t', 'all', '-o', '%j', '-j', array]
    assert set(subprocess.check_output(names, text=True).split()) == {'tiny_grid'}


def test_killed_and_cancelled_jobs_fail_and_one_whose_node_failed_goes_on(
    cluster, grid, undisturbed, tmp_path
):
    """Requeueing kills a process without notice, which leaves a claim of the same job."""
    process = subprocess.Popen(
        command(grid, tmp_path, *OPTIONS), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    killed = until(lambda: training(tmp_path, 'RI'), process)
    os.kill(current_claim(killed).owner.pid, signal.SIGKILL)
    requeued = until(lambda: training(tmp_path, 'PI-R4'), process)
    subprocess.run(['scontrol', 'requeue', job_of(requeued)], check=True)
    cancelled = until(lambda: training(tmp_path, 'PI-R2'), process)
    subprocess.run(['scancel', job_of(cancelled)], check=True)
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 1, output + errors
    assert '4 runs: 2 DONE, 0 RUNNING, 2 FAILED' in output
    assert re.search(rf'{killed.name} FAILED in train at \d+: .*killed by SIGKILL', output)
    assert re.search(
        rf'{cancelled.name} FAILED in train at \d+: job {job_of(cancelled)} ended as CANCELLED',
        output,
    )
    assert 'resumed epoch' in (requeued / 'log.txt').read_text()
    assert_same(frames(tmp_path), undisturbed)


def test_an_interrupted_job_is_requeued_watched_and_goes_on(cluster, grid, undisturbed, tmp_path):
    """The command is left by Ctrl-C, its job interrupted, and another command waits for it."""
    call = command(grid, tmp_path, '--only', 'PI-R4', *OPTIONS)
    first = subprocess.Popen(call, stderr=subprocess.PIPE, text=True)
    run = until(lambda: training(tmp_path, 'PI-R4'), first)
    first.send_signal(signal.SIGINT)
    assert first.wait(30) == 130
    job = job_of(run)
    said = first.stderr.read()
    assert '1 job(s) stay in the queue' in said and f'scancel {job} ends them' in said

    set_partition('DOWN')  # what is requeued stays in the queue
    subprocess.run(['scancel', '--signal=USR2', job], check=True)
    until(lambda: states()[job] == 'PENDING')
    assert re.search(
        rf'QUEUED +{run.name} +train .* job {job}\n', start(grid, tmp_path, '--status').stdout
    )
    before = states().keys()
    set_partition('UP')
    done = start(grid, tmp_path, '--only', 'PI-R4', *OPTIONS)
    assert done.returncode == 0, done.stdout + done.stderr
    # nothing was submitted again; Slurm forgets jobs that ended minutes ago
    assert states().keys() <= before
    assert 'resumed epoch' in (run / 'log.txt').read_text()
    assert_same(frames(tmp_path), undisturbed)


def test_cancelled_jobs_that_nobody_watched_are_submitted_anew(cluster, grid, tmp_path):
    """A job is cancelled before it began; --status says so, and the next command mends it."""
    set_partition('DOWN')
    call = command(grid, tmp_path, '--only', 'bicubic', *OPTIONS)
    process = subprocess.Popen(call, stderr=subprocess.PIPE)
    (path,) = until(lambda: list(tmp_path.glob('runs/bicubic*/job.json')), process)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    job = job_of(path.parent)
    assert '1 QUEUED' in start(grid, tmp_path, '--status').stdout
    subprocess.run(['scancel', job], check=True)
    until(lambda: states()[job] == 'CANCELLED')
    assert f'job {job} is no longer in the queue' in start(grid, tmp_path, '--status').stdout
    set_partition('UP')
    done = start(grid, tmp_path, '--only', 'bicubic', *OPTIONS)
    assert '1 DONE' in done.stdout, done.stdout + done.stderr
    assert job_of(path.parent) != job


@pytest.mark.parametrize(
    ('option', 'said'),
    [
        ('partition=absent', 'error: sbatch: error: '),
        ('gres=absent:1', 'error: sbatch: error: '),
        ('reservation=absent', 'error: sbatch: error: '),
        ('partitoin=tests', "error: sbatch: unrecognized option '--partitoin=tests'"),
    ],
)
def test_what_sbatch_refuses_is_one_clear_line(cluster, grid, tmp_path, option, said):
    done = start(grid, tmp_path, *OPTIONS, option)
    assert done.returncode == 1
    assert done.stderr.strip().startswith(said)
    assert option.partition('=')[0] in done.stderr and '\n' not in done.stderr.strip()
    assert '4 TODO' in start(grid, tmp_path, '--dry-run').stdout


def test_a_job_that_fails_before_its_run_begins_names_its_log(cluster, grid, tmp_path):
    done = start(grid, tmp_path, '--only', 'bicubic', *OPTIONS, 'setup=echo out of luck; exit 3')
    assert done.returncode == 1
    (folder,) = tmp_path.glob('runs/bicubic*')
    log = tmp_path / 'slurm' / f'{job_of(folder)}_0_log.out'
    assert f'job {job_of(folder)} ended as FAILED; see {log}' in done.stdout
    assert log.read_text() == 'out of luck\n'


def test_a_work_directory_that_slurm_cannot_log_to_is_refused(cluster, grid, tmp_path):
    before = states()
    done = start(grid, tmp_path / '100%' / 'work', *OPTIONS)
    assert done.returncode == 1
    assert done.stderr.startswith(f'error: {tmp_path}/100%/work: ') and done.stderr.count('\n') == 1
    assert states() == before and not (tmp_path / '100%' / 'work' / 'runs').exists()


def test_odd_names_of_folders_and_values_of_options_reach_the_jobs(cluster, grid, tmp_path):
    work_dir = tmp_path / 'it\'s $HOME # "mine"'
    options = [*OPTIONS, "comment=it's # one", 'nodelist=' + socket.gethostname().split('.')[0]]
    done = start(grid, work_dir, '--only', 'bicubic', *options, 'mail-type=END')
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = work_dir.glob('runs/bicubic*')
    shown = subprocess.check_output(['scontrol', 'show', 'job', job_of(folder)], text=True)
    assert "Comment=it's # one" in shown
    assert f'StdOut={work_dir}/slurm/{job_of(folder)}_0_log.out\n' in shown


def test_sites_whose_sbatch_passes_no_variables_on(cluster, grid, tmp_path, monkeypatch):
    """The user's variables reach the worker all the same, and options count that are given."""
    monkeypatch.setenv('MINE', 'yes')
    monkeypatch.setenv('SBATCH_EXPORT', 'NONE')
    monkeypatch.setenv('SLURM_EXPORT_ENV', 'NONE')
    monkeypatch.setenv('SBATCH_JOB_NAME', 'other')
    monkeypatch.setenv('SBATCH_TIMELIMIT', '7')
    monkeypatch.setenv('SBATCH_COMMENT', 'kept')
    setup = f'setup=echo "$MINE" > {tmp_path}/mine; squeue -h -j $SLURM_JOB_ID -o "%j %l"'
    done = start(grid, tmp_path, '--only', 'bicubic', *OPTIONS, setup)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / 'mine').read_text() == 'yes\n'
    (folder,) = tmp_path.glob('runs/bicubic*')
    assert read_json(current_claim(folder).path)['job'] == job_of(folder)
    (log,) = (tmp_path / 'slurm').glob('*_log.out')
    assert log.read_text().startswith('tiny_grid 30:00\n')


def test_the_exported_script_needs_no_variables_of_its_user(cluster, grid, tmp_path, monkeypatch):
    script, work_dir = tmp_path / 'grid.sh', tmp_path / 'work'
    export = ('--only', 'bicubic', *OPTIONS, '--export-script', str(script))
    done = start(grid, work_dir, *export)
    assert done.returncode == 0, done.stderr
    monkeypatch.setenv('SBATCH_EXPORT', 'NONE')
    subprocess.run(['sbatch', '--wait', str(script)], check=True, timeout=300)
    assert '1 DONE' in start(grid, work_dir, '--only', 'bicubic', '--dry-run').stdout
    (folder,) = work_dir.glob('runs/bicubic*')
    (output,) = (work_dir / 'slurm').glob('*_0.out')
    assert read_json(current_claim(folder).path)['job'] == output.stem


def test_the_exported_script_works_by_itself(cluster, grid, undisturbed, tmp_path):
    """Submitted from elsewhere; one run is interrupted and goes on, one is cancelled."""
    script, work_dir = tmp_path / 'grid.sh', tmp_path / 'work'
    done = start(grid, work_dir, '--only', 'PI', *OPTIONS, '--export-script', str(script))
    assert done.returncode == 0, done.stderr
    assert f'2 runs: sbatch {script}' in done.stdout
    submitted = subprocess.run(
        ['sbatch', '--parsable', str(script)], cwd=tmp_path, capture_output=True, text=True
    )
    job = submitted.stdout.strip()
    interrupted = until(lambda: training(work_dir, 'PI-R2'))
    subprocess.run(['scancel', '--signal=USR1', f'{job}_0'], check=True)
    until(lambda: training(work_dir, 'PI-R4'))
    subprocess.run(['scancel', f'{job}_1'], check=True)
    until(lambda: states()[f'{job}_0'] == 'PENDING')
    until(lambda: states()[f'{job}_0'] == 'COMPLETED')
    assert states()[f'{job}_1'] == 'CANCELLED'
    assert 'resumed epoch' in (interrupted / 'log.txt').read_text()
    assert frames(work_dir).keys() == {interrupted.name}
    assert_same(frames(work_dir), undisturbed)
