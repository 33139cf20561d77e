"""Tables: ranks, marks of missing cells, and the numbers in every text format."""

import shutil
import subprocess

import pytest

from reports import render, tables
from reports.results import load_grid
from reports.tables import BEST, SECOND, Cell, Row


def ranks(*values):
    rows = [Row('', 'net', str(i), [Cell(value=value)]) for i, value in enumerate(values)]
    return [row.cells[0].rank for row in tables.rank_rows(rows)]


def test_best_and_second():
    assert ranks(20.0, 25.0, 23.0) == [0, BEST, SECOND]


def test_numbers_that_print_alike_share_a_rank():
    assert ranks(30.641, 30.63, 30.644) == [BEST, 0, BEST]
    assert ranks(20.0, 30.0, 20.001, 10.0) == [SECOND, BEST, SECOND, 0]


def test_small_sections_and_gaps():
    assert ranks(20.0) == [0]
    assert ranks(20.0, 25.0) == [0, BEST]
    assert ranks(float('nan'), 25.0, 24.0) == [0, BEST, 0]


def test_networks_do_not_compete():
    rows = [Row('', net, net, [Cell(value=v)]) for net, v in zip('aabb', (1, 2, 8, 9), strict=True)]
    assert [row.cells[0].rank for row in tables.rank_rows(rows)] == [0, BEST, 0, BEST]


def test_main_table(small):
    table = tables.main_table(load_grid(small.work_dir))
    heads = [(column.group, column.header) for column in table.columns]
    assert heads == [('Moving', 'PSNR/SSIM'), ('Static', 'PSNR/SSIM'), ('Static', 'last 50')]
    last50 = {row.label: row.cells[2] for row in table.rows}
    assert last50['NET w/ RI'].value == pytest.approx(17.0)
    assert [cell.rank for cell in last50.values()] == [0, SECOND, BEST]
    for words in ('Moving (2 videos of 10 to 20 frames)', '1 to 2 per method', '4 of 4 runs done'):
        assert words in table.caption


def test_formats_of_main_table(small):
    failed = small.run('net', 'PI', fc=True, repeats=8)
    small.status(failed, 'FAILED', 'loss is not finite')
    small.run('net', 'PI', repeats=8, seed=1)
    table = tables.main_table(load_grid(small.save()))
    tex = render.latex_fragment([table])
    assert 'NET w/ PI \\& FC (R=8) & \\emph{failed} & \\emph{failed}' in tex
    assert '19.00{\\scriptsize$\\pm$1.41}/0.700' in tex
    assert '\\textcolor{red}{25.00}\\textsuperscript{1/2}/0.700' in tex
    assert '\\textcolor{blue}{23.00}' in tex
    assert '4 of 6 runs done: 1 failed, 1 missing.' in tex and 'loss is not finite' in tex
    text = render.markdown([table])
    assert '19.00 ± 1.41 / 0.700' in text and '**25.00** (1/2)' in text and '| failed |' in text
    plain = render.plain_text(table)
    assert '25.00*~' in plain and '23.00+' in plain and 'failed' in plain
    assert max(map(len, plain.splitlines())) <= 100


def test_training_sets_get_headings(small):
    small.plan['train_sets']['reds'] = {'label': 'REDS_train'}
    small.done(small.run('net', 'RI', train_set='reds'), lambda _, t: 30.0)
    table = tables.main_table(load_grid(small.save()))
    assert table.rows[-1].heading == 'Trained on REDS_train'
    assert table.rows[-1].cells[0].rank == 0  # alone in its training set
    assert '\\emph{Trained on REDS\\_train}' in render.latex_fragment([table])
    assert '[Trained on REDS_train]' in render.plain_text(table)


def test_timing_table(small):
    rows = {r.label: r.cells for r in tables.timing_table(load_grid(small.work_dir)).rows}
    values = [cell.value for cell in rows['NET w/ RI']]
    assert values == pytest.approx([0.03789, 100.5, 10.05, 20.1, 70.35, 5.0])


def test_tradeoff_table(small):
    small.done(small.run('net', 'PI', fc=True, repeats=8), lambda _, t: 30.0, ms=60.0)
    table = tables.tradeoff_table(load_grid(small.save()))
    assert [row.label for row in table.rows] == ['NET w/ RI', 'NET w/ PI (R=2)', 'NET w/ PI (R=8)']
    ri, r2, r8 = ([cell.value for cell in row.cells] for row in table.rows)
    assert ri == pytest.approx([100.5, 21.0, 19.0, 20.0])
    assert r2 == pytest.approx([200.0, 23.0, 23.0, 23.0])
    assert r8 == pytest.approx([50.0, 25.0, 25.0, 25.0])
    assert table.rows[0].cells[0].rank == 0  # time is not ranked


def test_no_tradeoff_without_pi(fake):
    fake.test_set('a', 'A', v=3)
    fake.run('net', 'RI')
    assert tables.tradeoff_table(load_grid(fake.save())) is None


@pytest.mark.skipif(shutil.which('pdflatex') is None, reason='pdflatex is not installed')
def test_document_compiles_and_fits(small, tmp_path):
    small.plan['networks']['net']['label'] = 'N_e%t & $co^{~}\\<>#'
    grid = load_grid(small.save())
    both = [tables.main_table(grid), tables.timing_table(grid), tables.tradeoff_table(grid)]
    (tmp_path / 'page.tex').write_text(render.latex_document(both))
    command = ['pdflatex', '-interaction=nonstopmode', '-halt-on-error', 'page.tex']
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert 'Overfull' not in done.stdout
