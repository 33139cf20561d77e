"""Strategies as the grid fills them in, and runs of several processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.exits import INTERRUPTED
from harness.grid.expand import expand
from harness.grid.validation import load_grid
from harness.runs.folder import RunFolder
from harness.runs.identity import identity_of
from harness.runs.status import read_status
from harness.runs.task import Task
from tests.commands import run_grid

REPOSITORY = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, str(REPOSITORY / 'harness' / 'run_grid.py')]


def runs_of(path, nproc=None, **overrides):
    return {r.axes.strategy: r for r in expand(load_grid(str(path), overrides, nproc))}


def test_loops_of_the_strategies(grid_file):
    runs = runs_of(grid_file, strategies=['RI', 'TBPTT', 'PI', 'PI-all'], R=[4])
    loops = {name: run.cfg.train_cfg for name, run in runs.items() if name}
    assert {name: loop.type for name, loop in loops.items()} == {
        'RI': 'RIBPTTLoop',
        'TBPTT': 'TBPTTLoop',
        'PI': 'PIBPTTLoop',
        'PI-all': 'PIBPTTLoop',
    }
    assert {name: loop.get('repeats') for name, loop in loops.items()} == {
        'RI': None,
        'TBPTT': None,
        'PI': 4,
        'PI-all': 4,
    }
    assert loops['PI-all'].states == 'all'
    assert runs['PI-all'].run_id.startswith('tiny-PI-all-R4-')


def test_options_of_one_strategy(grid_file, tmp_path):
    """They go to its runs alone; the others keep their identity."""
    before = runs_of(grid_file, strategies=['RI', 'PI'], R=[4])
    config = tmp_path / 'tiny.py'
    options = 'strategies = dict(PI=dict(warmup_iters=3, bank=dict(place="disk")))\n'
    config.write_text(config.read_text() + options)
    after = runs_of(grid_file, strategies=['RI', 'PI'], R=[4])
    assert after['PI'].cfg.train_cfg.warmup_iters == 3
    assert 'warmup_iters' not in after['RI'].cfg.train_cfg
    assert after['RI'].run_id == before['RI'].run_id
    assert after['PI'].run_id != before['PI'].run_id


def test_where_states_are_kept_is_no_part_of_the_identity(grid_file):
    run = runs_of(grid_file, strategies=['PI'], R=[4])['PI']
    before = identity_of(run.content, None)
    run.content['train_cfg']['bank'] = dict(place='disk', folder='/tmp')
    assert identity_of(run.content, None) == before
    run.content['train_cfg']['bank'] = dict(dtype='float16')
    assert identity_of(run.content, None) != before


def test_several_processes_are_another_run(grid_file):
    """Their batches are larger."""
    one, two = (runs_of(grid_file, nproc, strategies=['PI'], R=[4])['PI'] for nproc in (1, 2))
    assert 'nproc' not in one.cfg and two.cfg.nproc == 2
    assert one.run_id != two.run_id


def children_of(pid):
    lines = subprocess.run(['ps', '-eo', 'pid,ppid'], capture_output=True, text=True).stdout
    pairs = [tuple(map(int, line.split())) for line in lines.splitlines()[1:]]
    direct = [child for child, parent in pairs if parent == pid]
    return direct + [grandchild for child in direct for grandchild in children_of(child)]


@pytest.mark.slow
def test_two_processes_per_run(grid_file, tmp_path):
    work_dir = tmp_path / 'work'
    done = run_grid(grid_file, '--work-dir', work_dir, '--only', 'tiny-PI-R2', '--nproc', 2)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = next(work_dir.glob('runs/tiny-PI-R2-*'))
    assert json.loads((folder / 'status.json').read_text())['status'] == 'DONE'
    assert json.loads((folder / 'timing.json').read_text())['processes'] == 2
    assert (folder / 'frames_moving.csv').is_file()


@pytest.mark.slow
def test_a_signal_to_all_processes_of_a_run_interrupts_it(grid_file, tmp_path):
    """Slurm sends it to torchrun as well."""
    config = tmp_path / 'tiny.py'
    config.write_text(config.read_text().replace('max_iters=12', 'max_iters=100000'))
    prepare = ['--only', 'tiny-RI', '--nproc', 2, '--slurm', 'time=60', '--export-script', '-']
    run_grid(grid_file, '--work-dir', tmp_path, *prepare).check_returncode()
    folder = next(tmp_path.glob('runs/tiny-RI-*'))
    worker = subprocess.Popen(
        [sys.executable, '-m', 'harness.grid.worker', str(folder)],
        cwd=REPOSITORY,
        start_new_session=True,
    )
    deadline = time.monotonic() + 300
    while not list(folder.glob('iter_*.pth')):
        assert time.monotonic() < deadline and worker.poll() is None
        time.sleep(0.2)
    family = children_of(worker.pid)
    os.killpg(worker.pid, signal.SIGUSR2)
    assert worker.wait(60) == INTERRUPTED
    left = [pid for pid in family if Path(f'/proc/{pid}').exists()]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert len(family) >= 3 and not left  # torchrun has waited for its two processes
    assert (
        read_status(RunFolder(folder), Task.read(RunFolder(folder)).evaluations).status == 'STALE'
    )
    assert '100000' in (folder / 'status.json').read_text()


@pytest.mark.slow
def test_killing_run_grid_ends_its_torchrun(grid_file, tmp_path):
    config = tmp_path / 'tiny.py'
    config.write_text(config.read_text().replace('max_iters=12', 'max_iters=100000'))
    command = [*COMMAND, grid_file, '--work-dir', tmp_path / 'work', '--only', 'tiny-PI-R2']
    grid = subprocess.Popen(list(map(str, [*command, '--nproc', 2])))
    folder, deadline = None, time.monotonic() + 300
    while folder is None or not list(folder.glob('iter_*.pth')):
        assert time.monotonic() < deadline and grid.poll() is None
        time.sleep(0.5)
        folder = next((tmp_path / 'work').glob('runs/tiny-PI-R2-*'), None)
    family = children_of(grid.pid)
    assert len(family) >= 4  # fork server, worker, torchrun and its two
    os.kill(grid.pid, signal.SIGKILL)
    grid.wait()
    while any(Path(f'/proc/{pid}').exists() for pid in family):
        assert time.monotonic() < deadline
        time.sleep(0.5)
