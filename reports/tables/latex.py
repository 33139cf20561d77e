"""Tables and figures in LaTeX."""

import math
import unicodedata
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

from reports.tables.model import BEST, INDENT, SECOND, Cell, Row, Table, page_parts

# Packages the LaTeX fragment needs; the standalone document loads the same.
PACKAGES = ('booktabs', 'graphicx', 'xcolor')
COLOURS = {BEST: 'red', SECOND: 'blue'}
_LATEX_ESCAPES = {
    '\\': r'\textbackslash{}',
    '~': r'\textasciitilde{}',
    '^': r'\textasciicircum{}',
    '<': r'\textless{}',
    '>': r'\textgreater{}',
    '|': r'\textbar{}',
    '×': r'$\times$',
    '±': r'$\pm$',
    '−': '$-$',
    '·': r'$\cdot$',
    '°': r'$^\circ$',
    'µ': r'$\mu$',
    'μ': r'$\mu$',
    '→': r'$\to$',
    '≤': r'$\leq$',
    '≥': r'$\geq$',
    '–': '--',
    '—': '---',
    '‘': '`',
    '’': "'",
    '“': '``',
    '”': "''",
    '…': r'\ldots{}',
    '\u00a0': '~',
    '\ufffd': '?',
    **{character: f'\\{character}' for character in '&%$#_{}'},
}
# Letters that LaTeX knows beside ASCII: these, and those with an accent (here as combining ones).
_LETTERS = 'ßøØæÆœŒłŁı'
_ACCENTS = '\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327'
MOST_LINES = 46  # of a table on a page
MOST_COLUMNS = 9  # across a page; more would be shrunk until nobody can read them


def latex_fragment(tables: list[Table]) -> str:
    """All tables as floats, to be put into a paper by ``\\input``; long ones go on over pages."""
    packages = ', '.join(PACKAGES)
    head = f'% Needs the packages {packages}. In a one-column document table* acts as table.\n'
    parts = [part for table in tables for part in page_parts(table, MOST_LINES, MOST_COLUMNS)]
    return head + '\n'.join(_latex_table(part) for part in parts)


def latex_document(tables: list[Table]) -> str:
    """A document of its own, which pdflatex compiles as it is; the notes are a list at its end."""
    packages = ''.join(f'\\usepackage{{{name}}}\n' for name in PACKAGES)
    return (
        '\\documentclass[10pt]{article}\n'
        '\\usepackage[a4paper,textwidth=7.16in,textheight=10in]{geometry}\n'
        '\\setlength{\\belowcaptionskip}{6pt}\n'
        # Pages of tables alone are filled from the top.
        '\\makeatletter\\setlength{\\@fptop}{0pt}\\setlength{\\@fpsep}{24pt}\\makeatother\n'
        f'{packages}\\begin{{document}}\n{latex_fragment(tables)}{_latex_notes(tables)}'
        '\\end{document}\n'
    )


def _latex_notes(tables: list[Table]) -> str:
    notes = ''.join(f'\\item {at_start(note)}\n' for table in tables for note in table.notes)
    head = '\\clearpage\\sloppy\\section*{Not in the tables}\n'
    return f'{head}\\begin{{itemize}}\n{notes}\\end{{itemize}}\n' if notes else ''


def _latex_table(table: Table) -> str:
    marks = f' Red and blue: best and second best of {table.rivals}.' if table.is_ranked else ''
    marks += ' Superscript: seeds done of seeds planned.' if table.is_partial else ''
    # Notes go in as comments: reasons and run names are long, but belong to the file.
    notes = ''.join(f'% {_one_line(note)}\n' for note in table.notes)
    # A table that goes on keeps its number.
    number = '\\addtocounter{table}{-1}\n' if table.continued else ''
    width = '\\ifdim\\width>\\textwidth \\textwidth\\else\\width\\fi'
    rows = body(table, len(table.columns) + 1, _latex_cells)
    return (
        f'{notes}\\begin{{table*}}[t]\n\\centering\n'
        f'{number}\\caption{{{tex(table.caption)}{marks}}}\n\\label{{tab:{table.name}}}\n'
        f'\\setlength{{\\tabcolsep}}{{4pt}}%\n\\resizebox{{{width}}}{{!}}{{%\n'
        f'\\begin{{tabular}}{{l{"c" * len(table.columns)}}}\n'
        f'\\toprule\n{_latex_header(table)}\\midrule\n{rows}\\bottomrule\n'
        '\\end{tabular}}\n\\end{table*}\n'
    )


