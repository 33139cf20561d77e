"""Tables with siunitx columns."""

import math
import shutil
import subprocess

import pytest

from reports.tables.model import BEST, Cell, Column, Row, Table
from reports.tables.siunitx import PACKAGES, latex_siunitx


@pytest.fixture
def table():
    columns = [
        Column('Vid_4', 'PSNR/SSIM'),
        Column('Static', 'PSNR/SSIM'),
        Column('Static', 'drift'),
        Column('', 'seeds'),
    ]
    rows = [
        Row('On A', 'x', 'RI', [
            Cell(25.5, std=0.125, ssim=0.7, rank=BEST), Cell(8.25, ssim=0.61),
            Cell(-1.2, signed=True), Cell(text='1/2'),
        ]),
        Row('On A', 'y', '* PI', [
            Cell(105.123, std=1.5, note='1/2'), Cell(note='missing'), Cell(math.nan, note='n/a'),
            Cell(),
        ]),
    ]  # fmt: skip
    return Table('main', 'Some & others.', columns, rows)


def test_columns_and_cells(table):
    text = latex_siunitx([table])
    assert '\\begin{tabular}{l S[table-format=3.2(3)] S[table-format=1.3]' in text
    assert ' S[table-format=1.2] S[table-format=1.3] S[table-format=+1.2] c}' in text
    assert '\\multicolumn{2}{c}{Vid\\_4} & \\multicolumn{3}{c}{Static} &' in text
    assert '\\cmidrule(lr){2-3}\\cmidrule(lr){4-6}' in text
    assert 'Method & {PSNR} & {SSIM} & {PSNR} & {SSIM} & {drift} & {seeds} \\\\' in text
    assert 'RI & \\color{red} 25.50(12) & 0.700 & 8.25 & 0.610 & -1.20 & {1/2} \\\\' in text
    assert '{}* PI & 105.12(150){\\textsuperscript{1/2}} &  & {\\emph{missing}} &  &' in text
    assert '\\caption{Some \\& others.}' in text
    assert '\\multicolumn{7}{l}{\\emph{On A}}' in text
    body = [line for line in text.splitlines() if line.endswith('\\\\') and 'multi' not in line]
    assert {line.count(' & ') for line in body} == {6}


@pytest.mark.skipif(not shutil.which('pdflatex'), reason='pdflatex is not installed')
def test_it_compiles(table, tmp_path):
    found = subprocess.run(['kpsewhich', 'siunitx.sty'], capture_output=True, check=False)
    if found.returncode:
        pytest.skip('siunitx is not installed')
    packages = ''.join(f'\\usepackage{{{name}}}\n' for name in PACKAGES)
    document = f'\\documentclass{{article}}\n{packages}\\begin{{document}}\n'
    (tmp_path / 'a.tex').write_text(f'{document}{latex_siunitx([table])}\\end{{document}}\n')
    command = ['pdflatex', '-halt-on-error', '-interaction=nonstopmode', 'a.tex']
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
