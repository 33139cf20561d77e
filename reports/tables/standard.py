"""The standard tables. Others are in ``signs``, ``differences`` and ``papers``.

- main: methods x test sets, PSNR/SSIM of all frames, PSNR of the last 50 frames of long sets;
- strategies: strategies x training sets x test sets (PI-BPTT, Table IV);
- stability: all, first 50 and last 50 frames, drift, divergence (MRVSR's tables);
- consistency: the optional quantities of frames, e.g. tOF;
- timing: parameters, training time per iteration by part, inference time (PI-BPTT, Table V);
- tradeoff: training time per iteration and PSNR against R (PI-BPTT, Table VI).
"""

import math
from dataclasses import replace

import pandas as pd

from reports.methods import Method
from reports.outputs import Outputs
from reports.reading.run_files import STATUS_WORDS
from reports.results import WINDOW, GridResults
from reports.tables import captions
from reports.tables.model import HIGH, LOW, Cell, Column, Row, Table, rank_rows

# Known optional quantities: heading, decimals, scale, which values are best.
QUANTITIES = {
    'tof': ('tOF (px)', 3, 1.0, LOW),
    'warp_error': ('warping error (1e-3)', 3, 1e3, LOW),
    'frame_difference': ('frame difference (levels)', 3, 1.0, ''),
    'lpips': ('LPIPS', 3, 1.0, LOW),
    'tlp': ('tLP (x100)', 3, 1.0, LOW),
    'dists': ('DISTS', 3, 1.0, LOW),
    'niqe': ('NIQE', 2, 1.0, LOW),
    'musiq': ('MUSIQ', 2, 1.0, HIGH),
    'clipiqa': ('CLIP-IQA', 3, 1.0, HIGH),
    'vmaf': ('VMAF', 2, 1.0, HIGH),
    'psnr_inside': ('PSNR inside', 2, 1.0, HIGH),
    'psnr_outside': ('PSNR outside', 2, 1.0, HIGH),
}
MOST_COLUMNS = 8  # of Table IV's layout; more would be too narrow to read


def main_table(grid: GridResults) -> Table:
    """Methods x test sets; best and second best among each network's strategies."""
    columns, scores = [], []
    for key, test_set in grid.record.test_sets.items():
        columns.append(Column(test_set.label, 'PSNR/SSIM', HIGH))
        scores.append((key, 'psnr_y'))
        if key in grid.long_sets:
            columns.append(Column(test_set.label, f'last {WINDOW}', HIGH))
            scores.append((key, 'psnr_last50'))
    rows = [
        method_row(grid, method, [_main_cell(grid.cell(method, key), s) for key, s in scores])
        for method in grid.methods
    ]
    rows = rank_rows(columns, rows)
    caption, rivals = captions.main_caption(grid), captions.rivals(grid)
    return Table('main', caption, columns, rows, rivals=rivals, notes=grid.notes())


def _main_cell(cell: pd.Series, score: str) -> Cell:
    return _score_cell(cell, score, ssim=score == 'psnr_y')


def strategies_table(grid: GridResults) -> Table | None:
    """Makes a block of columns per training set; None for a single one, or if there are too many.

    Networks that are not trained here are in the first block.
    """
    train_sets, test_sets = grid.record.train_sets, grid.record.test_sets
    if len(train_sets) <= 1 or len(train_sets) * len(test_sets) > MOST_COLUMNS:
        return None
    places = [(train, key) for train in train_sets for key in test_sets]
    columns = [
        Column(f'Trained on {train_sets[train]}', test_sets[key].label, HIGH)
        for train, key in places
    ]
    first, known, rows = next(iter(train_sets)), set(grid.methods), []
    for method in dict.fromkeys(replace(method, train_set=first) for method in grid.methods):
        cells = []
        for train, key in places:
            own = replace(method, train_set=train)
            if not method.is_trained and train == first:
                own = replace(method, train_set='')
            cells.append(_score_cell(grid.cell(own, key), 'psnr_y') if own in known else Cell())
        row = method_row(grid, method, cells)
        rows.append(replace(row, heading='', train_set=''))
    caption, rivals = captions.strategies_caption(grid), captions.rivals(grid)
    return Table('strategies', caption, columns, rank_rows(columns, rows), rivals=rivals)


