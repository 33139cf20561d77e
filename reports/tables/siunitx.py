"""Tables in LaTeX with siunitx columns: numbers aligned, deviations as uncertainties.

SSIM has a column of its own beside its PSNR. For papers that want other digits or units than ours:
siunitx rounds and formats by its own options.
"""

import math
from itertools import groupby

from reports.tables.latex import COLOURS, MOST_LINES, body, tex
from reports.tables.model import Cell, Column, Table, page_parts

PACKAGES = ('booktabs', 'siunitx', 'xcolor')
MOST_COLUMNS = 8  # before those of SSIM


def latex_siunitx(tables: list[Table]) -> str:
    """All tables as floats, to be put into a paper by ``\\input``."""
    head = (
        f'% Needs the packages {", ".join(PACKAGES)}, siunitx of version 3.\n'
        '\\sisetup{separate-uncertainty=true,table-align-uncertainty=true}\n'
    )
    parts = [part for table in tables for part in page_parts(table, MOST_LINES, MOST_COLUMNS)]
    return head + '\n'.join(map(_table, parts))


def _table(table: Table) -> str:
    columns = [[row.cells[i] for row in table.rows] for i in range(len(table.columns))]
    with_ssim = [any(cell.shown_ssim for cell in cells) for cells in columns]
    formats = ''.join(
        _format(cells) + (' S[table-format=1.3]' if ssim else '')
        for cells, ssim in zip(columns, with_ssim, strict=True)
    )
    number = '\\addtocounter{table}{-1}\n' if table.continued else ''
    return (
        f'\\begin{{table*}}[t]\n\\centering\n{number}\\caption{{{tex(table.caption)}}}\n'
        f'\\label{{tab:{table.name}}}\n\\setlength{{\\tabcolsep}}{{4pt}}%\n'
        f'\\begin{{tabular}}{{l{formats}}}\n\\toprule\n'
        f'{_header(table, with_ssim)}\\midrule\n{_body(table, with_ssim)}\\bottomrule\n'
        '\\end{tabular}\n\\end{table*}\n'
    )


def _format(cells: list[Cell]) -> str:
    """The column type: as many digits as the widest number has, or text."""
    numbers = [cell.shown for cell in cells if _is_number(cell)]
    if not numbers:
        return ' c'
    whole = max(len(text.lstrip('+-').partition('.')[0]) for text in numbers)
    digits = max(len(text.partition('.')[2]) for text in numbers)
    sign = '+' if any(text[0] in '+-' for text in numbers) else ''
    deviations = [len(_deviation(cell)) for cell in cells if _is_number(cell)]
    deviation = f'({max(deviations)})' if max(deviations) else ''
    return f' S[table-format={sign}{whole}.{digits}{deviation}]'


def _is_number(cell: Cell) -> bool:
    return bool(cell.shown) and not cell.text


def _deviation(cell: Cell) -> str:
    """The standard deviation in units of the last digit."""
    if math.isnan(cell.std):
        return ''
    return str(round(cell.std * 10**cell.digits))


def _header(table: Table, with_ssim: list[bool]) -> str:
    top, rules, at = '', '', 2
    pairs = zip(table.columns, with_ssim, strict=True)
    for label, group in groupby(pairs, key=lambda pair: pair[0].group):
        count = sum(1 + ssim for _, ssim in group)
        top += f' & \\multicolumn{{{count}}}{{c}}{{{tex(label)}}}'
        rules += f'\\cmidrule(lr){{{at}-{at + count - 1}}}' if label else ''
        at += count
    names = ''.join(map(_names, table.columns, with_ssim))
    return (f'{top} \\\\\n{rules}\n' if rules else '') + f'{tex(table.stub)}{names} \\\\\n'


def _names(column: Column, ssim: bool) -> str:
    name = column.header.removesuffix('/SSIM') if ssim else column.header
    return f' & {{{tex(name)}}}' + (' & {SSIM}' if ssim else '')


def _body(table: Table, with_ssim: list[bool]) -> str:
    width = 1 + len(with_ssim) + sum(with_ssim)
    return body(table, width, lambda row: ''.join(map(_cells, row.cells, with_ssim)))


def _cells(cell: Cell, ssim: bool) -> str:
    if not _is_number(cell):
        text = f'\\emph{{{tex(cell.note)}}}' if not cell.shown and cell.note else tex(cell.shown)
        return f' & {{{text}}}' + ' & ' * ssim
    color = f'\\color{{{COLOURS[cell.rank]}}} ' if cell.rank else ''
    deviation = f'({_deviation(cell)})' if _deviation(cell) else ''
    note = f'{{\\textsuperscript{{{tex(cell.note)}}}}}' if cell.note else ''
    return f' & {color}{cell.shown}{deviation}{note}' + f' & {cell.shown_ssim}' * ssim
