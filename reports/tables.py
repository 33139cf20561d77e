"""The tables of a report, whatever format they are written in (see ``render``, ``excel``).

- main table: methods x test sets, PSNR/SSIM of all frames, PSNR of the last 50 frames of long sets;
- timing: parameters, training time per iteration by part, inference time per frame;
- R trade-off: training time per iteration and PSNR of each test set against R.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pandas as pd

from reports.captions import TRADEOFF_CAPTION, main_caption, timing_caption
from reports.results import WINDOW, GridResults

BEST, SECOND = 1, 2


@dataclass(frozen=True)
class Cell:
    """One cell: a number, or ``note`` alone where there is none.

    Attributes:
        value: PSNR in dB, milliseconds or millions, as the column says; NaN if there is none.
        digits: decimals to print.
        std: standard deviation over seeds, NaN for a single seed.
        ssim: SSIM to print after the value, NaN for none.
        rank: BEST, SECOND or 0.
        note: "missing", "failed", "invalid" or "n/a" instead of a value; beside one, seeds done of
            seeds planned ("1/2") where some are not done.
    """

    value: float = math.nan
    digits: int = 2
    std: float = math.nan
    ssim: float = math.nan
    rank: int = 0
    note: str = ''


@dataclass(frozen=True)
class Column:
    """A column: the heading it shares with its neighbours, and its own."""

    group: str
    header: str


@dataclass(frozen=True)
class Row:
    """A row; a rule is drawn where ``section`` changes, ``heading`` is printed where it changes."""

    heading: str
    section: str
    label: str
    cells: list[Cell]


@dataclass(frozen=True)
class Table:
    """A table; ``ranked`` says whether best and second-best cells are marked."""

    name: str
    caption: str
    columns: list[Column]
    rows: list[Row]
    ranked: bool = False
    notes: list[str] = field(default_factory=list)


def main_table(grid: GridResults) -> Table:
    """Methods x test sets; best and second best among each network's strategies."""
    columns, scores = [], []
    for key, test_set in grid.plan.test_sets.items():
        columns.append(Column(test_set.label, 'PSNR/SSIM'))
        scores.append((key, 'psnr_y'))
        if key in grid.long_sets:
            columns.append(Column(test_set.label, f'last {WINDOW}'))
            scores.append((key, 'psnr_last50'))
    by_method = _cells_by_method(grid)
    rows = [
        _method_row(grid, method, [_score_cell(by_method(method, key), s) for key, s in scores])
        for method in grid.methods.itertuples()
    ]
    rows = rank_rows(rows)
    return Table('main', main_caption(grid), columns, rows, ranked=True, notes=grid.notes())


def timing_table(grid: GridResults) -> Table:
    """Parameters and times of each method, means over seeds."""
    columns = [
        Column('Parameters', '(M)'),
        *(Column('Training (ms/iteration)', h) for h in ('total', 'load', 'state pass', 'step')),
        Column('Inference', '(ms/frame)'),
    ]
    rows = []
    for method in grid.methods.itertuples():
        runs = _runs_of(grid, method)
        fields = ('ms_per_iteration', 'load_ms', 'state_pass_ms', 'step_ms', 'inference_ms')
        cells = [_mean_cell(runs, 'parameters', digits=3, scale=1e-6)]
        cells += [_mean_cell(runs, name, digits=1) for name in fields]
        rows.append(_method_row(grid, method, cells))
    return Table('timing', timing_caption(grid), columns, rows)


