"""The whole report: files, workbook, figures, command line, and what it must never import."""

import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest
from matplotlib.image import imread

from reports.report import build_report
from reports.results import load_grid

ROOT = Path(__file__).parents[2]
FIGURES = ('psnr_vs_frame_net', 'psnr_by_video_net_moving', 'r_tradeoff', 'psnr_vs_time', 'drift')


def run_python(*arguments):
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)


def test_everything_is_written(small):
    report = build_report(small.work_dir)
    folder = small.work_dir / 'report'
    drawn = {path for figure in report.figures for path in figure.paths}
    assert {path for _, path in report.outputs} | drawn == set(folder.iterdir())
    names = {path.name for path in folder.iterdir()}
    assert names >= {f'results.{suffix}' for suffix in ('tex', 'csv', 'md', 'xlsx')}
    assert 'results_standalone.tex' in names
    assert '25.00*' in report.summary_text and report.notes == []
    assert '\\textcolor{red}{25.00}' in (folder / 'results.tex').read_text()
    assert 'NET w/ RI' in (folder / 'results.csv').read_text()
    for name in FIGURES:
        image = imread(folder / f'{name}.png')
        assert image[..., :3].std() > 0.02 and min(image.shape[:2]) > 200
        assert (folder / f'{name}.pdf').read_bytes().startswith(b'%PDF')
    assert b'/Type3' not in (folder / 'drift.pdf').read_bytes()


def test_workbook(small):
    build_report(small.work_dir)
    book = openpyxl.load_workbook(small.work_dir / 'report' / 'results.xlsx')
    assert book.sheetnames == ['Summary', 'Per video', 'Per frame', 'Curves', 'Timing', 'Runs']
    summary = {row[1].value: row for row in book['Summary'].iter_rows(max_row=4)}
    heads = [cell.value for cell in summary['Method']]
    ri, best = summary['NET w/ RI'], summary['NET w/ PI (R=8)']
    at = heads.index('Static PSNR')
    assert ri[at].value == pytest.approx(19.0) and ri[at].number_format == '0.00'
    assert ri[heads.index('Static PSNR std')].value == pytest.approx(2**0.5)
    assert ri[heads.index('Static last 50')].value == pytest.approx(17.0)
    assert best[at].font.color.rgb.endswith('C00000')
    assert all(sheet.freeze_panes for sheet in book)
    frames = book['Per frame']
    assert frames.max_row == 1 + 230 and frames.max_column == 3 + 4
    assert book['Curves'].max_row == 1 + 200 and len(book['Curves']._charts) == 1


def test_curves_are_means_over_videos_at_each_frame(fake):
    fake.test_set('a', 'A', one=2, two=4)
    fake.done(fake.run('net', 'RI'), lambda video, t: (10.0 if video == 'one' else 20.0) + t)
    curves = load_grid(fake.save()).curves
    assert list(curves['psnr_y']) == pytest.approx([15.0, 16.0, 22.0, 23.0])


def test_grid_without_any_finished_run(fake):
    fake.test_set('static', 'Static', v=120)
    fake.status(fake.run('net', 'RI'), 'FAILED', 'out of memory')
    fake.run('net', 'PI', repeats=2)
    report = build_report(fake.save())
    names = {path.name for path in (fake.work_dir / 'report').iterdir()}
    assert 'psnr_vs_frame_net.png' in names and 'r_tradeoff.png' not in names
    assert 'index.html' in names
    assert 'failed' in report.summary_text and 'missing' in report.summary_text
    assert any('out of memory' in note for note in report.notes)


def test_a_set_nobody_finished(fake):
    fake.test_set('first', 'First', v=110)
    fake.test_set('later', 'Later', v=1)
    for repeats in (2, 8):
        run_id = fake.run('net', 'PI', repeats=repeats)
        fake.done(run_id, lambda _, t: 25.0, ms=100.0)
        (fake.work_dir / 'runs' / run_id / 'frames_later.csv').unlink()
    report = build_report(fake.save())
    assert 'missing' in report.summary_text and '25.00*' in report.summary_text
    assert any('not evaluated on Later' in note for note in report.notes)


def test_command(small, tmp_path):
    done = run_python('-m', 'reports', str(small.work_dir), '--output', str(tmp_path / 'out'))
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / 'out' / 'results.tex') in done.stdout and '25.00*' in done.stdout
    failed = run_python('-m', 'reports', str(tmp_path / 'nowhere'))
    assert failed.returncode == 2 and 'grid.json does not exist' in failed.stderr


def test_nothing_heavy_is_imported(small):
    code = (
        'import sys; from reports.report import build_report; build_report(sys.argv[1])\n'
        "print([name for name in ('torch', 'mmengine', 'mmagic', 'harness')"
        ' if name in sys.modules])'
    )
    done = run_python('-c', code, str(small.work_dir))
    assert done.stdout.strip() == '[]', done.stderr
    light = run_python('-X', 'importtime', '-m', 'reports', '--help')
    assert 'example:' in light.stdout and 'pandas' not in light.stderr
