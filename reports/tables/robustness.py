"""The table of stability scored as robustness."""

import math
from typing import Any

import pandas as pd

from harness.runs.collapse import DROP, RUN
from reports.differences import ALPHA, LEAST_VIDEOS
from reports.methods import Method
from reports.results import WINDOW, GridResults
from reports.robustness import robust_sets, robustness
from reports.tables.captions import ending
from reports.tables.model import HIGH, Cell, Column, Row, Table, rank_rows


def robustness_table(grid: GridResults) -> Table | None:
    """Methods in rows; None if no method has finished a long video."""
    found = robustness(grid)
    if found.empty:
        return None
    score = 'Gain over bicubic' if found['score'].iloc[0] == 'gain' else 'PSNR'
    columns = [
        Column('Collapse', 'units'),
        Column('Collapse', 'half by'),
        Column('Collapse', 'p'),
        *(
            Column(f'{score}, last {WINDOW} (dB)', header, HIGH)
            for header in ('mean', 'worst', 'IQM')
        ),
        Column(f'{score}, last {WINDOW} (dB)', '95%'),
        Column('Better than RI', 'probability'),
        Column('Better than RI', '95%'),
    ]
    methods = {method.key: method for method in grid.methods}
    rows = [
        _row(grid, methods[row.train_set, row.network, row.method], row)
        for row in found.itertuples()
    ]
    caption = f'{_caption(grid, found)} {ending(grid)}'
    return Table('robustness', caption, columns, rank_rows(columns, rows))


def _row(grid: GridResults, method: Method, row: Any) -> Row:
    told = grid.has_several_train_sets and method.is_trained
    heading = f'Trained on {grid.record.train_sets[method.train_set]}' if told else ''
    section = method.network if method.is_trained else ''
    of = {'source': row.run_ids}
    cells = [
        Cell(text=f'{row.collapsed}/{row.units}', **of),
        Cell(row.median_survival, digits=0, text='' if row.collapsed * 2 >= row.units else '-'),
        _p_cell(row.p_logrank, row.p_logrank_holm),
        *(Cell(value, **of) for value in (row.mean, row.worst, row.iqm)),
        _interval(row.iqm_low, row.iqm_high),
        Cell(row.improvement, **of),
        _interval(row.improvement_low, row.improvement_high),
    ]
    return Row(heading, section, method.name, cells, None, method, section, method.train_set)


def _interval(low: float, high: float) -> Cell:
    return Cell() if math.isnan(low) else Cell(text=f'{low:.2f} to {high:.2f}')


def _p_cell(value: float, adjusted: float) -> Cell:
    if math.isnan(value):
        return Cell()
    text = '<0.0001' if value < 1e-4 else ''
    return Cell(value, digits=4, text=text, note='*' if adjusted < ALPHA else '')


def _caption(grid: GridResults, found: pd.DataFrame) -> str:
    sets = ', '.join(grid.record.test_sets[key].label for key in robust_sets(grid))
    gain = found['score'].iloc[0] == 'gain'
    level = 'PSNR minus that of bicubic interpolation' if gain else 'PSNR'
    below = 'below bicubic interpolation, or ' if gain else ''
    return (
        f'Stability as robustness, over videos x seeds of {sets}. Collapse: units that stay to the '
        f'end {below}{DROP:.0f} dB under their own best ({level}, running median of {RUN} frames; '
        'backward branches are followed to the start); the frame by which half of them have '
        '(-: they have not), and p of the log-rank test against '
        f'RI (*: below {ALPHA} after Holm correction), which takes videos of one training for '
        f'independent and so claims too much. Scores are means of the last {WINDOW} frames: mean, '
        'worst video, interquartile mean, and the probability that a seed beats one of RI on a '
        'video; intervals by a bootstrap of videos and seeds, none for fewer than '
        f'{LEAST_VIDEOS} videos.'
    )
