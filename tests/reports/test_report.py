"""The whole report: files, workbook, figures, command line, and forbidden imports."""

import copy
import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from reports.__main__ import main
from reports.figures.style import looks
from reports.report import build_report
from reports.results import load_grid
from reports.tables.standard import STANDARD_TABLES
from tests.reports.conftest import FakeGrid

ROOT = Path(__file__).parents[2]
FIGURES = (
    *('curves/psnr_vs_frame_net', 'videos/psnr_by_video_net_moving', 'overall/r_tradeoff'),
    *('overall/psnr_vs_time', 'overall/drift'),
)


def run_python(*arguments):
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
def test_everything_is_written(small):
    report = build_report(small.work_dir)
    folder = small.work_dir / 'report'
    drawn = {path.relative_to(folder) for figure in report.figures for path in figure.paths}
    written = {path.relative_to(folder) for path in folder.rglob('*') if path.is_file()}
    named = {path.relative_to(folder) for _, path in report.outputs} | drawn
    formats = {path.with_suffix(end) for path in named for end in ('.csv', '.md')}
    named = named - {Path('cards')} | {path for path in written if path.parent == Path('cards')}
    assert named <= written <= named | formats | {Path('.stamps.json')}
    names = {str(path) for path in written}
    # what a reader finds first, and nothing else
    assert {n for n in names if '/' not in n} == {'index.html', 'results.xlsx', '.stamps.json'}
    assert [path.name for _, path in report.places] == [
        *('index.html', 'results.xlsx', 'tables', 'figures', 'data', 'cards')
    ]
    assert names >= {f'tables/results.{suffix}' for suffix in ('tex', 'md')}
    assert 'tables/results_standalone.tex' in names
    tables = ('main', 'stability', 'differences', 'timing', 'tradeoff', 'sets')
    assert names >= {f'tables/{t}.{end}' for t in tables for end in ('tex', 'md', 'csv')}
    frames = ('runs', 'evaluations', 'videos', 'differences', 'paper_comparison')
    assert names >= {f'data/{name}.csv' for name in ('results', *frames)}
    assert '25.00*' in report.summary_text and report.notes == report.problems == []
    assert '\\textcolor{red}{25.00}' in (folder / 'tables' / 'main.tex').read_text()
    assert 'NET w/ RI' in (folder / 'data/results.csv').read_text()
    for name in FIGURES:
        image = imread(folder / f'figures/{name}.png')
        assert image[..., :3].std() > 0.02 and min(image.shape[:2]) > 200
        assert (folder / f'figures/{name}.pdf').read_bytes().startswith(b'%PDF')
    assert b'/Type3' not in (folder / 'figures/overall/drift.pdf').read_bytes()


@pytest.mark.slow
@pytest.mark.usefixtures('two_figures')
def test_every_number_can_be_traced_to_the_frames(small):
    """From a cell of a table over its runs to the CSV files, read here without our code."""
    build_report(small.work_dir)
    folder = small.work_dir / 'report'
    table = pd.read_csv(folder / 'tables' / 'main.csv')
    files = pd.read_csv(folder / 'data/evaluations.csv').set_index(['trial_id', 'test_set'])['file']
    keys = {'Moving': 'moving', 'Static': 'static'}
    checked = 0
    for cell in table.itertuples():
        means = []
        for run in cell.runs.split('; '):
            frames = pd.read_csv(small.work_dir / files[run, keys[cell.group]])
            if cell.column == 'last 50':
                frames = frames[frames['frame'] >= 150]
            means.append(frames.groupby('video')['psnr_y'].mean().mean())
        assert cell.value == pytest.approx(sum(means) / len(means))
        checked += 1
    assert checked == 9


def test_curves_are_means_over_videos_at_each_frame(fake):
    fake.test_set('a', 'A', one=2, two=4)
    fake.done(fake.run('net', 'RI'), lambda video, t: (10.0 if video == 'one' else 20.0) + t)
    curves = load_grid(fake.save()).curves
    assert list(curves['psnr_y']) == pytest.approx([15.0, 16.0, 22.0, 23.0])


