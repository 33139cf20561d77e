"""Further axes of sweeps: options of loops, batches, weights to begin with, equal time."""

import inspect
import os

import pytest
import torch
from mmagic.registry import LOOPS

import harness.training.registered  # noqa: F401  (fills the registry)
from harness.errors import UserError
from harness.grid.arguments import parse_overrides
from harness.grid.expand import expand, expansion, time_key, write_record
from harness.grid.forecast.estimate import TrainingCost
from harness.grid.forecast.times import read_times, settle_times
from harness.grid.validation import load_grid, missing_files
from harness.runs.files import load_json
from harness.runs.resets import Reset
from harness.strategies import COMMON_OPTIONS, OPTIONS
from harness.training.loops import ClipTrainLoop

COST = TrainingCost(0, 0, 0.1, 0.1, 0.5, 0, 0, 1, 1, 100, False, 'a CPU')


@pytest.fixture
def with_sweep(grid_file):
    """Writes one sweep in place of the grid's; gives the grid, or its runs by id without hash."""

    def load(sweep, more='', overrides=None):
        text = grid_file.read_text()
        head = text[: text.index('sweeps = ')]
        grid_file.write_text(f'{head}sweeps = [{sweep}]\njobs = 1\n{more}')
        return load_grid(str(grid_file), overrides or {})

    return load


def runs_of(grid):
    return {run.run_id.rpartition('-')[0]: run for run in expand(grid)}


def test_the_table_of_options_is_that_of_the_loops():
    """So that grids know the options, and the values that change nothing, without torch."""
    empty, given = inspect.Parameter.empty, ('self', 'runner', 'dataloader', 'args', 'kwargs')
    not_numbers = ('init_state', 'bank', 'repeats')  # dicts, and the axis R
    not_results = ('val_interval', 'val_begin', 'state_pass_batch')
    for name, own in OPTIONS.items():
        for loop, known in ((LOOPS.get(name), own), (ClipTrainLoop, COMMON_OPTIONS)):
            signature = inspect.signature(loop.__init__).parameters.values()
            options = {p.name: None if p.default is empty else p.default for p in signature}
            left = {*options} - {*given, *not_numbers, *not_results}
            if loop.__init__ is not ClipTrainLoop.__init__ or loop is ClipTrainLoop:
                assert {key: options[key] for key in left} == known, name
            else:
                assert not own


def test_axes_multiply_the_strategies_that_have_them(with_sweep):
    base = "networks=['tiny'], strategies=['RI', 'burn-in', 'PI'], R=[2]"
    plain = runs_of(with_sweep(f'dict({base})'))
    grid = with_sweep(f'dict({base}, clip_length=[3, 4], burn_in=[2, 30], p_initial=[0, 0.3])')
    runs = runs_of(grid)
    # 4 frames, a burn-in of 30 and no p_initial are what there is without the axes
    assert sorted(runs) == sorted(
        [
            *('tiny-RI-real-s0', 'tiny-RI-clip_length_3-real-s0'),
            *('tiny-burn-in-real-s0', 'tiny-burn-in-burn_in_2-real-s0'),
            *('tiny-burn-in-clip_length_3-real-s0', 'tiny-burn-in-clip_length_3-burn_in_2-real-s0'),
            *('tiny-PI-R2-real-s0', 'tiny-PI-R2-p_initial_0.3-real-s0'),
            *('tiny-PI-R2-clip_length_3-real-s0', 'tiny-PI-R2-clip_length_3-p_initial_0.3-real-s0'),
        ]
    )
    for name, run in plain.items():
        assert runs[name].run_id == run.run_id and runs[name].identity == run.identity
    mixed = runs['tiny-PI-R2-clip_length_3-p_initial_0.3-real-s0']
    assert (mixed.cfg.train_cfg.clip_length, mixed.cfg.train_cfg.p_initial) == (3, 0.3)
    assert runs['tiny-burn-in-burn_in_2-real-s0'].cfg.train_cfg.burn_in == 2
    assert 'options' not in plain['tiny-RI-real-s0'].record()
    assert mixed.record()['options'] == dict(clip_length=3, p_initial=0.3)
    assert runs['tiny-PI-R2-real-s0'].record()['options'] == dict(clip_length=4, p_initial=0)


