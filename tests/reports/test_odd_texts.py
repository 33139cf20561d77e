"""A whole report of a grid with labels, names and reasons designed to break formats."""

import json
import re

import openpyxl
import pandas as pd
import pytest
from openpyxl.utils import get_column_letter

from reports.figures import frames
from reports.report import build_report
from reports.results import load_grid

LABELS = [
    r'Static $\foo$',
    '$',
    '=1+1',
    '@x',
    '#REF!',
    '[12] X',
    'a|b\nc',
    '<!--<script></script>',
    '🙂 测 \u202e',
    'NA',
    'null',
    '\x1b[1mbold\x1b[0m',
    'half \ud800',
    '\\input{/etc/passwd}',
    "'; --",
]
VIDEOS = ['NA', 'null', 'None', 'nan', '=2', 'a|b', '<b>', '$x_', '🙂', 'a b', 'a_b']


@pytest.fixture
def odd(fake):
    """Each label names a network, a training set and a test set in turn; videos have odd names."""
    fake.grid_json['name'] = LABELS[7]
    fake.grid_json['train_sets'] = {'a': {'label': LABELS[0]}, 'b': {'label': LABELS[7]}}
    for number, label in enumerate(LABELS):
        names = VIDEOS if number == 0 else VIDEOS[number % 11 :][:1]
        fake.test_set(f'set{number}', label, **dict.fromkeys(names, 100 if number < 2 else 2))
    for number, label in enumerate(LABELS[:3]):
        for train_set in 'a' if number else 'ab':
            for strategy, repeats in (('RI', None), ('PI', 2)):
                run = fake.run(f'net{number}', strategy, repeats=repeats, train_set=train_set)
                fake.done(run, lambda _, t, n=number: 20.0 + n, ms=100.0)
        fake.grid_json['networks'][f'net{number}'] = {'label': label}
    for number, label in enumerate(LABELS[3:]):
        key = fake.external(f'x{number}', label)
        for test_set in fake.grid_json['test_sets']:
            fake.frames(key, test_set, lambda _, t: 30.0, **{'my <score>': 1.0})
    failed = fake.run('net0', 'RI', seed=1, train_set='a')
    fake.status(failed, 'FAILED', '\x1b[1mRuntimeError\x1b[0m\n\\input{x} \x07 </script> \ud800')
    fake.save()
    return fake


@pytest.mark.slow
def test_every_output_is_written_and_readable(odd):
    report = build_report(odd.work_dir)
    assert report.problems == []
    folder = odd.work_dir / 'report'
    for path in folder.rglob('*.*'):
        if path.suffix in ('.tex', '.md', '.csv', '.html'):
            text = path.read_text(encoding='utf-8')
            assert not re.search('[\x00-\x08\x0b-\x1f\ud800-\udfff\u202e]', text), path
    _check_csv(folder)
    _check_latex(folder)
    _check_page(folder)
    _check_workbook(folder)
    assert not any('\n' in note or '\x1b' in note for note in report.notes)
    assert sum(note.startswith('FAILED') for note in report.notes) == 1


def _check_csv(folder):
    videos = pd.read_csv(folder / 'data/videos.csv', dtype=str, keep_default_na=False)
    assert set(videos['video']) == {*VIDEOS, "'=2"} - {'=2'}
    cells = pd.read_csv(folder / 'tables/main.csv', dtype=str, keep_default_na=False)
    assert {'NA', 'null', "'=1+1", "'@x", 'bold', 'half \ufffd'} <= set(cells['group'])
    assert not any(str(text).startswith(('=', '@')) for text in cells.to_numpy().ravel())


def _check_latex(folder):
    for line in (folder / 'tables/results.tex').read_text().splitlines():
        assert not line.startswith(('[', '*', '\\input'))
        assert line.startswith('%') or (line.isascii() and '<' not in line)


def _check_page(folder):
    page = (folder / 'index.html').read_text()
    (data,) = re.findall(r'<script[^>]* id="data">(.*?)</script>', page)
    assert '<' not in data and json.loads(data)['sets'][7]['label'] == LABELS[7]
    assert page.count('<!--') == 0


def _check_workbook(folder):
    book = openpyxl.load_workbook(folder / 'results.xlsx')
    kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
    assert kinds <= {'s', 'inlineStr', 'n', 'b'}  # no formulas, no errors
    summary = {cell.value for row in book['Summary'].iter_rows() for cell in row}
    assert '=1+1 PSNR' in summary
    assert any(text.startswith('=1+1 w/ RI') for text in summary if isinstance(text, str))
    wide = book['Curves']
    assert wide[f'{get_column_letter(wide.max_column)}1'].data_type == 's'


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore:Glyph')
def test_figures_show_the_characters_of_the_tables(odd):
    grid = load_grid(odd.work_dir)
    figure = frames.psnr_vs_frame(grid, 'net0', 'a')
    figure.draw_without_rendering()  # broken mathtext raises here
    assert figure.axes[0].get_title().startswith(LABELS[0])
    assert all(not axes.title.get_parse_math() for axes in figure.axes)
