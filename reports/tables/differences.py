"""The table of paired differences."""

import math
from typing import Any

import pandas as pd

from reports.differences import ALPHA, LEAST_UNITS, LEAST_VIDEOS
from reports.results import WINDOW, GridResults
from reports.tables.captions import ending
from reports.tables.model import Cell, Column, Row, Table


def differences_table(grid: GridResults, found: pd.DataFrame) -> Table | None:
    """The differences headed by pair, a row per test set; None if there is no pair."""
    if found.empty:
        return None
    columns = [
        *(Column('Units', header) for header in ('videos', 'seeds')),
        *(Column('Difference, all frames (dB)', h) for h in ('mean', 'from', 'to', 'better')),
        *(Column('p', f'by {unit}') for unit in ('video', 'seed')),
        Column(f'Last {WINDOW} (dB)', 'mean'),
    ]
    last = {_place(row): row for row in found.itertuples() if row.score == 'psnr_last50'}
    rows = [
        _row(grid, row, last.get(_place(row)))
        for row in found.itertuples()
        if row.score == 'psnr_y'
    ]
    caption = f'{_caption(found)} {ending(grid)}'
    return Table('differences', caption, columns, rows, stub='Test set')


def _place(row: Any) -> tuple:
    return row.train_set, row.network, row.method, row.baseline, row.test_set


def _row(grid: GridResults, row: Any, last: Any) -> Row:
    number: dict[str, Any] = {'signed': True, 'source': row.run_ids}
    cells = [Cell(row.videos, digits=0), Cell(row.seeds, digits=0)]
    cells += [Cell(value, **number) for value in (row.difference, row.low, row.high)]
    cells.append(Cell(text=f'{row.better_videos}/{row.videos}'))
    cells.append(_p_cell(row.p_videos, row.p_videos_holm))
    cells.append(_p_cell(row.p_seeds, row.p_seeds_holm))
    cells.append(Cell(last.difference, **number) if last else Cell())
    train_set = grid.record.train_sets[row.train_set]
    trained = f' (trained on {train_set})' if grid.has_several_train_sets else ''
    heading = f'{row.method} minus {row.baseline}{trained}'
    label = grid.record.test_sets[row.test_set].label
    of = {'network': row.network, 'train_set': row.train_set}
    return Row(heading, row.network, label, cells, **of)


def _p_cell(value: float, adjusted: float) -> Cell:
    if math.isnan(value):
        return Cell(text='too few')
    text = '<0.0001' if value < 1e-4 else ''
    return Cell(value, digits=4, text=text, note='*' if adjusted < ALPHA else '')


def _caption(found: pd.DataFrame) -> str:
    return (
        'Paired differences of Y-PSNR between strategies: mean over the videos and seeds that both '
        'have finished, 95% interval (two-way bootstrap of videos and seeds; none for fewer than '
        f'{LEAST_VIDEOS} videos), and on how many videos the first is better. p: exact sign-flip '
        'test with the video (mean over seeds) or the seed (mean over videos) as the unit, since '
        'the videos of one training are not independent; the first speaks for these trained '
        'networks only, the second for these videos only. Too few: fewer than '
        f'{LEAST_UNITS} units cannot reach p < {ALPHA}. {_verdict(found)}'
    )


def _verdict(found: pd.DataFrame) -> str:
    """For how many tests p is corrected, each family of pairs for its own."""
    families: dict[str, str] = {}
    for family, rows in found[found['score'] == 'psnr_y'].groupby('family', sort=False):
        tests = rows[['p_videos', 'p_seeds']].notna().sum()
        counts = ' and '.join(
            f'{count} test{"s" if count > 1 else ""} by {unit}'
            for unit, count in (('video', tests['p_videos']), ('seed', tests['p_seeds']))
            if count
        )
        families |= {family: counts} if counts else {}
    if not families:
        return 'No difference in this table can be called significant.'
    several = found['family'].nunique() > 1
    told = [f'{counts} ({family})' if several else counts for family, counts in families.items()]
    apart = ', each family of pairs by itself' if several else ''
    return f'*: p < {ALPHA} after Holm correction for {", for ".join(told)}{apart}.'