def test_the_same_run_of_two_sweeps_is_one(with_sweep):
    sweeps = (
        "dict(networks=['tiny'], strategies=['RI'], reset_every=[None, 5]),"
        "dict(networks=['tiny'], strategies=['RI'], clip_length=[3, 4], reset_every=[None, 7])"
    )
    plain, other = expand(with_sweep(sweeps))
    assert plain.axes.options == (('clip_length', 4),)
    assert [v.reset for v in plain.variants] == [None, Reset(5), Reset(7)]
    assert other.run_id.startswith('tiny-RI-clip_length_3-real-s0-')


def test_max_iters_stretch_the_schedule(with_sweep):
    runs = runs_of(with_sweep("dict(networks=['tiny'], strategies=['RI'], max_iters=[6, 12])"))
    (half,) = runs['tiny-RI-max_iters_6-real-s0'].cfg.param_scheduler
    (whole,) = runs['tiny-RI-real-s0'].cfg.param_scheduler
    assert (half.T_max, half.end) == (250, 250) and (whole.T_max, whole.end) == (500, 500)
    assert half.eta_min == whole.eta_min


def test_longer_clips_at_equal_memory(with_sweep):
    axes = "clip_length=[4, 8, 16], batch=['clips', 'frames']"
    sweep = f"dict(networks=['tiny'], strategies=['RI'], {axes})"
    sizes = {
        name: (run.cfg.train_cfg.clip_length, run.cfg.train_dataloader.batch_size)
        for name, run in runs_of(with_sweep(sweep)).items()
    }
    assert sizes == {
        'tiny-RI-real-s0': (4, 2),
        'tiny-RI-clip_length_8-real-s0': (8, 2),
        'tiny-RI-clip_length_8-batch_frames-real-s0': (8, 1),
        'tiny-RI-clip_length_16-real-s0': (16, 2),
        'tiny-RI-clip_length_16-batch_frames-real-s0': (16, 1),
    }


@pytest.mark.slow
def test_from_weights_and_from_nothing(with_sweep, tmp_path):
    weights, other = tmp_path / 'weights.pth', tmp_path / 'other.pth'
    for number, file in enumerate((weights, other)):
        torch.save(dict(number=torch.tensor(number)), file)
    network = f"\nnetworks['mine'] = dict(config='{tmp_path}/tiny.py', weights='{weights}')\n"
    sweep = "dict(networks=['mine'], strategies=['RI'], init_from=[None, 'mine', '{}'])"
    grid = with_sweep(sweep.format(other), network)
    runs = runs_of(grid)
    loaded = {name: run.weights for name, run in runs.items()}
    assert loaded == {
        'mine-RI-init_from_None-real-s0': None,
        'mine-RI-real-s0': str(weights),
        'mine-RI-init_from_other-real-s0': str(other),
    }
    assert len({run.identity['load_from'] for run in runs.values()}) == 3
    write_record(grid, list(runs.values()), tmp_path)
    record = load_json(tmp_path / 'grid.json')
    assert [run['options']['init_from'] for run in record['runs']] == [None, 'mine', 'other']
    with pytest.raises(UserError, match='init_from: network tiny has no weights'):
        with_sweep(sweep.replace('{}', 'tiny'), network)
    grid = with_sweep(sweep.format('nowhere.pth'), network)
    last = expand(grid)[-1]
    (problem,) = missing_files(grid, last.axes, last.content, loads=True)
    assert problem.endswith('load_from: no such file: nowhere.pth')


