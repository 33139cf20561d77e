"""One workbook with all tables, statistics and curves of a grid."""

import io
import math
import textwrap
from pathlib import Path

import pandas as pd
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from harness.runs.files import replacing
from reports.excel.charts import add_charts, curve_frame
from reports.excel.rows import append_rows
from reports.paper import OURS
from reports.paper_values import NUMBER
from reports.results import GridResults
from reports.tables.model import BEST, SECOND, Cell, Table

BASE_FONT = {'name': 'Calibri', 'size': 11}  # openpyxl's own; a font without a name has serifs
LINE_HEIGHT = 15  # points
HEADER_FONT = Font(**BASE_FONT, bold=True)
HEADER_FILL = PatternFill('solid', fgColor='E8ECF1')
HEADER_ALIGNMENT = Alignment(wrap_text=True, vertical='top')
RANK_FONTS = {
    BEST: Font(**BASE_FONT, color='C00000', bold=True),
    SECOND: Font(**BASE_FONT, color='1F4EAD', bold=True),
}
NOTE_FONT = Font(**BASE_FONT, italic=True, color='7F7F7F')
SHEET_NAMES = {'main': 'Summary', 'tradeoff': 'R trade-off'}
# The first one that is part of a column's name applies.
FORMATS = {
    **dict.fromkeys(('repeats', 'parameters', 'threads', '_frame', 'diverged', 'not_finite'), '0'),
    'ssim': '0.000',
    **dict.fromkeys(('drift', 'difference', 'low', 'high'), '+0.00;-0.00;0.00'),
    'psnr': '0.00',
    'ms': '0.0',
    'tof': '0.000',
    'warp_error': '0.00000',
    'p_': '0.0000',
}
# of the papers' numbers
METRIC_FORMATS = {'psnr_y_db': '0.00', 'ssim_y': '0.000', 'params_millions': '0.00'}


def write_workbook(
    grid: GridResults,
    tables: list[Table],
    comparison: pd.DataFrame,
    differences: pd.DataFrame,
    path: Path,
) -> Path:
    """Write ``results.xlsx``; PSNR and drift in dB, times in milliseconds.

    Args:
        grid: the results.
        tables: a sheet each, the main table first.
        comparison: the papers' numbers beside ours.
        differences: paired differences between strategies.
        path: the file.
    """
    book = Workbook()
    book.remove(book.active)
    for table in tables:
        name = SHEET_NAMES.get(table.name, table.name.replace('_', ' '))
        _write_table(book.create_sheet(name[0].upper() + name[1:]), table)
    wide = curve_frame(grid)
    charts, curves = book.create_sheet('Charts'), book.create_sheet('Curves')
    _write_curves(charts, curves, grid, wide)
    _write_frame(book.create_sheet('Per video'), _named(grid, grid.videos), frozen_columns=5)
    frames = _per_frame(grid)
    _write_frame(book.create_sheet('Per frame'), frames.head(1), frozen_columns=3)
    book['Per frame'].auto_filter.ref = f'A1:C{len(frames) + 1}'
    _write_comparison(book.create_sheet('Paper comparison'), comparison)
    _write_frame(book.create_sheet('All differences'), differences, frozen_columns=5)
    _write_frame(book.create_sheet('Evaluations'), _named(grid, grid.evaluations), frozen_columns=5)
    _write_frame(book.create_sheet('Runs'), grid.runs, frozen_columns=1)
    _keep_texts(book)
    with replacing(path) as temporary:
        saved = io.BytesIO()
        book.save(saved)
        append_rows(saved, temporary, book.sheetnames.index('Per frame') + 1, frames)
    return path


def _keep_texts(book: Workbook) -> None:
    """Turn cells that openpyxl takes for formulas and errors into text."""
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type in ('f', 'e'):
                    cell.data_type = 's'


def _write_table(sheet: Worksheet, table: Table) -> None:
    """Write one number per sheet column: PSNR, its deviation and SSIM get separate cells."""
    has_ssim = [_any(table, i, 'ssim') for i in range(len(table.columns))]
    has_std = [_any(table, i, 'std') for i in range(len(table.columns))]
    headed = any(row.heading for row in table.rows)
    header = [*['Part'] * headed, table.stub]
    for column, ssim, std in zip(table.columns, has_ssim, has_std, strict=True):
        name = f'{column.group} {column.header.removesuffix("/SSIM")}'.strip()
        named = column.group if column.header.endswith('/SSIM') else name
        header += [name, *([f'{name} std'] if std else []), *([f'{named} SSIM'] * ssim)]
    sheet.append(header)
    for number, row in enumerate(table.rows, start=2):
        labels = [*[row.heading] * headed, row.label]
        for at, text in enumerate(labels, start=1):
            sheet.cell(number, at, text)
        at = len(labels) + 1
        for cell, ssim, std in zip(row.cells, has_ssim, has_std, strict=True):
            at = _write_cell(sheet, number, at, cell, ssim, std)
    _finish(sheet, frozen_columns=1 + headed)
    below = ['', *textwrap.wrap(table.caption, 130), *table.notes]
    if table.is_ranked:
        below.insert(1, f'Red: best, blue: second best of {table.rivals}.')
    for line in below:
        sheet.append([line])


def _any(table: Table, column: int, part: str) -> bool:
    return any(not math.isnan(getattr(row.cells[column], part)) for row in table.rows)


