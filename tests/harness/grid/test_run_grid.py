"""The command as a user starts it: real runs, interruptions, failures, reports."""

import contextlib
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from harness.errors import UserError
from harness.grid.arguments import parse_overrides
from harness.runs.claims import current_claim
from tests.commands import RUN_GRID, Command, run_grid
from tests.harness.grid.results import frames

REPOSITORY = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, str(REPOSITORY / 'harness' / 'run_grid.py')]
INTERRUPTED = ['--only', 'PI-R4', '--jobs', 1]


@pytest.mark.slow
def test_help_and_dry_run_import_nothing_heavy(grid_file):
    for args in (['--help'], [grid_file, '--dry-run']):
        done = subprocess.run(
            [sys.executable, '-X', 'importtime', *COMMAND[1:], *map(str, args)],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0
        modules = {line.rsplit('|', 1)[-1].strip() for line in done.stderr.splitlines()}
        assert not modules & {'torch', 'mmagic', 'pandas', 'matplotlib'}
    assert '4 runs: 0 DONE, 0 RUNNING, 0 FAILED, 4 TODO' in done.stdout


@pytest.mark.slow
def test_a_grid_from_start_to_report(grid_file, tmp_path):
    work_dir = tmp_path / 'work'
    done = subprocess.run(
        [*COMMAND, grid_file, '--work-dir', work_dir],
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONPATH': ''},
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '4 runs: 4 DONE' in done.stdout
    files = ('tables/results.tex', 'data/results.csv', 'figures/overall/r_tradeoff.pdf')
    for name in ('index.html', 'results.xlsx', *files, 'figures/curves/psnr_vs_frame_tiny.png'):
        assert (work_dir / 'report' / name).stat().st_size > 0
        assert name.split('/')[0] in done.stdout
    results = frames(work_dir)
    assert {len(table) for table in results.values()} == {66}
    run = next(work_dir.glob('runs/tiny-PI-R2-*'))
    record = json.loads((run / 'run.json').read_text())
    assert record['repeats'] == 2 and record['versions']['mmagic'] == '1.2.0'
    assert json.loads((run / 'timing.json').read_text())['state_pass_ms'] > 0

    before = {p: p.stat().st_mtime_ns for p in work_dir.glob('runs/*/*')}
    again = subprocess.run(
        [sys.executable, '-X', 'importtime', *COMMAND[1:], grid_file, '--work-dir', work_dir],
        capture_output=True,
        text=True,
    )
    assert again.returncode == 0
    modules = {line.rsplit('|', 1)[-1].strip() for line in again.stderr.splitlines()}
    assert not modules & {'torch', 'mmagic'}
    assert {p: p.stat().st_mtime_ns for p in work_dir.glob('runs/*/*')} == before


@pytest.fixture(scope='module')
def undisturbed(write_grid, tmp_path_factory):
    """Frames of the run that is interrupted below, by its name."""
    folder = tmp_path_factory.mktemp('undisturbed')
    done = run_grid(write_grid(folder, 60), '--work-dir', folder / 'whole', *INTERRUPTED)
    assert done.returncode == 0, done.stdout + done.stderr
    return frames(folder / 'whole')


@pytest.mark.slow
@pytest.mark.parametrize('kill', [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_grid_goes_on_with_the_same_numbers(write_grid, undisturbed, tmp_path, kill):
    grid_file = write_grid(tmp_path, 60)
    work_dir = tmp_path / 'cut'
    process = subprocess.Popen(
        [*COMMAND, str(grid_file), '--work-dir', str(work_dir), *map(str, INTERRUPTED)],
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not list(work_dir.glob('runs/*/iter_*.pth')) and time.monotonic() < deadline:
        time.sleep(0.02)
    if kill == signal.SIGINT:
        os.killpg(process.pid, kill)  # what a terminal does on Ctrl-C
        assert process.wait(30) == 130
    else:
        process.kill()
        process.wait()
    run = next(work_dir.glob('runs/tiny-PI-R4-*'))
    _wait_until_free(run)
    assert not (run / 'frames_moving.csv').exists()

    resumed = run_grid(grid_file, '--work-dir', work_dir, *INTERRUPTED)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert 'resumed epoch' in (run / 'log.txt').read_text()
    pd.testing.assert_frame_equal(
        frames(work_dir)[run.name], undisturbed[run.name], check_exact=True
    )


def _wait_until_free(run):
    """Workers notice within moments that their parent is gone."""
    deadline = time.monotonic() + 10
    while current_claim(run).is_held and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not current_claim(run).is_held


@pytest.mark.slow
def test_a_failed_run_is_reported_and_does_not_stop_the_others(grid_file, tmp_path):
    config = tmp_path / 'tiny.py'
    text = config.read_text() + 'optim_wrapper = dict(optimizer=dict(lr=1e30), clip_grad=None)\n'
    (tmp_path / 'wild.py').write_text(text.replace('tiny.py', 'wild.py'))
    grid = grid_file.read_text()
    grid = grid.replace(
        '    bicubic=', f"    wild=dict(config='{tmp_path}/wild.py'),\n    bicubic="
    )
    grid = grid.replace("networks=['tiny']", "networks=['wild', 'tiny']").replace(
        "['RI', 'PI']", "['RI']"
    )
    grid_file.write_text(grid)
    done = run_grid(grid_file, '--work-dir', tmp_path / 'work', report=True)
    assert done.returncode == 1
    assert '3 runs: 2 DONE, 0 RUNNING, 1 FAILED' in done.stdout
    assert 'FAILED in train' in done.stdout and ': loss is' in done.stdout
    tex = (tmp_path / 'work' / 'report/tables/results.tex').read_text()
    assert 'failed' in tex
    again = run_grid(grid_file, '--work-dir', tmp_path / 'work')
    assert again.returncode == 1 and '1 FAILED' in again.stdout


def test_overrides_are_parsed():
    assert parse_overrides(['R=2,8', 'fc=true,false', 'seed=0']) == {
        'R': [2, 8],
        'fc': [True, False],
        'seeds': [0],
    }
    with pytest.raises(UserError, match='--set R2'):
        parse_overrides(['R2'])
    with pytest.raises(UserError, match='--set speed=3'):
        parse_overrides(['speed=3'])


@pytest.mark.slow
def test_a_missing_grid_file_is_one_clear_line(tmp_path):
    done = run_grid(tmp_path / 'absent.py')
    assert done.returncode == 1
    assert done.stderr.strip() == f'error: config {tmp_path}/absent.py: no such file'


@pytest.mark.slow
def test_wrong_options_of_slurm_start_nothing(grid_file, tmp_path):
    work_dir = ('--work-dir', tmp_path / 'work')
    done = run_grid(grid_file, *work_dir, '--slurm', 'time=60')
    assert (done.returncode, done.stderr) == (
        1,
        'error: --slurm KEY=VALUE needs --launcher slurm\n',
    )
    grid_file.write_text(grid_file.read_text() + "launcher = 'slurm'\nslurm = dict(nodes=3)\n")
    done = run_grid(grid_file, *work_dir, '--slurm', 'cpus=many')
    assert done.returncode == 1
    assert [line.split(':')[0].strip() for line in done.stderr.splitlines()] == [
        *('error', 'nodes', 'cpus', 'time')
    ]
    assert not (tmp_path / 'work' / 'runs').exists()
    grid_file.write_text(grid_file.read_text() + "launcher = 'pbs'\n")
    assert "launcher: 'pbs' is not one of local, slurm" in run_grid(grid_file, *work_dir).stderr


@pytest.mark.slow
def test_an_exported_script_can_be_printed(grid_file, tmp_path):
    """Its runs are prepared; nothing is started, and a grid that is done has none."""
    args = (grid_file, '--work-dir', tmp_path, '--export-script', '-', '--slurm', 'time=60')
    done = run_grid(*args, '--only', 'RI')
    (task,) = tmp_path.glob('runs/*/task.json')
    assert done.stdout.startswith('#!/bin/bash\n') and str(task.parent) in done.stdout
    done = run_grid(*args, '--only', 'RI', '--eval-only')
    assert done.stderr == 'error: nothing to start; --status shows why\n'


def test_a_work_directory_that_is_a_file_is_one_clear_line(grid_file):
    done = run_grid(grid_file, '--work-dir', grid_file)
    assert done.returncode == 1
    assert done.stderr == f'error: --work-dir {grid_file}: is not a folder\n'


@pytest.mark.slow
def test_progress_in_a_terminal(grid_file, tmp_path):
    config = grid_file.with_name('tiny.py')  # long enough to be seen at work
    config.write_text(config.read_text().replace('max_iters=12', 'max_iters=200'))
    primary, secondary = pty.openpty()
    process = Command(
        [RUN_GRID, grid_file, '--work-dir', tmp_path / 'work', '--only', 'RI'],
        env={**os.environ, 'TERM': 'xterm', 'COLUMNS': '120'},
        report=False,
        terminal=os.ttyname(secondary),
    )
    shown = b''
    with contextlib.suppress(OSError):  # the end of a terminal's output is an error on Linux
        while chunk := os.read(primary, 4096):
            shown += chunk
            if secondary:
                secondary = os.close(secondary)  # the command has it now
    assert process.wait() == 0
    text = shown.decode()
    assert 'Traceback' not in text
    assert '0/1' in text and '1/1' in text  # runs
    assert '/200' in text and 'train' in text  # iterations inside the run


@pytest.mark.slow
def test_a_run_folder_copied_under_another_name_is_refused(grid_file, tmp_path):
    """Its checkpoints and results are those of another run."""
    only = ['--work-dir', tmp_path / 'work', '--only']
    assert run_grid(grid_file, *only, 'bicubic').returncode == 0
    listed = run_grid(grid_file, *only, 'RI', '--dry-run').stdout
    name = next(word for word in listed.split() if word.startswith('tiny-RI-'))
    (run,) = tmp_path.glob('work/runs/bicubic*')
    shutil.copytree(run, run.with_name(name))
    done = run_grid(grid_file, *only, 'RI', '--status')
    assert f'DONE    {name}' not in done.stdout and name in done.stdout
    done = run_grid(grid_file, *only, 'RI')
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f'error: {run.with_name(name)}: is a copy of the run {run.name}; delete the copy'
    )
