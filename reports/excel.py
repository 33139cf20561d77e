"""One workbook: Summary, Per video, Per frame, Curves with a chart, Timing, Runs."""

import math
from pathlib import Path

import pandas as pd
from openpyxl import Workbook
from openpyxl.chart import LineChart, Reference
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from reports.files import replacing
from reports.results import GridResults
from reports.tables import BEST, SECOND, Cell, Table

HEADER_FONT = Font(bold=True)
HEADER_FILL = PatternFill('solid', fgColor='E8ECF1')
RANK_FONTS = {BEST: Font(color='C00000', bold=True), SECOND: Font(color='1F4EAD')}
NOTE_FONT = Font(italic=True, color='7F7F7F')
FORMATS = {'psnr': '0.00', 'ssim': '0.000', 'drift': '+0.00;-0.00;0.00', 'ms': '0.0'}


def write_workbook(grid: GridResults, main: Table, timing: Table, path: Path) -> Path:
    """Write ``results.xlsx``; PSNR and drift in dB, times in milliseconds."""
    book = Workbook()
    summary = book.active
    summary.title = 'Summary'
    _write_table(summary, main)
    _write_frame(book.create_sheet('Per video'), _videos(grid))
    _write_frame(book.create_sheet('Per frame'), _per_frame(grid), frozen_columns=3)
    _write_curves(book.create_sheet('Curves'), grid)
    _write_table(book.create_sheet('Timing'), timing)
    _write_frame(book.create_sheet('Runs'), grid.runs, frozen_columns=1)
    with replacing(path) as temporary:
        book.save(temporary)
    return path


def _write_table(sheet: Worksheet, table: Table) -> None:
    """One sheet column a number: PSNR, its deviation and SSIM do not share a cell as on paper."""
    has_ssim = [_any(table, i, 'ssim') for i in range(len(table.columns))]
    has_std = [_any(table, i, 'std') for i in range(len(table.columns))]
    header = ['Trained on', 'Method']
    for column, ssim, std in zip(table.columns, has_ssim, has_std, strict=True):
        name = f'{column.group} {column.header.removesuffix("/SSIM")}'
        header += [name, *([f'{name} std'] if std else []), *([f'{column.group} SSIM'] * ssim)]
    sheet.append(header)
    for number, row in enumerate(table.rows, start=2):
        sheet.cell(number, 1, row.heading.removeprefix('Trained on '))
        sheet.cell(number, 2, row.label)
        at = 3
        for cell, ssim, std in zip(row.cells, has_ssim, has_std, strict=True):
            at = _write_cell(sheet, number, at, cell, ssim, std)
    _finish(sheet, frozen_columns=2)
    below = ['', table.caption, *table.notes]
    if table.ranked:
        below.insert(2, 'Best PSNR red, second best blue, among the strategies of each network.')
    for line in below:
        sheet.append([line])


def _any(table: Table, column: int, part: str) -> bool:
    return any(not math.isnan(getattr(row.cells[column], part)) for row in table.rows)


def _write_cell(sheet: Worksheet, row: int, at: int, cell: Cell, ssim: bool, std: bool) -> int:
    """Write a cell's numbers from column ``at`` on; return the next free column."""
    decimals = '0.' + '0' * cell.digits
    parts = [(cell.value, decimals)]
    parts += [(cell.std, decimals)] if std else []
    parts += [(cell.ssim, FORMATS['ssim'])] if ssim else []
    for offset, (value, number_format) in enumerate(parts):
        if math.isnan(value):
            continue
        target = sheet.cell(row, at + offset, value)
        # Seeds that are missing show beside the number without making it text.
        note = f'" ({cell.note} seeds)"' if cell.note and offset == 0 else ''
        target.number_format = number_format + note
        if cell.rank and offset == 0:
            target.font = RANK_FONTS[cell.rank]
    if math.isnan(cell.value):
        sheet.cell(row, at, cell.note).font = NOTE_FONT
    return at + len(parts)


