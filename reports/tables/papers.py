"""The papers' tables with our rows below theirs, and the sets of the grid (Tables I to III).

A number of the paper stands in a row marked "paper", ours in rows marked "ours" below it, with the
difference where the settings match. Methods that the grid has not run keep the paper's row alone.
"""

import math
from typing import NamedTuple

import pandas as pd

from reports.paper import set_numbers
from reports.results import GridResults
from reports.tables.model import HIGH, INDENT, Cell, Column, Row, Table, rank_rows

_METRICS = {
    'params_millions': ('Parameters', '(M)', 2),
    'training_ms_per_iteration': ('Training', '(ms/iteration)', 0),
    'inference_ms_per_frame': ('Inference', '(ms/frame)', 0),
}


class _Layout(NamedTuple):
    """How one table of a paper is laid out."""

    paper: str
    table: str
    title: str
    stub: str


_LAYOUTS = (
    _Layout('PI-BPTT', 'IV', 'PSNR/SSIM by strategy, training set and test set', 'Method'),
    _Layout('PI-BPTT', 'V', 'parameters and times', 'Method'),
    _Layout('PI-BPTT', 'VI', 'training time and PSNR for several R', 'Method'),
    _Layout('RISTN', '1', 'spatial networks on Set5', 'Network'),
    _Layout('RISTN', '2', 'methods on Vid4', 'Method'),
    _Layout('RISTN', '3', 'recurrent models by number of layers, PSNR on Vid4', 'Layers'),
)


def paper_tables(comparison: pd.DataFrame) -> list[Table]:
    """Those tables of the papers of which the grid has run at least one cell.

    Args:
        comparison: of :func:`reports.paper.compare`.
    """
    tables = []
    for layout in _LAYOUTS:
        cells = comparison[
            (comparison['paper'] == layout.paper) & (comparison['table'] == layout.table)
        ]
        if cells['ours'].notna().any():
            tables.append(_paper_table(layout, cells))
    return tables


def _paper_table(layout: _Layout, cells: pd.DataFrame) -> Table:
    cells = cells.assign(
        place=[_row_of(layout, number) for number in cells.to_dict('records')],
        column=[_column_of(layout, number) for number in cells.to_dict('records')],
    )
    columns = sorted(dict.fromkeys(cells['column'].dropna()), key=_order)
    rows = []
    for place, group in cells.groupby('place', sort=False):
        section = group.iloc[0]['network'] if layout.paper == 'PI-BPTT' else layout.table
        theirs = [_cell(group, column, 'value') for column in columns]
        rows.append(Row('', section, f'{place} (paper)', theirs, f'{section}, paper'))
        for name, ours in group[group['our_method'] != ''].groupby('our_method', sort=False):
            mine = [_cell(ours, column, 'ours') for column in columns]
            rows.append(Row('', section, f'{INDENT}ours: {name}', mine, f'{section}, ours'))
            gaps = [_cell(ours, column, 'difference') for column in columns]
            if any(cell.shown for cell in gaps):
                rows.append(Row('', section, f'{INDENT}difference', gaps, ''))
    rivals = 'each network' if layout.paper == 'PI-BPTT' else 'all'
    return Table(
        f'paper_{layout.paper}_{layout.table}',
        _caption(layout, cells),
        columns,
        rank_rows(columns, rows),
        stub=layout.stub,
        rivals=f'{rivals}, in the paper and here',
    )


def _row_of(layout: _Layout, number: dict) -> str:
    if layout.table == '3':
        return number['layers']
    return f'{number["method"]} {_in_brackets(number["setting"])}'.strip()


def _in_brackets(setting: str) -> str:
    return f'({setting})' if setting else ''


def _column_of(layout: _Layout, number: dict) -> Column | None:
    """The column of a number; None for SSIM, which shares that of PSNR."""
    if number['metric'] in _METRICS:
        return Column(*_METRICS[number['metric']][:2])
    if number['metric'] == 'ssim_y':
        return None
    if layout.table == 'IV':
        return Column(f'Trained on {number["train_set"]}', number['test_set'], HIGH)
    if layout.table == '3':
        return Column('PSNR', number['method'], HIGH)
    return Column(number['test_set'], 'PSNR' if layout.table == 'VI' else 'PSNR/SSIM', HIGH)


def _order(column: Column) -> int:
    """Sorts parameters and times before scores, in the order of the paper's Table V."""
    groups = [name for name, *_ in _METRICS.values()]
    return groups.index(column.group) if column.group in groups else len(groups)


def _cell(group: pd.DataFrame, column: Column, what: str) -> Cell:
    """The number of ``what`` in a column, with SSIM where the table has it."""
    found = group[group['column'] == column]
    if found.empty or math.isnan(found.iloc[0][what]):
        return Cell()
    first = found.iloc[0]
    digits = _METRICS.get(first['metric'], ('', '', 2))[2]
    same = (group['test_set'] == first['test_set']) & (group['train_set'] == first['train_set'])
    ssim = group.loc[same & (group['metric'] == 'ssim_y') & (first['metric'] == 'psnr_y_db'), what]
    return Cell(
        first[what],
        digits,
        ssim=ssim.iloc[0] if len(ssim) else math.nan,
        signed=what == 'difference',
        source='' if what == 'value' else first['run_ids'],
    )


def _caption(layout: _Layout, cells: pd.DataFrame) -> str:
    reasons = dict.fromkeys('; '.join(filter(None, cells['note'])).split('; '))
    told = '; '.join(reason for reason in reasons if reason)
    unmatched = f' No difference where settings do not match or are unknown: {told}.'
    return (
        f'{layout.paper}, Table {layout.table}: {layout.title}. The paper beside this grid; the '
        f"paper's methods that were not run keep the paper's row alone.{unmatched if told else ''}"
    )


def sets_table(grid: GridResults, comparison: pd.DataFrame) -> Table:
    """Training and test sets: videos, frames a video, image size; the papers' below ours."""
    columns = [Column('', header) for header in ('Videos', 'Frames per video', 'Image size')]
    values = comparison[comparison['method'] == '']
    rows = []
    for kind, axis, sets in (
        ('Training', 'train_set', grid.record.train_videos),
        ('Test', 'test_set', grid.record.test_sets),
    ):
        for videos in sets.values():
            rows.append(Row('', kind, f'{kind}: {videos.label}', _set_cells(set_numbers(videos))))
            theirs = values[values[axis] == videos.paper]
            if videos.paper and len(theirs):
                numbers = dict(zip(theirs['metric'], theirs['value'], strict=True))
                label = f'{INDENT}{videos.paper} (PI-BPTT, Table {theirs.iloc[0]["table"]})'
                rows.append(Row('', kind, label, _set_cells(numbers)))
    caption = 'Training and test sets: number of videos, frames per video, HR size in pixels.'
    return Table('sets', caption, columns, rows, stub='Set')


def _set_cells(numbers: dict[str, float]) -> list[Cell]:
    low, high = (
        ' × '.join(f'{numbers[f"{axis}_{end}"]:.0f}' for axis in ('height', 'width'))
        if f'height_{end}' in numbers
        else ''
        for end in ('min', 'max')
    )
    frames = _range(f'{numbers["frames_min"]:.0f}', f'{numbers["frames_max"]:.0f}')
    size = Cell(text=_range(low, high)) if low else Cell(note='n/a')
    return [Cell(numbers['videos'], digits=0), Cell(text=frames), size]


def _range(low: str, high: str) -> str:
    return low if low == high else f'{low} – {high}'