def stability_table(grid: GridResults) -> Table | None:
    """Methods, headed by the long test sets; None where no set is long."""
    columns = [
        Column('All frames', 'PSNR/SSIM', HIGH),
        Column(f'First {WINDOW}', 'PSNR/SSIM', HIGH),
        Column(f'Last {WINDOW}', 'PSNR/SSIM', HIGH),
        Column('Drift', '(dB)'),
        Column('Divergence', 'videos'),
        Column('Divergence', 'from frame'),
        Column('Worst frame', '(dB)', HIGH),
    ]
    rows = []
    for key in grid.long_sets:
        for method in grid.methods:
            cell = grid.cell(method, key)
            if cell['status'] == 'n/a':
                continue
            row = method_row(grid, method, _stability_cells(cell))
            heading = ': '.join(filter(None, (grid.record.test_sets[key].label, row.heading)))
            rows.append(replace(row, heading=heading))
    caption = captions.stability_caption(grid)
    rows, rivals = rank_rows(columns, rows), captions.rivals(grid)
    return Table('stability', caption, columns, rows, rivals=rivals) if rows else None


def _stability_cells(cell: pd.Series) -> list[Cell]:
    names = ('psnr_y', 'psnr_first50', 'psnr_last50', 'drift')
    cells = [_score_cell(cell, name) for name in names]
    if not cell['seeds_done']:
        return cells + [Cell(note=cell['status'])] * 3
    source = cell['run_ids']
    share = Cell(text=f'{cell["diverged"]:.0f}/{cell["diverged_of"]:.0f}', source=source)
    first = Cell(cell['divergence_frame'], digits=0, source=source)
    none = Cell(text='none', source=source)
    worst = Cell(cell['worst_psnr'], source=source)
    return [*cells, share, first if cell['diverged'] else none, worst]


def consistency_table(grid: GridResults) -> Table | None:
    """Methods x (optional quantity, test set); None if no run has any."""
    columns, scores = [], []
    for name in grid.quantities:
        heading, digits, scale, best = QUANTITIES.get(name, (name, 3, 1.0, ''))
        for key, test_set in grid.record.test_sets.items():
            if grid.cells.loc[grid.cells['test_set'] == key, name].notna().any():
                columns.append(Column(heading, test_set.label, best))
                scores.append((key, (name, digits, scale)))
    rows = [
        method_row(grid, method, [_score_cell(grid.cell(method, key), *s) for key, s in scores])
        for method in grid.methods
    ]
    caption, rivals = captions.consistency_caption(grid), captions.rivals(grid)
    rows = rank_rows(columns, rows)
    return Table('consistency', caption, columns, rows, rivals=rivals) if columns else None


def timing_table(grid: GridResults) -> Table:
    """Parameters and times of each method as trained and plainly evaluated, means over seeds."""
    parts = {'ms_per_iteration': 'total', 'load_ms': 'load', 'state_pass_ms': 'state pass'}
    parts |= {'burn_in_ms': 'burn-in'} if grid.runs['burn_in_ms'].notna().any() else {}
    parts |= {'step_ms': 'step'}
    columns = [
        Column('Parameters', '(M)'),
        *(Column('Training (ms/iteration)', heading) for heading in parts.values()),
        Column('Inference', '(ms/frame)'),
    ]
    rows = []
    for method in grid.plain_methods:
        runs = _runs_of(grid, method)
        cells = [_mean_cell(runs, 'parameters', digits=3, scale=1e-6)]
        cells += [_mean_cell(runs, name, digits=1) for name in (*parts, 'inference_ms')]
        rows.append(method_row(grid, method, cells))
    return Table('timing', captions.timing_caption(grid), columns, rows)