def tradeoff_table(grid: GridResults) -> Table | None:
    """Training time and PSNR against R, beside RI, without FC; None if the grid has no PI runs."""
    methods = grid.methods[~grid.methods['fc'] & grid.methods['strategy'].isin(['RI', 'PI'])]
    methods = methods.groupby(['train_set', 'network']).filter(lambda m: 'PI' in set(m['strategy']))
    if methods.empty:
        return None
    labels = [test_set.label for test_set in grid.plan.test_sets.values()]
    columns = [Column('Training', 'ms/iteration')]
    columns += [Column('PSNR (dB)', label) for label in [*labels, 'mean']]
    by_method = _cells_by_method(grid)
    rows = []
    for method in methods.itertuples():
        time = _mean_cell(_runs_of(grid, method), 'ms_per_iteration', digits=1)
        parts = [by_method(method, key) for key in grid.plan.test_sets]
        scores = [_score_cell(part, 'psnr_y', ssim=False) for part in parts]
        rows.append(_method_row(grid, method, [time, *scores, _mean_over_sets(scores)]))
    rows = rank_rows(rows, first=1)
    return Table('tradeoff', TRADEOFF_CAPTION, columns, rows, ranked=True)


def rank_rows(rows: list[Row], first: int = 0) -> list[Row]:
    """Mark the best and second-best cell of every column from ``first`` on, within each section.

    Numbers that print alike share a rank, and two best ones leave no second best. A section with
    one value has no best, and one with two values no second best: it would be the worst.
    """
    marked = []
    for row in rows:
        rivals = [other for other in rows if (other.heading, other.section) == _section(row)]
        cells = [
            cell if i < first else _ranked(cell, [rival.cells[i] for rival in rivals])
            for i, cell in enumerate(row.cells)
        ]
        marked.append(Row(row.heading, row.section, row.label, cells))
    return marked


def _section(row: Row) -> tuple[str, str]:
    return row.heading, row.section


def _ranked(cell: Cell, rivals: list[Cell]) -> Cell:
    values = [round(rival.value, rival.digits) for rival in rivals if not math.isnan(rival.value)]
    if math.isnan(cell.value) or len(values) < 2:
        return cell
    place = 1 + sum(value > round(cell.value, cell.digits) for value in values)
    allowed = BEST if len(values) == 2 else SECOND
    return replace(cell, rank=place if place <= allowed else 0)


def _method_row(grid: GridResults, method, cells: list[Cell]) -> Row:
    trained = grid.methods.loc[grid.methods['train_set'] != '', 'train_set']
    several = trained.nunique() > 1 and method.train_set
    heading = f'Trained on {grid.plan.train_sets[method.train_set]}' if several else ''
    return Row(heading, method.network, method.method, cells)


def _cells_by_method(grid: GridResults) -> Callable:
    cells = {
        (row['train_set'], row['network'], row['method'], row['test_set']): row
        for _, row in grid.cells.iterrows()
    }
    return lambda m, test_set: cells[m.train_set, m.network, m.method, test_set]


def _score_cell(cell: pd.Series, score: str, ssim: bool = True) -> Cell:
    if cell['seeds_done'] == 0:
        return Cell(note=cell['status'])
    partial = cell['status'] == 'partial'
    return Cell(
        value=cell[score],
        std=cell[f'{score}_std'],
        ssim=cell['ssim_y'] if ssim and score == 'psnr_y' else math.nan,
        note=f'{cell["seeds_done"]}/{cell["seeds_planned"]}' if partial else '',
    )


def _mean_cell(runs: pd.DataFrame, column: str, digits: int, scale: float = 1.0) -> Cell:
    value = runs[column].mean() * scale
    if not math.isnan(value):
        return Cell(value=value, digits=digits)
    if (runs['status'] == 'DONE').any():
        return Cell(note='n/a')
    return Cell(note='failed' if (runs['status'] == 'FAILED').any() else 'missing')


def _mean_over_sets(scores: list[Cell]) -> Cell:
    noted = [cell.note for cell in scores if cell.note]
    values = [cell.value for cell in scores]
    # A mean over some of the test sets would not be comparable with its neighbours.
    whole = not any(math.isnan(value) for value in values)
    return (
        Cell(value=sum(values) / len(values), note=''.join(noted[:1]))
        if whole
        else Cell(note=noted[0])
    )


def _runs_of(grid: GridResults, method) -> pd.DataFrame:
    axes = ['train_set', 'network', 'method']
    same = grid.runs[axes] == [getattr(method, axis) for axis in axes]
    return grid.runs[same.all(axis=1)]