def _latex_header(table: Table) -> str:
    top, rules, at = '', '', 2
    for label, columns in groupby(table.columns, key=lambda column: column.group):
        count = len(list(columns))
        top += f' & \\multicolumn{{{count}}}{{c}}{{{tex(label)}}}'
        rules += f'\\cmidrule(lr){{{at}-{at + count - 1}}}' if label else ''
        at += count
    names = ''.join(f' & {tex(column.header)}' for column in table.columns)
    return (f'{top} \\\\\n{rules}\n' if rules else '') + f'{tex(table.stub)}{names} \\\\\n'


def body(table: Table, width: int, cells_of: Callable[[Row], str]) -> str:
    """All rows of a table, with headings across it and rules between sections.

    Args:
        table: the table.
        width: its LaTeX columns.
        cells_of: the cells of a row, each after its ``&``.
    """
    lines = []
    for index, row in enumerate(table.rows):
        before = table.rows[index - 1] if index else None
        new_heading = row.heading and (before is None or before.heading != row.heading)
        if before and (new_heading or before.section != row.section):
            lines.append('\\midrule')
        if new_heading:
            lines.append(f'\\multicolumn{{{width}}}{{l}}{{\\emph{{{tex(row.heading)}}}}} \\\\')
        label = at_start(row.label).replace(INDENT, '\\quad ')
        lines.append(f'{label}{cells_of(row)} \\\\')
    return '\n'.join(lines) + '\n'


def _latex_cells(row: Row) -> str:
    return ''.join(f' & {_latex_cell(cell)}' for cell in row.cells)


def _latex_cell(cell: Cell) -> str:
    if not cell.shown:
        return f'\\emph{{{tex(cell.note)}}}' if cell.note else ''
    text = _tex_number(cell.shown)
    if cell.rank:
        text = f'\\textcolor{{{COLOURS[cell.rank]}}}{{{text}}}'
    text += f'\\textsuperscript{{{tex(cell.note)}}}' if cell.note else ''
    text += '' if math.isnan(cell.std) else f'{{\\scriptsize$\\pm${cell.std:.{cell.digits}f}}}'
    return text + (f'/{_tex_number(cell.shown_ssim)}' if cell.shown_ssim else '')


def _tex_number(text: str) -> str:
    return tex(text).replace('-', '$-$', text.startswith('-'))


def tex(text: str) -> str:
    """Any text such that LaTeX prints its characters, or the numbers of those it does not know."""
    return ''.join(map(_tex_character, _one_line(text)))


def at_start(text: str) -> str:
    """As ``tex``, after the end of a row or ``\\item``, where brackets and stars are options."""
    return '{}' * text.startswith(('[', '*')) + tex(text)


def _one_line(text: str) -> str:
    return ' '.join(text.splitlines())


def _tex_character(character: str) -> str:
    if character in _LATEX_ESCAPES:
        return _LATEX_ESCAPES[character]
    if ' ' <= character <= '~' or character in _LETTERS:
        return character
    letter, *accents = list(unicodedata.normalize('NFD', character))
    if letter.isascii() and letter.isalpha() and len(accents) == 1 and accents[0] in _ACCENTS:
        return character
    return f'U+{ord(character):04X}'


def latex_figures(figures: list, folder: Path) -> str:
    """Figures (``figures.Drawn``) as floats at their own size, to copy from.

    Args:
        figures: what is shown.
        folder: where the text will be; the files are in it or below it.
    """
    head = (
        '% Copy what the paper needs. Needs the package graphicx, and \\graphicspath where this\n'
        '% folder is not the one that LaTeX runs in.\n'
    )
    return head + '\n'.join(_latex_figure(figure, folder) for figure in figures)


def _latex_figure(figure: Any, folder: Path) -> str:
    path = figure.paths[-1]
    name, place = path.stem, path.relative_to(folder).as_posix()
    star = '*' * figure.is_wide
    return (
        f'\\begin{{figure{star}}}[t]\n\\centering\n\\includegraphics{{{place}}}\n'
        f'\\caption{{{tex(figure.caption)}}}\n\\label{{fig:{name}}}\n\\end{{figure{star}}}\n'
    )
