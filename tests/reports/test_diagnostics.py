"""Signs of instability as runs record them: numbers by hand, table, figure, damaged files."""

import math

import pandas as pd
import pytest

from reports.diagnostics import growth_warns, late_growth, norm_warns, warned_from
from reports.figures.signs import signs_of_instability
from reports.results import load_grid
from reports.tables.signs import signs_table

L = 4  # clip length of these runs


def record(fake, run_id, iteration, growth, norms, kind='states', direction='forward'):
    """A measurement: growth after 1 to 3 L frames, norms at boundaries 0 to 5 L."""
    rows = [
        ('train', 'v', direction, 'growth', L, frames, growth(frames))
        for frames in range(1, 3 * L + 1)
    ]
    rows += [('train', 'v', direction, 'norm', t, 0, norms(t)) for t in range(5 * L + 1)]
    columns = ['kind', 'video', 'direction', 'quantity', 'boundary', 'frames', 'value']
    folder = fake.work_dir / 'runs' / run_id / kind
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=columns).to_csv(folder / f'iter_{iteration}.csv', index=False)


@pytest.fixture
def grid(fake):
    """RI diverges and warns from iteration 300 of 600 on; PI does not."""
    fake.test_set('static', 'Static', still=120)
    ri, pi = fake.run('net', 'RI'), fake.run('net', 'PI', repeats=8)
    fake.done(ri, lambda _, t: 25.0 - 0.1 * t)
    fake.done(pi, lambda _, t: 25.0 + 0.0 * t)
    for iteration, factor in ((100, 0.9), (200, 1.1), (300, 0.8), (1000, 1.1)):
        record(fake, ri, iteration, lambda n, f=factor: f**n, lambda t, f=factor: f**t)
        record(fake, pi, iteration, lambda n: 0.9**n, lambda t: min(t, 1.0))
    return fake


def test_numbers_and_warnings(grid):
    results = load_grid(grid.save())
    signs = results.diagnostics.signs.set_index(['run_id', 'iteration'])
    ri = signs.loc['net-RI-RNone-sample-s0']
    assert list(ri.index) == [100, 200, 300, 1000]  # by number, not by name
    assert ri.loc[200, 'growth_short'] == pytest.approx(1.1**L)
    assert ri.loc[200, 'growth_long'] == pytest.approx(1.1 ** (3 * L))
    assert ri.loc[200, 'norm_growth'] == pytest.approx(1.1 ** (5 * L - L))
    assert list(growth_warns(ri)) == [False, True, False, True]
    assert list(norm_warns(ri)) == [False, True, False, True]
    assert warned_from(pd.Series(ri.index), growth_warns(ri)) == 1000
    table = signs_table(results)
    (first, second) = table.rows
    assert [cell.shown for cell in first.cells] == [
        *(f'{1.1**L:.2f}', f'{1.1 ** (3 * L):.2f}', f'{1.1 ** (4 * L):.2f}'),
        *('from 1,000 (167%)', 'from 1,000 (167%)'),
        *('-7.00', '1/1'),
    ]
    assert [cell.shown for cell in second.cells[3:]] == ['no', 'no', '0.00', '0/1']
    figure = signs_of_instability(results, 'net', 'sample')
    growth, norm, score = figure.axes
    assert [len(line.get_xdata()) for line in growth.lines] == [4, 4, 2]
    late = list(ri['growth_long'] / ri['growth_short'])
    assert list(growth.lines[0].get_ydata()) == pytest.approx(late)
    assert list(late_growth(ri)) == pytest.approx([0.9**8, 1.1**8, 0.8**8, 1.1**8])
    # no checkpoint is recorded with its iteration in these folders
    assert not results.notes()


def test_warnings_that_stay():
    iterations = pd.Series([10, 20, 30])
    for warns, wanted in (
        ([True, True, True], 10),
        ([False, True, True], 20),
        ([True, False, True], 30),
        ([True, True, False], None),
    ):
        assert warned_from(iterations, pd.Series(warns)) == wanted


def test_seeds_overflow_and_backward_branches(grid):
    """What is no number has overflowed; a backward branch ends at its first frame."""
    for seed, value in ((1, 'nan'), (2, 0.5)):
        run_id = grid.run('net', 'RI', seed=seed)
        norms = lambda t: 5.0 if t == 0 else 1.0  # noqa: E731
        record(grid, run_id, 300, lambda n, v=value: float(v) ** n, norms, direction='backward')
    results = load_grid(grid.save())
    signs = results.diagnostics.signs.set_index('run_id')
    assert math.isinf(signs.loc['net-RI-RNone-sample-s1', 'growth_long'])
    assert signs.loc['net-RI-RNone-sample-s1', 'norm_growth'] == 5
    (first, _) = signs_table(results).rows
    assert [cell.shown for cell in first.cells[:5]] == [
        *('overflow', 'overflow', '5.00'),
        *('2/3, from 300 (50%)', '3/3, from 300 (50%)'),
    ]


def test_validation_and_damaged_files(grid):
    run_id = 'net-RI-RNone-sample-s0'
    folder = grid.work_dir / 'runs' / run_id
    (folder / 'validation').mkdir()
    rows = [('moving', 'a', 0, 20.0), ('static', 'a', 0, 30.0), ('static', 'a', 1, 10.0)]
    table = pd.DataFrame(rows, columns=['kind', 'video', 'frame', 'psnr_y'])
    table.to_csv(folder / 'validation/iter_300.csv', index=False)
    (folder / 'states/iter_200.csv').write_text('video,value\na,1\n')
    (folder / 'states/iter_300.csv').write_text('')
    results = load_grid(grid.save())
    (row,) = results.diagnostics.validation.itertuples(index=False)
    assert tuple(row) == (run_id, 300, 20.0)
    missing, empty = results.notes()
    assert missing.startswith(f'unused  {run_id}: states/iter_200.csv: ')
    assert 'has no column' in missing and 'iter_300.csv: No columns to parse' in empty


def test_grids_without_any(fake):
    fake.test_set('static', 'Static', still=5)
    fake.done(fake.run('net', 'RI'), lambda _, t: 20.0)
    results = load_grid(fake.save())
    assert signs_table(results) is None and signs_of_instability(results, 'net', 'sample') is None
