"""Tables in Markdown."""

import math
import re

from reports.tables.model import BEST, SECOND, Cell, Table


def markdown(tables: list[Table]) -> str:
    """All tables in Markdown: best bold, second best italic; notes as a list."""
    return '\n'.join(_markdown_table(table) for table in tables)


def _markdown_table(table: Table) -> str:
    marks = f' **Best** and *second best* of {table.rivals}.' if table.is_ranked else ''
    marks += ' In parentheses: seeds done of seeds planned.' if table.is_partial else ''
    heads = [_plain(f'{c.group} {c.header}'.strip()) for c in table.columns]
    lines = [f'{_plain(table.caption)}{marks}', '', f'| {table.stub} | {" | ".join(heads)} |']
    lines.append('|---|' + '---:|' * len(heads))
    headed = len({row.heading for row in table.rows}) > 1
    for row in table.rows:
        label = f'{row.heading}: {row.label}' if headed and row.heading else row.label.strip()
        cells = ' | '.join(_markdown_cell(cell) for cell in row.cells)
        lines.append(f'| {_plain(label)} | {cells} |')
    notes = [f'- {_plain(note)}' for note in table.notes]
    return '\n'.join([*lines, *([''] if notes else []), *notes]) + '\n'


def _plain(text: str) -> str:
    """A text in one line that ends no cell of a table and begins no HTML."""
    text = re.sub(r'(\\*)\|', r'\1\1\\|', ' '.join(text.splitlines()))
    return re.sub('<(?=[A-Za-z!/?])', '&lt;', text)


def _markdown_cell(cell: Cell) -> str:
    if not cell.shown:
        return _plain(cell.note)
    text = {BEST: f'**{cell.shown}**', SECOND: f'*{cell.shown}*'}.get(cell.rank, cell.shown)
    text += f' ({cell.note})' if cell.is_partial else cell.note.replace('*', '\\*')
    text += '' if math.isnan(cell.std) else f' ± {cell.std:.{cell.digits}f}'
    return text + (f' / {cell.shown_ssim}' if cell.shown_ssim else '')