def tradeoff_table(grid: GridResults) -> Table | None:
    """Training time and PSNR against R, beside RI, without FC; None if the grid has no PI runs."""
    plain = [m for m in grid.plain_methods if not m.fc and not m.options]
    methods = [m for m in plain if m.strategy in ('RI', 'PI')]
    with_pi = {(m.train_set, m.network) for m in methods if m.strategy == 'PI'}
    methods = [m for m in methods if (m.train_set, m.network) in with_pi]
    if not methods:
        return None
    labels = [test_set.label for test_set in grid.record.test_sets.values()]
    columns = [Column('Training', 'ms/iteration')]
    columns += [Column('PSNR (dB)', label, HIGH) for label in [*labels, 'mean']]
    rows = []
    for method in methods:
        time = _mean_cell(_runs_of(grid, method), 'ms_per_iteration', digits=1)
        parts = [grid.cell(method, key) for key in grid.record.test_sets]
        scores = [_score_cell(part, 'psnr_y', ssim=False) for part in parts]
        rows.append(method_row(grid, method, [time, *scores, _mean_over_sets(scores)]))
    caption = f'{captions.TRADEOFF_CAPTION} {captions.run_counts(grid)}'
    return Table('tradeoff', caption, columns, rank_rows(columns, rows))


def method_row(grid: GridResults, method: Method, cells: list[Cell]) -> Row:
    """A row of a method, in the section of its network."""
    told = grid.has_several_train_sets and method.is_trained
    heading = f'Trained on {grid.record.train_sets[method.train_set]}' if told else ''
    # References are separated from trained networks but not from each other, and not ranked.
    section = method.network if method.is_trained else ''
    # Choosing a checkpoint by validation is not an advantage of a strategy.
    best = section and method.checkpoint == 'best'
    rivals = f'{section}, best checkpoint' if best else section
    return Row(heading, section, method.name, cells, rivals, method, section, method.train_set)


_SSIM = {'psnr_y': 'ssim_y', 'psnr_first50': 'ssim_first50', 'psnr_last50': 'ssim_last50'}


def _score_cell(
    cell: pd.Series, score: str, digits: int = 2, scale: float = 1.0, ssim: bool = True
) -> Cell:
    if cell['seeds_done'] == 0:
        return Cell(note=cell['status'])
    if math.isnan(cell[score]):
        return Cell(note='n/a')
    partial = cell['status'] == 'partial'
    return Cell(
        value=cell[score] * scale,
        digits=digits,
        std=cell[f'{score}_std'] * scale,
        ssim=cell[_SSIM[score]] if ssim and score in _SSIM else math.nan,
        note=f'{cell["seeds_done"]}/{cell["seeds_planned"]}' if partial else '',
        signed=score == 'drift',
        source=cell['run_ids'],
    )


def _mean_cell(runs: pd.DataFrame, column: str, digits: int, scale: float = 1.0) -> Cell:
    known = runs.dropna(subset=[column])
    if len(known):
        source = '; '.join(known['run_id'])
        return Cell(value=known[column].mean() * scale, digits=digits, source=source)
    if (runs['status'] == 'DONE').any():
        return Cell(note='n/a')
    found = set(runs['status'])
    return Cell(note=next(word for status, word in STATUS_WORDS.items() if status in found))


def _mean_over_sets(scores: list[Cell]) -> Cell:
    noted = [cell.note for cell in scores if cell.note]
    values = [cell.value for cell in scores]
    # A mean over only some of the test sets would not be comparable with the others.
    whole = not any(math.isnan(value) for value in values)
    return (
        Cell(sum(values) / len(values), note=''.join(noted[:1]), source=scores[0].source)
        if whole
        else Cell(note=noted[0])
    )


def _runs_of(grid: GridResults, method: Method) -> pd.DataFrame:
    return grid.runs[grid.runs['run_id'].isin(grid.trials_of(method))]


#: name -> function that makes the table, or returns None if the grid has no numbers for it
STANDARD_TABLES = {
    'main': main_table,
    'strategies': strategies_table,
    'stability': stability_table,
    'consistency': consistency_table,
    'timing': timing_table,
    'tradeoff': tradeoff_table,
}


def all_tables(grid: GridResults, outputs: Outputs) -> list[Table]:
    """Makes the tables of this module that the grid has numbers for."""
    made = [outputs.attempt(f'table {n}', make, grid) for n, make in STANDARD_TABLES.items()]
    return [table for table in made if table]
