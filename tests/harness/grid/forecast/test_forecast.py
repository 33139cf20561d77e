"""What --plan tells: what is left, measured once for runs of a kind, and sums."""

import io
import json
import os

import pytest
from rich.console import Console

from harness.grid.expand import expand, run_folder
from harness.grid.forecast import forecast
from harness.grid.forecast.estimate import EvaluationCost, TrainingCost
from harness.grid.validation import load_grid
from harness.runs.evaluations import record_evaluation
from harness.runs.folder import RunFolder
from tests.commands import run_grid

TRAINING = TrainingCost(60.0, 0, 3600.0, 0, 0, 0, 0, 10**6, 2 * 10**9, 0, False, 'a GPU')
EVALUATION = EvaluationCost(7200.0, dict(moving=0.0), 10**9, 'a GPU')


@pytest.fixture
def measured(monkeypatch):
    """Replaces the measuring processes; gives the kinds of runs that were asked for."""
    asked = []

    def call(function, cfg, *args, threads):
        asked.append((function.__name__, cfg.get('train_cfg', {}).get('type'), args[-2:], threads))
        return TRAINING if function.__name__ == '_measure_training' else EVALUATION

    monkeypatch.setattr(forecast, 'call', call)
    return asked


@pytest.fixture
def plan(grid_file, tmp_path):
    """The text that is printed for the grid."""

    def make(jobs=1, nproc=1, **axes):
        grid = load_grid(str(grid_file), axes, nproc)
        text = io.StringIO()
        console = Console(file=text, width=200)
        forecast.print_forecast(grid, expand(grid), tmp_path / 'work', jobs, console)
        return text.getvalue()

    return make


def test_every_kind_is_measured_once(plan, measured, monkeypatch):
    """Seeds and R are of one kind, RI, PI and TBPTT are three; the network is evaluated once.

    With two at the same time, a further one keeps the last one company.
    """
    monkeypatch.setattr(forecast, 'threads_of', lambda jobs, nproc: 8 // jobs // nproc)
    plan(jobs=2, seeds=[0, 1], strategies=['RI', 'PI', 'TBPTT'])
    names = [name for name, *_ in measured]
    assert names.count('_measure_evaluation') == 2
    trained = [loop for name, loop, *_ in measured if name == '_measure_training']
    assert len(trained) == 3 + 1
    assert set(trained) == {'PIBPTTLoop', 'RIBPTTLoop', 'TBPTTLoop'}
    # two at the same time: each with half of the threads
    assert {threads for *_, threads in measured} == {4}
    assert {slot for *_, (slot, _), _ in measured} == {0, 1}


def test_sums(plan, measured):
    """3 runs of 60 s + 12 h + 2 h, and one of 2 h."""
    text = plan()
    lines = text.splitlines()
    (row,) = [line for line in lines if 'tiny-RI' in line]
    assert ' '.join(row.split()[1:]) == '12 3600000.0 12.0 h 2.0 h 2.00 GB 2.0 MB'
    (row,) = [line for line in lines if 'bicubic' in line]
    assert ' '.join(row.split()[1:]) == '0 2.0 h 1.00 GB'
    assert '4 runs: 36 iterations, 44.0 device hours (36.0 h training, 8.0 h evaluation)' in text
    assert '1 at the same time: 44.0 h, until ' in text
    assert 'memory up to 2.00 GB, disk 6.0 MB' in text
    assert 'measured on a GPU, 1 at the same time' in text
    # 14 | 14 and then 14 | 2
    assert '2 at the same time: 28.0 h, until ' in plan(jobs=2)
    text = plan(nproc=2)
    assert '88.1 device hours' in text and 'communication between the 2 processes' in text


def test_what_is_done_counts_nothing(grid_file, tmp_path, plan, measured):
    grid = load_grid(str(grid_file), {})
    half, trained, done, _ = runs = expand(grid)
    for run in runs:
        run_folder(tmp_path / 'work', run).path.mkdir(parents=True)
    folder = run_folder(tmp_path / 'work', half).path
    for number in (5, 10):
        (folder / f'iter_{number}.pth').touch()
    for run in (trained, done):
        folder = run_folder(tmp_path / 'work', run).path
        (folder / 'timing.json').write_text(json.dumps(dict(iterations=12)))
    for evaluation in grid.evaluation.evaluations(done.variants):
        RunFolder(folder).frames_csv(evaluation.key).write_text('x')
        record_evaluation(RunFolder(folder), evaluation, 12)
    left = [forecast.remaining(grid, run, tmp_path / 'work') for run in runs]
    assert [(rest.iterations, list(rest.test_sets)) for rest in left] == [
        (2, ['moving']),
        (0, ['moving']),
        (0, []),
        (0, ['moving']),
    ]
    # 2 h and 2 h; 2 h; nothing; 2 h
    assert '8.0 device hours (2.0 h training, 6.0 h evaluation)' in plan()


def test_evaluation_variants(grid_file, tmp_path):
    resets = [5, '6-overlap2', '4-norm2', '4-distance1']
    grid = load_grid(str(grid_file), dict(reset_every=resets))
    left = forecast.remaining(grid, expand(grid)[0], tmp_path / 'work')
    assert left.test_sets == dict(moving=1 + 1 + 1.5 + 1 + 2)


def test_what_cannot_be_measured_is_said(plan, monkeypatch):
    def call(function, cfg, *args, threads):
        if function.__name__ == '_measure_evaluation':
            return EVALUATION
        if cfg.train_cfg.type == 'PIBPTTLoop':
            raise RuntimeError('its process ended with code -9')
        return 'DivergedError: loss is nan'

    monkeypatch.setattr(forecast, 'call', call)
    text = plan()
    assert text.count('its process ended with code -9') == 2
    assert text.count('DivergedError: loss is nan') == 1
    assert '1 runs: 0 iterations, 2.0 device hours' in text
    assert '3 runs could not be measured and are not included in these sums' in text


@pytest.mark.slow
def test_the_command(grid_file, tmp_path):
    """Measures in other processes; leaves nothing behind."""
    done = run_grid(
        *(grid_file, '--plan', '--work-dir', tmp_path / 'work'),
        env={**os.environ, 'COLUMNS': '200'},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('tiny-PI-R') == 2
    assert '4 runs: 36 iterations, ' in done.stdout and 'measured on ' in done.stdout
    assert not (tmp_path / 'work').exists()