@pytest.mark.parametrize(
    'axes, problem',
    [
        ('burn=[2]', 'burn: unknown axis; there are networks, .*clip_length, .*burn_in, .*budget'),
        ('burn_in=[2]', r'burn_in: no strategy of this sweep has it \(RI\)'),
        ('clip_length=4', 'clip_length: must be a list of values'),
        ('clip_length=[0]', 'train_cfg.clip_length: 0 is not a positive whole number'),
        ('clip_length=[21]', 'clip_length with train_sets.real: 21 frames are more than the 20'),
        ('clip_length=[dict()]', 'clip_length: {} is not a number or text'),
        ('clip_length=[4, 4]', 'clip_length: two values have the same name'),
        ("init_from=['a/x.pth', 'b/x.pth']", 'init_from: two values have the same name'),
        ("budget='money'", "budget: unknown value 'money'; there are iterations, time"),
        ("budget='time', max_iters=[5]", "max_iters: conflicts with budget='time'"),
    ],
)
def test_what_cannot_be_is_refused(with_sweep, axes, problem):
    with pytest.raises(UserError, match=problem):
        with_sweep(f"dict(networks=['tiny'], strategies=['RI'], {axes})")


def test_the_command_line_sets_further_axes(with_sweep):
    sweep = "dict(networks=['tiny'], strategies=['RI', 'PI'], R=[2], clip_length=[3])"
    grid = with_sweep(sweep, overrides=parse_overrides(['clip_length=5', 'p_initial=0.5']))
    assert [*runs_of(grid)] == [
        'tiny-RI-clip_length_5-real-s0',
        'tiny-PI-R2-clip_length_5-p_initial_0.5-real-s0',
    ]


def test_options_of_a_grid_s_own_loop(with_sweep):
    own = "strategies = dict(MINE=dict(type='MyLoop', gain=0.5, label='Mine'))\n"
    runs = runs_of(with_sweep("dict(networks=['tiny'], strategies=['MINE'], gain=[0.5, 2])", own))
    assert [*runs] == ['tiny-MINE-real-s0', 'tiny-MINE-gain_2-real-s0']


def test_equal_time(with_sweep, tmp_path):
    """RI takes 0.1 s an iteration; PI as long and a pass of 0.5 s a frame besides."""
    sweep = (
        "dict(networks=['tiny'], strategies=['PI', 'RI'], R=[2, 4], budget=['iterations', 'time'])"
    )
    grid = with_sweep(sweep)
    first = expansion(grid, {})
    assert len(first.runs) == 3 and first.waiting == 2 and len(first.untimed) == 3

    def measure(runs, jobs, threads):
        return [COST if 'repeats' in run.cfg.train_cfg else COST._replace(slot=0) for run in runs]

    times = settle_times(grid, first.untimed, tmp_path, 1, measure)
    by_id = {run.run_id: times[time_key(run)] for run in first.untimed}
    pi_2, pi_4, ri = sorted(by_id.values(), reverse=True)
    assert ri == pytest.approx(0.2) and pi_2 - ri == pytest.approx(2 * (pi_4 - ri), rel=0.2)
    runs = runs_of(grid)
    assert [*runs] == ['tiny-PI-R2-real-s0', 'tiny-PI-R4-real-s0', 'tiny-RI-real-s0']
    found = {run.run_id.rpartition('-')[0]: run for run in expansion(grid, times).runs}
    longer = found['tiny-RI-as_long_as_PI-R2-real-s0']
    assert longer.iterations == int(12 * pi_2 / ri) > 12
    assert found['tiny-PI-R4-as_long_as_PI-R2-real-s0'].iterations == int(12 * pi_2 / pi_4)
    assert found['tiny-PI-R2-real-s0'].run_id == runs['tiny-PI-R2-real-s0'].run_id
    assert longer.record()['options'] == dict(as_long_as='PI-R2')
    assert longer.cfg.param_scheduler[0].T_max == round(500 * longer.iterations / 12)
    # the first measurement counts, whoever measures again
    slow = lambda runs, *_: [COST._replace(step=9.0, slot=0) for _ in runs]  # noqa: E731
    assert settle_times(grid, first.untimed, tmp_path, 1, slow) == times == read_times(tmp_path)
    with pytest.raises(UserError, match='cannot be measured: loss is nan'):
        settle_times(grid, first.untimed, tmp_path, 1, lambda runs, *_: ['loss is nan'] * 3)
    damaged = next((tmp_path / 'times').iterdir())
    os.truncate(damaged, 5)
    with pytest.raises(UserError, match='not readable JSON.*delete it to measure again'):
        read_times(tmp_path)