def _write_cell(sheet: Worksheet, row: int, at: int, cell: Cell, ssim: bool, std: bool) -> int:
    """Write a cell's numbers from column ``at`` on; return the next free column."""
    sign = '+0;-0;0' if cell.signed else '0'
    decimals, thousandths = ((f'.{"0" * n}' if n else '') for n in (cell.digits, 3))
    parts = [(cell.value, sign.replace('0', f'0{decimals}'))]
    parts += [(cell.std, f'0{decimals}')] if std else []
    parts += [(cell.ssim, sign.replace('0', f'0{thousandths}'))] if ssim else []
    for offset, (value, number_format) in enumerate(parts):
        if math.isnan(value):
            continue
        target = sheet.cell(row, at + offset, value)
        # The number format shows missing seeds, so that the cell stays a number.
        note = f'" ({cell.note})"' if cell.note and offset == 0 else ''
        target.number_format = ';'.join(f'{part}{note}' for part in number_format.split(';'))
        if cell.rank and offset == 0:
            target.font = RANK_FONTS[cell.rank]
    if math.isnan(cell.value):
        target = sheet.cell(row, at, cell.text or cell.note or None)
        target.alignment = Alignment(horizontal='right')
        if not cell.text:
            target.font = NOTE_FONT
    return at + len(parts)


def _write_frame(sheet: Worksheet, frame: pd.DataFrame, frozen_columns: int = 0) -> None:
    sheet.append([str(name) for name in frame.columns])
    clean = frame.astype(object).where(frame.notna(), None)
    for values in clean.itertuples(index=False):
        sheet.append(list(values))
    for at, (name, dtype) in enumerate(zip(frame.columns, frame.dtypes, strict=True), start=1):
        if pd.api.types.is_float_dtype(dtype):
            number_format = _format_of(str(name))
            for (cell,) in sheet.iter_rows(min_row=2, min_col=at, max_col=at):
                cell.number_format = number_format
    sheet.auto_filter.ref = sheet.dimensions
    _finish(sheet, frozen_columns)


def _format_of(name: str) -> str:
    return next((shape for part, shape in FORMATS.items() if part in name), '0.00')


def _finish(sheet: Worksheet, frozen_columns: int) -> None:
    sheet.freeze_panes = f'{get_column_letter(frozen_columns + 1)}2'
    lines = 1
    for at, cell in enumerate(sheet[1], start=1):
        cell.font, cell.fill, cell.alignment = HEADER_FONT, HEADER_FILL, HEADER_ALIGNMENT
        # The first rows suffice to estimate the width.
        below = [sheet.cell(row, at).value for row in range(2, min(sheet.max_row, 60) + 1)]
        texts = [len(value) for value in below if isinstance(value, str)]
        # Headers wrap; those of numbers may break within a word.
        word = max(map(len, str(cell.value).replace('_', ' ').split()))
        longest = max([min(word, 14), *texts])
        width = min(max(9, longest + 2), 48)
        sheet.column_dimensions[get_column_letter(at)].width = width
        lines = max(lines, math.ceil(len(str(cell.value)) / (width - 2)))
    sheet.row_dimensions[1].height = lines * LINE_HEIGHT


def _named(grid: GridResults, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of trials with their method, training set and seed in front."""
    names = grid.trials[['trial_id', 'method', 'train_set', 'seed']]
    return frame.merge(names, on='trial_id')[[*names.columns, *frame.columns.drop('trial_id')]]


def _per_frame(grid: GridResults) -> pd.DataFrame:
    """PSNR of every frame, one column per trial, so that the sheet is short."""
    keys = ['test_set', 'video', 'frame']
    wide = grid.frames.pivot(index=keys, columns='trial_id', values='psnr_y').round(3)
    done = [trial_id for trial_id in grid.trials['trial_id'] if trial_id in wide]
    order = list(grid.record.test_sets)
    sets = wide.index.get_level_values('test_set').map(order.index)
    return wide[done].iloc[sets.argsort(kind='stable')].reset_index()


def _write_curves(
    charts: Worksheet, curves: Worksheet, grid: GridResults, wide: pd.DataFrame
) -> None:
    trained_on = grid.record.train_sets if len(grid.record.train_sets) > 1 else {}
    labels = [
        ', '.join(filter(None, (grid.record.test_sets[key].label, method, trained_on.get(train))))
        for key, train, _, method in wide.columns
    ]
    flat = wide.round(3).set_axis(labels, axis='columns').rename_axis('frame').reset_index()
    _write_frame(curves, flat, frozen_columns=1)
    charts.append(['PSNR on Y by frame, mean over videos and seeds; numbers: sheet Curves'])
    charts['A1'].font = HEADER_FONT
    charts.freeze_panes = 'A2'
    add_charts(charts, curves, grid, wide)


def _write_comparison(sheet: Worksheet, comparison: pd.DataFrame) -> None:
    comparison = comparison[[*NUMBER, *OURS]]
    _write_frame(sheet, comparison, frozen_columns=6)
    columns = [comparison.columns.get_loc(name) + 1 for name in ('value', 'ours', 'std')]
    difference = comparison.columns.get_loc('difference') + 1
    for row, metric in enumerate(comparison['metric'], start=2):
        number_format = METRIC_FORMATS.get(metric, '0')
        for column in columns:
            sheet.cell(row, column).number_format = number_format
        signed = f'+{number_format};-{number_format};{number_format}'
        sheet.cell(row, difference).number_format = signed
