"""LaTeX documents: they compile and fit their pages."""

import shutil
import subprocess

import pytest

from reports.differences import differences
from reports.outputs import Outputs
from reports.results import load_grid
from reports.tables import latex, standard
from reports.tables.differences import differences_table
from reports.tables.model import Cell, Column, Row, Table


def compile_latex(folder, text):
    (folder / 'page.tex').write_text(text)
    command = ['pdflatex', '-interaction=nonstopmode', '-halt-on-error', 'page.tex']
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


needs_latex = pytest.mark.skipif(
    shutil.which('pdflatex') is None, reason='pdflatex is not installed'
)


@pytest.mark.slow
@needs_latex
def test_document_compiles_and_fits(small, tmp_path):
    small.grid_json['networks']['net']['label'] = 'N_e%t & $co^{~}\\<>#'
    grid = load_grid(small.save())
    log = compile_latex(tmp_path, latex.latex_document(standard.all_tables(grid, Outputs())))
    assert 'Overfull' not in log and 'too large' not in log


@needs_latex
def test_document_lists_what_is_missing(small, tmp_path):
    failed = small.run('net', 'PI', repeats=32)
    small.status(failed, 'FAILED', 'RuntimeError: 100% of $memory_in_use ' + 'and so on ' * 30)
    text = latex.latex_document(standard.all_tables(load_grid(small.save()), Outputs()))
    assert '\\item FAILED  net-PI-R32-sample-s0: RuntimeError: 100\\% of' in text
    log = compile_latex(tmp_path, text)
    assert 'Overfull' not in log


@pytest.mark.slow
@needs_latex
def test_large_grid_fits_pages(fake, tmp_path):
    """Two training sets, ten methods with two seeds each, seven long test sets."""
    for index in range(7):
        fake.test_set(f'set{index}', f'Test set {index}', **{f'v{i}': 100 for i in range(6)})
    fake.grid_json['train_sets']['reds'] = {'label': 'REDS'}
    for train_set in ('sample', 'reds'):
        for repeats in (None, 1, 2, 4, 8):
            for seed in (0, 1):
                strategy = 'PI' if repeats else 'RI'
                run = fake.run('net', strategy, False, repeats, seed, train_set)
                level = 20.0 + seed + (repeats or 0)
                fake.done(run, lambda _, t, v=level: v - t / 50, ms=9999.0)
    grid = load_grid(fake.save())
    every = [*standard.all_tables(grid, Outputs()), differences_table(grid, differences(grid))]
    text = latex.latex_document(every)
    log = compile_latex(tmp_path, text)
    assert 'Overfull' not in log and 'too large' not in log
    assert text.count('(continued)') >= 3 and text.count('addtocounter') >= 3


@needs_latex
def test_one_table_goes_into_a_two_column_paper(small, tmp_path):
    """A user's document: the fragment between the class and packages that it asks for."""
    fragment = latex.latex_fragment([standard.main_table(load_grid(small.work_dir))])
    packages = ''.join(f'\\usepackage{{{name}}}' for name in latex.PACKAGES)
    start = f'\\documentclass[twocolumn]{{article}}{packages}\\begin{{document}}Text.'
    log = compile_latex(tmp_path, f'{start}\n{fragment}\\end{{document}}')
    assert 'Overfull' not in log and 'Undefined control' not in log


def fragment_of(*labels, notes=()):
    rows = [Row('', '', label, [Cell(1.0)]) for label in labels]
    return latex.latex_fragment([Table('t', 'A caption.', [Column('', 'x')], rows, notes=notes)])


@pytest.mark.parametrize(
    ('label', 'shown'),
    [
        ('[12] Somebody', '{}[12] Somebody'),  # else an option of the row's end before it
        ('*starred', '{}*starred'),
        ('two\n\nlines\r', 'two  lines'),
        ('Müller, Łukasz, naïve', 'Müller, Łukasz, naïve'),
        ('🙂 测', 'U+1F642 U+6D4B'),
        ('a|b ± 3° …', r'a\textbar{}b $\pm$ 3$^\circ$ \ldots{}'),
        (
            r'Static $\foo$ ^~',
            r'Static \$\textbackslash{}foo\$ \textasciicircum{}\textasciitilde{}',
        ),
    ],
)
def test_texts_that_would_break_a_row(label, shown):
    lines = fragment_of('first', label).splitlines()
    assert f'{shown} & 1.00 \\\\' in lines


@pytest.mark.parametrize('end', ['\n', '\r', '\r\n', '\u2028', '\x0b', '\x0c'])
def test_nothing_leaves_a_comment(end):
    text = fragment_of('a', notes=[f'FAILED  run: why{end}\\input{{/etc/passwd}}'])
    comment = next(line for line in text.splitlines() if 'passwd' in line)
    assert comment == '% FAILED  run: why \\input{/etc/passwd}'


def test_notes_at_the_end_of_a_document():
    table = Table('t', 'A caption.', [Column('', 'x')], [], notes=['[x] y\n\nz'])
    assert '\\item {}[x] y  z\n' in latex.latex_document([table])


@needs_latex
def test_a_document_of_odd_texts_compiles(tmp_path):
    odd = ['[12] x', '*', 'two\n\nlines', '🙂 测', 'a|b ± 3° …', r'$\foo$ ^~ %#&{}', 'Łù']
    rows = [Row(text, '', text, [Cell(note=text)]) for text in odd]
    table = Table('t', 'A ' + '; '.join(odd), [Column('[g]', '[h]')], rows, notes=odd)
    compile_latex(tmp_path, latex.latex_document([table]))
