"""Tables for a terminal."""

import textwrap

from reports.tables.model import BEST, SECOND, Cell, Table


def plain_text(table: Table) -> str:
    """The table for a terminal: values only, without deviations and SSIM, and the caption below."""
    groups = [column.group for column in table.columns]
    shown = ['' if i and g == groups[i - 1] else g for i, g in enumerate(groups)]
    heads = [column.header.removesuffix('/SSIM') for column in table.columns]
    body = [[row.label, *map(_text_cell, row.cells)] for row in table.rows]
    lines = [['', *shown], [table.stub, *heads], *body]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads) + 1)]
    texts = [_aligned(line, widths) for line in lines]
    out = [*texts[:2], '-' * len(texts[1])]
    for index, (row, text) in enumerate(zip(table.rows, texts[2:], strict=True)):
        before = table.rows[index - 1] if index else row
        if row.heading != before.heading or (row.heading and not index):
            out.append(f'[{row.heading}]')
        elif row.section != before.section:
            out.append('')
        out.append(text)
    marks = f' * best, + second best of {table.rivals}.' if table.is_ranked else ''
    marks += ' ~ not all seeds are done.' if table.is_partial else ''
    return '\n'.join([*out, *textwrap.wrap(table.caption + marks, width=100)]) + '\n'


def _aligned(line: list[str], widths: list[int]) -> str:
    cells = [text.rjust(width) for text, width in zip(line[1:], widths[1:], strict=True)]
    return '  '.join([line[0].ljust(widths[0]), *cells]).rstrip()


def _text_cell(cell: Cell) -> str:
    if not cell.shown:
        return cell.note + ' '
    return cell.shown + {BEST: '*', SECOND: '+'}.get(cell.rank, ' ') + '~' * cell.is_partial