@pytest.mark.slow
def test_grid_without_any_finished_run(fake):
    fake.test_set('static', 'Static', v=120)
    fake.status(fake.run('net', 'RI'), 'FAILED', 'out of memory')
    fake.run('net', 'PI', repeats=2)
    report = build_report(fake.save())
    names = {path.name for path in (fake.work_dir / 'report').rglob('*')}
    assert 'psnr_vs_frame_net.png' in names and 'r_tradeoff.png' not in names
    assert 'index.html' in names
    assert 'failed' in report.summary_text and 'missing' in report.summary_text
    assert any('out of memory' in note for note in report.notes)


@pytest.mark.slow
def test_a_set_nobody_finished(fake):
    fake.test_set('first', 'First', v=110)
    fake.test_set('later', 'Later', v=1)
    for repeats in (2, 8):
        run_id = fake.run('net', 'PI', repeats=repeats)
        fake.done(run_id, lambda _, t: 25.0, ms=100.0)
        (fake.work_dir / 'runs' / run_id / 'frames_later.csv').unlink()
    report = build_report(fake.save())
    assert 'missing' in report.summary_text and '25.00*' in report.summary_text
    assert any('Later: not evaluated' in note for note in report.notes)


@pytest.mark.slow
def test_command(small, tmp_path, capsys):
    done = run_python('-m', 'reports', str(small.work_dir), '--output', str(tmp_path / 'out'))
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / 'out' / 'results.xlsx') in done.stdout and '25.00*' in done.stdout
    assert main([str(tmp_path / 'nowhere')]) == 2
    assert 'grid.json does not exist' in capsys.readouterr().err


def failing(*arguments):
    raise RuntimeError('no\nluck')


NET, DARK = 'net-RI-RNone-sample-s0', np.full((32, 48, 3), 9, np.uint8)
CURVES, DRIFT = 'figures/curves/psnr_vs_frame_net.png', 'figures/overall/drift.png'
MAIN = 'tables/main.'
OUTPUTS = [
    ('reports.tables.files.differences', 'paired differences', ()),
    ('reports.tables.files.compare', "the papers' numbers beside ours", ()),
    ('reports.tables.files.sets_table', 'table sets', ('tables/sets.csv',)),
    ('reports.tables.files.write_workbook', 'results.xlsx', ('results.xlsx',)),
    ('reports.tables.latex._latex_table', 'tables/main.tex', ('tables/results.tex', MAIN + 'tex')),
    ('reports.tables.markdown._markdown_table', 'tables/results.md', (MAIN + 'md',)),
    ('reports.report.write_page', 'index.html', ('index.html',)),
    ('reports.report.latex_figures', 'figures/figures.tex', ('figures/figures.tex',)),
    ('reports.figures.frames._line', 'figure "PSNR vs frame, NET"', (CURVES,)),
    ('reports.figures.catalogue.networks_and_sets', 'figures', (CURVES,)),
    ('reports.figures.style.save', 'figure "drift"', (DRIFT, CURVES)),
]


@pytest.mark.slow
@pytest.mark.usefixtures('two_figures')
@pytest.mark.parametrize(('broken', 'what', 'missing'), OUTPUTS)
def test_an_output_that_fails_costs_no_other(small, monkeypatch, broken, what, missing):
    monkeypatch.setattr(broken, failing)
    report = build_report(small.work_dir)
    line = f'{what} could not be written: RuntimeError: no luck'
    assert line in report.problems and report.notes[: len(report.problems)] == report.problems
    folder = small.work_dir / 'report'
    kept = {'data/results.csv', 'data/runs.csv', 'tables/results.tex', 'results.xlsx', 'index.html'}
    kept |= {'tables/main.csv', CURVES, DRIFT}
    if 'figures' in what or 'figure "drift"' in what:
        kept -= {DRIFT, CURVES}
    for name in kept - set(missing):
        assert (folder / name).is_file(), name
    for name in missing:
        assert not (folder / name).exists()


@pytest.mark.slow
@pytest.mark.usefixtures('two_figures')
def test_a_table_that_fails_is_left_out(small, monkeypatch):
    monkeypatch.setitem(STANDARD_TABLES, 'stability', failing)
    report = build_report(small.work_dir)
    (line,) = report.problems
    assert line == 'table stability could not be written: RuntimeError: no luck'
    names = {path.stem for path in (small.work_dir / 'report/tables').glob('*.tex')}
    assert {'main', 'timing', 'tradeoff', 'sets'} <= names and 'stability' not in names


