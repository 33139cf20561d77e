"""What --status, --watch and --explain say, from files alone."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.grid.expand import expand, run_folder
from harness.grid.validation import load_grid
from harness.grid.views import counts_text, explain, grid_seconds, status_rows, survey, watch
from harness.runs import claims
from harness.runs.evaluations import record_evaluation
from harness.runs.files import write_json
from harness.runs.folder import RunFolder

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def grid(grid_file):
    return load_grid(str(grid_file), {})


@pytest.fixture
def work_dir(grid, tmp_path):
    """RI is done, PI with R = 2 runs here, R = 4 has failed, bicubic is yet to begin."""
    work_dir = tmp_path / 'work'
    ri, running, failed, _ = (run_folder(work_dir, run).path for run in expand(grid))
    for folder in (ri, running, failed):
        folder.mkdir(parents=True)
    for evaluation in grid.evaluation.evaluations(expand(grid)[0].variants):
        RunFolder(ri).frames_csv(evaluation.key).write_text('video,frame\n')
        record_evaluation(RunFolder(ri), evaluation, 12)
    RunFolder(ri).write_status('DONE')
    claims.take(running)
    begun = time.time() - 20
    where = dict(stage='train', iteration=7, max_iters=12)
    RunFolder(running).write_status('RUNNING', **where, first=2, begun=begun)
    (failed / 'log.txt').write_text('what was printed last\n')
    RunFolder(failed).write_status('RUNNING', **where)
    RunFolder(failed).write_failure('loss is nan')
    return work_dir


def surveys_of(grid, work_dir):
    return survey(expand(grid), work_dir, grid.evaluation)


def test_rows_and_counts(grid, work_dir):
    surveys = surveys_of(grid, work_dir)
    done, running, failed, todo = status_rows(surveys)
    assert done[0] == 'DONE' and set(done[2:]) == {''}
    assert running[0] == 'RUNNING' and running[2] == 'train 7/12  58%'
    assert running[3] == '20 s'  # 5 iterations took 20 s, 5 are left
    assert running[4].startswith(f'{os.uname().nodename}:{os.getpid()} 0 s ago')
    assert failed[0] == 'FAILED' and failed[5] == 'loss is nan'
    assert todo[0] == 'TODO' and todo[5] == ''
    assert counts_text(surveys) == '4 runs: 1 DONE, 1 RUNNING, 1 FAILED, 1 TODO'


def test_time_left_of_the_grid(grid, work_dir):
    """5 iterations of the running one and 5 of the failed one, at 4 s, by one process."""
    assert grid_seconds(surveys_of(grid, work_dir)) == pytest.approx(4 * (5 + 5), abs=1)


def test_a_dead_process_is_stale_and_more_evaluations_are_to_do(grid_file, grid, work_dir):
    running = run_folder(work_dir, expand(grid)[1]).path
    claims.release(claims.current_claim(running).path)
    with grid_file.open('a') as file:
        file.write("metrics = ['tof']\n")
    done, stale, *_ = status_rows(surveys_of(load_grid(str(grid_file), {}), work_dir))
    assert (done[0], done[5]) == ('TODO', 'to evaluate: moving')
    assert stale[0] == 'STALE' and 'resumes when started again' in stale[5]


def test_watching_ends_when_nothing_runs(grid, work_dir, capsys):
    from rich.console import Console

    claims.release(claims.current_claim(run_folder(work_dir, expand(grid)[1]).path).path)
    watch(expand(grid), work_dir, grid.evaluation, Console(width=200))
    text = capsys.readouterr().out
    assert 'STALE' in text and 'loss is nan' in text and 'bicubic' not in text
    assert '1 DONE, 0 RUNNING, 1 STALE, 1 FAILED, 1 TODO' in text


def test_explanations(grid_file, grid, work_dir):
    done, _, failed, _ = (run.run_id for run in expand(grid))
    surveys = surveys_of(grid, work_dir)
    assert 'results   all 1 variant(s) of all test sets are up to date' in explain(
        done, surveys, work_dir
    )
    text = explain('PI-R4', surveys, work_dir)
    assert failed in text and 'status    FAILED in train at 7: loss is nan' in text
    assert '| what was printed last' in text and 'missing   moving: not evaluated' in text
    with pytest.raises(UserError, match='no run of the grid matches PI-R8'):
        explain('PI-R8', surveys, work_dir)


def test_an_explanation_names_what_changed_since(grid_file, grid, work_dir, tmp_path):
    before = expand(grid)[0]
    record = dict(before.record(), identity=before.identity)
    write_json(run_folder(work_dir, before).run_json, record)
    config = tmp_path / 'tiny.py'
    config.write_text(
        config.read_text().replace('max_iters=12', 'max_iters=13') + 'param_scheduler = None\n'
    )
    text = explain('tiny-RI', surveys_of(load_grid(str(grid_file), {}), work_dir), work_dir)
    assert f'before    {before.run_id}, which differs in' in text
    assert 'train_cfg.max_iters: 12 -> 13' in text
    assert 'param_scheduler' in text and text.count('->') <= 3


@pytest.mark.slow
def test_they_import_nothing_heavy(grid_file, grid, work_dir):
    for option in (['--status'], ['--watch', '--only', 'bicubic'], ['--explain', 'tiny-RI']):
        command = [REPOSITORY / 'harness' / 'run_grid.py', grid_file, '--work-dir', work_dir]
        done = subprocess.run(
            [sys.executable, '-X', 'importtime', *map(str, command), *option],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        modules = {line.rsplit('|', 1)[-1].strip() for line in done.stderr.splitlines()}
        assert not modules & {'torch', 'mmagic', 'pandas', 'matplotlib'}
    assert 'tiny-RI' in done.stdout
