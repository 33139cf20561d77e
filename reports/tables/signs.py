"""Signs of instability during training, beside what became of it; see ``reports.diagnostics``."""

from collections.abc import Callable

import pandas as pd

from reports.diagnostics import (
    GROWTH_LIMIT,
    NORM_LIMIT,
    growth_warns,
    norm_warns,
    warned_from,
)
from reports.methods import Method
from reports.results import GridResults
from reports.tables.captions import run_counts
from reports.tables.model import Cell, Column, Table
from reports.tables.standard import method_row

CAPTION = (
    'Signs of instability during training, on training or validation windows. Growth of a small '
    'perturbation of the state over l and 3 l frames, and norm of the state at the end of a window '
    'relative to that after l frames: last measurement, largest of directions, windows and seeds. '
    f'A perturbation warns where {GROWTH_LIMIT:.0%} of what is left after l frames are left after '
    f'3 l, the norm from {NORM_LIMIT:g} on. Warned: seeds with a warning that stayed until the '
    'end, and the earliest iteration (share of the training) of any. Beside it what became of the '
    'last checkpoint.'
)


def signs_table(grid: GridResults) -> Table | None:
    """A row per method whose runs have recorded their states; None if none has."""
    key = grid.focus_set
    label = grid.record.test_sets[key].label
    columns = [
        *(Column('Growth', f'over {span}') for span in ('l', '3 l')),
        Column('State norm', 'at the end'),
        *(Column('Warned', f'by {sign}') for sign in ('growth', 'norm')),
        *(Column(label, text) for text in ('drift (dB)', 'diverged')),
    ]
    rows = [
        method_row(grid, method, [*cells, *_outcome(grid.cell(method, key))])
        for method in grid.plain_methods
        if (cells := _cells(grid, method))
    ]
    caption = f'{CAPTION} {run_counts(grid)}'
    return Table('signs', caption, columns, rows) if rows else None


def _cells(grid: GridResults, method: Method) -> list[Cell]:
    signs = grid.diagnostics.signs
    by_run = dict(iter(signs[signs['run_id'].isin(grid.trials_of(method))].groupby('run_id')))
    if not by_run:
        return []
    source = '; '.join(by_run)
    last = pd.concat([rows.iloc[[-1]] for rows in by_run.values()])
    numbers = last[['growth_short', 'growth_long', 'norm_growth']].max()
    total = grid.runs.set_index('run_id')['iterations'].loc[list(by_run)].max()
    return [
        *(_number(value, source) for value in numbers),
        _warned(by_run, growth_warns, total, source),
        _warned(by_run, norm_warns, total, source),
    ]


def _number(value: float, source: str) -> Cell:
    if value == float('inf'):
        return Cell(text='overflow', source=source)
    return Cell(value, source=source) if value == value else Cell(note='n/a')


def _warned(by_run: dict[str, pd.DataFrame], warns: Callable, total: int, source: str) -> Cell:
    found = [warned_from(rows['iteration'], warns(rows)) for rows in by_run.values()]
    when = [iteration for iteration in found if iteration is not None]
    if not when:
        return Cell(text='no', source=source)
    count = f'{len(when)}/{len(found)}, ' if len(found) > 1 else ''
    return Cell(text=f'{count}from {min(when):,} ({min(when) / total:.0%})', source=source)


def _outcome(cell: pd.Series) -> list[Cell]:
    if not cell['seeds_done']:
        return [Cell(note=cell['status'])] * 2
    source = cell['run_ids']
    drift = Cell(cell['drift'], signed=True, source=source)
    drift = drift if cell['drift'] == cell['drift'] else Cell(note='n/a')
    counted = cell['diverged_of'] > 0
    share = f'{cell["diverged"]:.0f}/{cell["diverged_of"]:.0f}'
    return [drift, Cell(text=share, source=source) if counted else Cell(note='n/a')]