@pytest.mark.slow
@pytest.mark.usefixtures('two_figures')
def test_a_process_that_draws_is_killed(small, monkeypatch):
    monkeypatch.setattr('reports.figures.frames._line', lambda *_: os.kill(os.getpid(), 9))
    report = build_report(small.work_dir)
    assert any('a drawing process was killed' in line for line in report.problems)
    assert (small.work_dir / 'report/results.xlsx').is_file() and report.figures == []


def test_a_full_disk(small, monkeypatch, capsys):
    """There is no space for the third file: one line, and the two files before it stay."""
    real, count = os.replace, [0]

    def replace(source, target):
        count[0] += 1
        if count[0] > 2:
            raise OSError(errno.ENOSPC, 'No space left on device', str(target))
        real(source, target)

    monkeypatch.setattr('os.replace', replace)
    monkeypatch.setattr('reports.report.Drawers', lambda *_: None)  # only what is written here
    assert main([str(small.work_dir)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert 'No space left on device' in line
    assert line.startswith('error: tables/results_standalone.tex and all')
    names = {path.name for path in (small.work_dir / 'report').rglob('*.*')}
    assert names == {'results.xlsx', 'results.tex'}


@pytest.mark.slow
@pytest.mark.usefixtures('two_figures')
def test_a_full_disk_where_figures_are_drawn(small, monkeypatch):
    def save(figure, folder, name):
        raise OSError(errno.ENOSPC, 'No space left on device', name)

    monkeypatch.setattr('reports.figures.style.save', save)
    report = build_report(small.work_dir)
    assert len(report.problems) == 1 and 'No space left' in report.problems[0]


def test_an_output_that_is_no_folder(small, tmp_path, capsys):
    path = tmp_path / 'file'
    path.write_text('mine')
    for output in (path, path / 'below'):
        assert main([str(small.work_dir), '--output', str(output)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f'error: {output} cannot be the folder of a report: ')
    assert path.read_text() == 'mine'


@pytest.mark.slow
@pytest.mark.usefixtures('two_figures')
def test_a_folder_in_the_place_of_a_file(small):
    (small.work_dir / 'report/data/results.csv').mkdir(parents=True)
    report = build_report(small.work_dir)
    (line,) = report.problems
    assert line.startswith('data/results.csv could not be written: Is a directory')
    assert (small.work_dir / 'report/index.html').is_file()


@pytest.mark.slow
def test_nothing_heavy_is_imported(small):
    code = (
        'import sys; from reports.report import build_report; build_report(sys.argv[1])\n'
        "print([name for name in ('torch', 'mmengine', 'mmagic', 'harness.grid')"
        ' if name in sys.modules])'
    )
    done = run_python('-c', code, str(small.work_dir))
    assert done.stdout.strip() == '[]', done.stderr
    light = run_python('-X', 'importtime', '-m', 'reports', '--help')
    assert 'examples:' in light.stdout and 'pandas' not in light.stderr


@pytest.mark.slow
def test_a_grid_of_published_networks(fake):
    """Nothing is trained: every network has its own colour and curve."""
    fake.grid_json['train_sets'] = {}
    fake.test_set('static', 'Static', still=200, other=200)
    for number, network in enumerate(('reds', 'vimeo', 'bicubic')):
        run = fake.run(network, train_set='')
        fake.done(run, lambda _, t, n=number: 20.0 + n - 0.01 * t)
        fake.record(run, static={'checksum': 'c'})
    run = 'reds-None-RNone--s0'
    trial = fake.variant(run, 'reset15', 15)
    fake.frames(trial, 'static', lambda _, t: 26.0 - 0.1 * (t % 15))
    work_dir = fake.save()
    fake.pictures(
        'static', 'still', [0, 199], lambda who, frame: np.full((32, 48, 3), 90, np.uint8)
    )
    report = build_report(work_dir)
    assert not report.problems
    names = {path.stem for figure in report.figures for path in figure.paths}
    assert {'psnr_vs_frame_all', 'psnr_by_video_all_static', 'psnr_since_reset_all'} <= names
    assert {'comparison_all_static_still', 'frames_all_static', 'profiles_all_static'} <= names
    found = looks(load_grid(work_dir).methods, {})
    assert len({look.color for look in found.values()}) == 3
    assert found['REDS'].color == found['REDS, reset every 15'].color
    assert found['REDS'].line != found['REDS, reset every 15'].line
    assert 'REDS, reset every 15' in report.summary_text


def written_at(folder: Path) -> dict[str, int]:
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob('*.*')}


@pytest.fixture(scope='module')
def made_once(tmp_path_factory):
    """Two small networks with pictures, and their report."""
    fake = FakeGrid(tmp_path_factory.mktemp('made') / 'work')
    fake.test_set('static', 'Static', still=120)
    for number, network in enumerate(('net', 'other')):
        fake.done(fake.run(network, 'RI'), lambda _, t, n=number: 20.0 + n, ms=90.0)
    fake.pictures('static', 'still', [0, 119], lambda *_: np.full((32, 48, 3), 90, np.uint8))
    fake.save()
    return fake, build_report(fake.work_dir)


@pytest.fixture
def reported(made_once, tmp_path):
    """A copy of ``made_once``, with a method that reports again and gives the files it made."""
    original, first = made_once
    shutil.copytree(original.work_dir, tmp_path / 'work')
    fake = FakeGrid(tmp_path / 'work')
    fake.grid_json = copy.deepcopy(original.grid_json)
    folder = fake.work_dir / 'report'

    def again() -> set[str]:
        before = written_at(folder)
        report = build_report(fake.save())
        after = written_at(folder)
        after.pop('.stamps.json')
        assert report.problems == []
        # a kept output is told of like one that is made
        assert 'NET w/ RI' in report.summary_text or 'New' in report.summary_text
        assert {path.name for _, path in report.outputs} >= {p.name for _, p in first.outputs}
        assert all(path.is_file() for figure in report.figures for path in figure.paths)
        return {name for name, time in after.items() if before.get(name) != time}

    fake.again, fake.first = again, first
    return fake


@pytest.mark.slow
def test_a_report_of_the_same_results_is_kept(reported):
    assert reported.again() == set()
    (reported.work_dir / 'report' / CURVES).unlink()
    (reported.work_dir / 'report/data/runs.csv').write_text('damaged')
    made = reported.again()
    assert {name for name in made if name.startswith('figures/')} == {
        *(CURVES, CURVES.replace('png', 'pdf'))
    }
    assert {'data/runs.csv', 'results.xlsx', 'tables/main.tex'} <= made


@pytest.mark.slow
def test_a_new_run_changes_only_the_figures_it_is_in(reported):
    reported.done(reported.run('other', 'PI', repeats=2), lambda _, t: 24.0, ms=95.0)
    made = {name for name in reported.again() if name.endswith('.png')}
    assert 'figures/curves/psnr_vs_frame_other.png' in made
    assert [name for name in made if '/overall/' not in name and '_other' not in name] == []
    page = (reported.work_dir / 'report/index.html').read_text()
    assert 'OTHER w/ PI (R=2)' in page and 'psnr_vs_frame_net.png' in page


@pytest.mark.slow
@pytest.mark.parametrize(
    ('change', 'made'),
    [
        (lambda fake: fake.frames(NET, 'static', lambda _, t: 21.0), CURVES),
        (lambda fake: fake.grid_json['networks']['net'].update(label='New'), CURVES),
        (
            lambda fake: fake.pictures('static', 'still', [0], lambda *_: DARK),
            'figures/pictures/comparison_net_static_still.png',
        ),
        (lambda fake: fake.status(NET, 'FAILED', 'x'), 'data/runs.csv'),
    ],
    ids=['scores', 'label', 'pictures', 'status'],
)
def test_what_has_changed_is_made_again(reported, change, made):
    change(reported)
    assert made in reported.again()


@pytest.mark.slow
def test_files_of_methods_that_are_gone_are_removed_but_not_those_of_users(reported):
    folder = reported.work_dir / 'report'
    edited = folder / 'figures/curves/psnr_vs_frame_other.pdf'
    edited.write_bytes(b'mine')
    (folder / 'notes.txt').write_text('mine')
    runs = reported.grid_json['runs']
    runs[:] = [run for run in runs if run['network'] != 'other']
    reported.again()
    assert edited.read_bytes() == b'mine' and (folder / 'notes.txt').is_file()
    assert not edited.with_suffix('.png').exists() and (folder / CURVES).is_file()