def _write_frame(sheet: Worksheet, frame: pd.DataFrame, frozen_columns: int = 0) -> None:
    sheet.append([str(name) for name in frame.columns])
    clean = frame.astype(object).where(frame.notna(), None)
    for values in clean.itertuples(index=False):
        sheet.append(list(values))
    for at, (name, dtype) in enumerate(zip(frame.columns, frame.dtypes, strict=True), start=1):
        number_format = _format_of(str(name)) if pd.api.types.is_float_dtype(dtype) else None
        if number_format:
            for (cell,) in sheet.iter_rows(min_row=2, min_col=at, max_col=at):
                cell.number_format = number_format
    _finish(sheet, frozen_columns)


def _format_of(name: str) -> str | None:
    if name in ('repeats', 'parameters', 'threads'):
        return '0'
    kinds = [kind for kind in ('ssim', 'drift', 'ms') if kind in name]
    return FORMATS[kinds[0] if kinds else 'psnr']


def _finish(sheet: Worksheet, frozen_columns: int) -> None:
    sheet.freeze_panes = f'{get_column_letter(frozen_columns + 1)}2'
    for at, cell in enumerate(sheet[1], start=1):
        cell.font, cell.fill = HEADER_FONT, HEADER_FILL
        # The first rows tell the width; looking at all of them would cost more than it gives.
        below = [sheet.cell(row, at).value for row in range(2, min(sheet.max_row, 60) + 1)]
        texts = [value for value in [cell.value, *below] if isinstance(value, str)]
        longest = max(len(text) for text in texts)
        sheet.column_dimensions[get_column_letter(at)].width = min(max(8, longest + 2), 50)


def _videos(grid: GridResults) -> pd.DataFrame:
    names = grid.runs[['run_id', 'method', 'train_set', 'seed']]
    return grid.videos.merge(names, on='run_id')[[*names.columns, *grid.videos.columns[1:]]]


def _per_frame(grid: GridResults) -> pd.DataFrame:
    """PSNR of every frame, one column a run: the sheet stays short enough to scroll and chart."""
    keys = ['test_set', 'video', 'frame']
    wide = grid.frames.pivot(index=keys, columns='run_id', values='psnr_y')
    done = [run_id for run_id in grid.runs['run_id'] if run_id in wide]
    return wide[done].reset_index()


def _write_curves(sheet: Worksheet, grid: GridResults) -> None:
    """PSNR by frame of the focus set, mean over videos and seeds, with one chart a network."""
    focus = grid.curves[grid.curves['test_set'] == grid.focus_set]
    keys = ['train_set', 'network', 'method']
    wide = focus.pivot_table(index='frame', columns=keys, values='psnr_y', sort=False)
    groups = list(dict.fromkeys((train, network) for train, network, _ in wide.columns))
    labels = [' '.join(filter(None, (method, train))) for train, _, method in wide.columns]
    label = grid.plan.test_sets[grid.focus_set].label
    flat = wide.set_axis(labels, axis='columns').rename_axis(f'{label} frame').reset_index()
    _write_frame(sheet, flat, frozen_columns=1)
    for index, group in enumerate(groups):
        places = [i for i, key in enumerate(wide.columns, start=2) if key[:2] == group]
        title = f'{grid.plan.networks[group[1]]}: {label}, PSNR (dB)'
        anchor = f'{get_column_letter(len(labels) + 3)}{2 + 20 * index}'
        sheet.add_chart(_chart(sheet, places, title), anchor)


def _chart(sheet: Worksheet, columns: list[int], title: str) -> LineChart:
    chart = LineChart()
    chart.title, chart.x_axis.title, chart.y_axis.title = title, 'Frame', 'PSNR (dB)'
    # Without this, Excel hides the axes of charts that openpyxl makes.
    chart.x_axis.delete = chart.y_axis.delete = False
    chart.width, chart.height = 24, 9.5
    for column in columns:
        values = Reference(sheet, min_col=column, min_row=1, max_row=sheet.max_row)
        chart.add_data(values, titles_from_data=True)
    chart.set_categories(Reference(sheet, min_col=1, min_row=2, max_row=sheet.max_row))
    for series in chart.series:
        series.smooth = False
        series.graphicalProperties.line.width = 15000  # EMU, about 1.2 pt
    chart.x_axis.tickLblSkip = chart.x_axis.tickMarkSkip = 25
    return chart
