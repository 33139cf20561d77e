"""The HTML page as a file: its numbers, links and pictures, without a browser."""

import base64
import json
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest

from reports.figures.drawers import Drawn
from reports.figures.saved_images import SavedImages
from reports.html import payload
from reports.html.page import write_page
from reports.html.tables import table_html
from reports.results import load_grid
from reports.tables import standard


class Page(HTMLParser):
    """Attributes of all elements, the rows of all tables, and the texts of all scripts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.rows, self.blocks, self.shown = [], [], {}, ''
        self._block = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.elements.append((tag, attributes))
        self._block = attributes.get('id', 'code') if tag in ('script', 'style') else None
        if tag == 'tr':
            self.rows.append({'data': attributes, 'cells': []})
        elif tag in ('td', 'th') and self.rows:
            self.rows[-1]['cells'].append({'v': attributes.get('data-v'), 'text': ''})

    def handle_endtag(self, tag):
        if tag in ('script', 'style'):
            self._block = None

    def handle_data(self, data):
        if self._block is not None:
            self.blocks[self._block] = self.blocks.get(self._block, '') + data
            return
        self.shown += data
        if self.rows and self.rows[-1]['cells']:
            self.rows[-1]['cells'][-1]['text'] += data

    @property
    def data(self):
        return json.loads(self.blocks['data'])

    def row(self, *texts):
        """The one row that begins with these cells."""
        found = [r for r in self.rows if [c['text'] for c in r['cells']][: len(texts)] == [*texts]]
        assert len(found) == 1
        return found[0]['cells']


def make_page(fake, budget=None, monkeypatch=None):
    grid = load_grid(fake.save())
    images = SavedImages(fake.work_dir, grid)
    folder = fake.work_dir / 'report'
    drawn = [Drawn('drift', 'A caption.', [folder / 'drift.png', folder / 'drift.pdf'], True)]
    outputs = [('workbook', folder / 'results.xlsx')]
    if budget is not None:
        monkeypatch.setattr('reports.html.page.PICTURE_BYTES', budget)
    all_tables = [standard.main_table(grid), standard.timing_table(grid)]
    path = write_page(grid, images, all_tables, outputs, drawn, folder)
    return Page(path.read_text(encoding='utf-8'))


def unpack(page, quantity, step, low):
    """Curves of a quantity in the order of the page: written anew, from its description."""
    planes = zlib.decompress(base64.b64decode(page.blocks[f'curves-{quantity}']))
    low_bytes, high_bytes = np.frombuffer(planes, np.uint8).reshape(2, -1).astype(int)
    numbers, curves = low_bytes + 256 * high_bytes, {}
    at = 0
    for place, test_set in enumerate(page.data['sets']):
        for video in test_set['videos']:
            for run in test_set['trials']:
                steps = numbers[at : at + video['frames']]
                values = np.cumsum(steps) % 65536
                scaled = np.where(values == payload.MISSING, np.nan, low + step * values)
                curves[place, video['name'], run] = scaled
                at += video['frames']
    assert at == len(numbers)
    return curves


def test_curves_are_those_of_the_csv_files(small):
    rng = np.random.default_rng(0)
    noisy = small.run('net', 'PI', repeats=2, seed=1)
    small.done(noisy, lambda _, t: rng.uniform(5, 45, len(t)))
    page = make_page(small)
    quantity = page.data['quantities'][0]
    assert quantity['key'] == 'psnr_y'
    curves = unpack(page, 'psnr_y', quantity['step'], quantity['low'])
    runs = list(load_grid(small.work_dir).runs['run_id'])
    keys, checked = list(small.grid_json['test_sets']), 0
    for (place, video, run), values in curves.items():
        csv = small.work_dir / 'runs' / runs[run] / f'frames_{keys[place]}.csv'
        frames = pd.read_csv(csv, dtype={'video': str})
        expected = frames.loc[frames['video'] == video, 'psnr_y'].to_numpy()
        assert values == pytest.approx(expected, abs=0.0051)
        checked += len(expected)
    assert checked == 5 * (10 + 20 + 200)


def test_variants_are_methods_of_their_own(varied):
    page = make_page(varied)
    drawn = {method['name']: method['drawn'] for method in page.data['methods']}
    assert drawn == {
        'RI': True,
        'RI, reset every 15': True,
        'RI, reset every 50': True,
        'RI, best checkpoint': False,
        'PI (R=2)': True,
        'PI (R=8)': True,
        'PI (R=8), reset every 15': False,
    }
    about = page.data['quantities'][0]
    curves = unpack(page, 'psnr_y', about['step'], about['low'])
    method = page.data['methods'][1]
    assert len(method['trials']) == 2 and method['color'] == page.data['methods'][0]['color']
    saw = curves[1, 'still', method['trials'][1]]
    assert saw == pytest.approx(25.0 - 0.1 * (np.arange(200) % 15), abs=0.0051)
    links = [a['href'] for tag, a in page.elements if tag == 'a' and 'href' in a]
    assert '../runs/net-RI-RNone-sample-s1/frames_static%40reset15.csv' in links
    runs = [r for r in page.rows if r['cells'] and r['cells'][0]['text'].startswith('net-')]
    assert len(runs) == 4  # one line a run


def test_further_quantities_and_missing_values(small):
    grid = load_grid(small.work_dir)
    flow = np.linspace(0.1, 0.7, len(grid.frames))
    frames = grid.frames.assign(tof=np.where(grid.frames['frame'] == 0, np.nan, flow))
    grid = type(grid)(**{**vars(grid), 'frames': frames})
    encoded = {about['key']: (about, packed) for about, packed in payload.encode_curves(grid)}
    assert list(encoded) == ['psnr_y', 'ssim_y', 'tof']
    about, packed = encoded['tof']
    assert about['label'] == 'tOF (px)'
    planes = np.frombuffer(zlib.decompress(base64.b64decode(packed)), np.uint8).reshape(2, -1)
    first = np.cumsum(planes[0][:10] + 256 * planes[1][:10].astype(int)) % 65536
    assert first[0] == payload.MISSING
    expected = frames['tof'].to_numpy()[1:10]
    assert about['low'] + about['step'] * first[1:] == pytest.approx(expected, abs=1e-4)


def test_numbers_of_the_tables(small):
    page = make_page(small)
    ri = page.row('NET w/ RI', '21.00 ±1.41 / 0.700')
    assert [cell['v'] for cell in ri[1:]] == ['21', '19', '17']
    assert page.row('NET w/ PI (R=8)', '25.00 / 0.700')[1]['v'] == '25'


def test_rows_of_tables_name_their_network_and_training_set(small):
    """The filters of the page go by keys, whatever headings and labels say."""
    small.grid_json['train_sets']['reds'] = {'label': 'Sample: Trained on it'}
    small.done(small.run('net', 'RI', train_set='reds'), lambda _, t: 30.0)
    small.done(small.run('bicubic'), lambda _, t: 21.0)
    grid = load_grid(small.save())
    for table in (standard.main_table(grid), standard.stability_table(grid)):
        rows = Page(table_html(table, grid)).rows
        found = [(r['data'].get('data-n'), r['data'].get('data-t')) for r in rows]
        found = [axes for axes in found if axes != (None, None)]
        assert found == [('net', 'sample')] * 3 + [('net', 'reds')]
    across = Page(table_html(standard.strategies_table(grid), grid)).rows
    assert {r['data'].get('data-n') for r in across} == {None, 'net'}
    assert {r['data'].get('data-t') for r in across} == {None}


def test_a_methods_link_leaves_out_its_variants(varied):
    grid = load_grid(varied.work_dir)
    page = Page(table_html(standard.main_table(grid), grid))
    words = [a['data-words'] for tag, a in page.elements if a.get('class') == 'method']
    assert words[0] == '"NET w/ RI" -"NET w/ RI,"'
    assert words[1] == '"NET w/ RI, reset every 15"'
    assert words[4] == '"NET w/ PI (R=2)"'  # is evaluated in one way only


def test_videos_and_runs_lead_to_their_files(small):
    failed = small.run('net', 'PI', fc=True, repeats=8)
    small.status(failed, 'FAILED', 'loss is <not> finite')
    page = make_page(small)
    videos = [r for r in page.rows if [c['text'] for c in r['cells']][2:4] == ['Static', 'still']]
    assert len(videos) == 4
    lines = [[cell['text'] for cell in row['cells']] for row in page.rows]
    heads = next(line for line in lines if 'Video' in line)
    assert videos[0]['cells'][heads.index('drift (dB)')]['text'] == '\u22124.00'
    assert 'loss is <not> finite' in page.shown and 'Not in the tables' in page.shown
    run = page.row(failed, 'failed')
    assert run[2]['text'] == 'loss is <not> finite (train, iteration 120 of 600)'
    folder = small.work_dir / 'report'
    links = [a['href'] for tag, a in page.elements if tag == 'a' and 'href' in a]
    assert {'results.xlsx', 'drift.pdf', 'drift.png'} <= set(links)
    run_links = [link for link in links if link.startswith('../')]
    assert len(run_links) > 20
    for link in run_links:
        assert (folder / unquote(link)).exists()
    assert '../runs/net-PI-R2-sample-s0/frames_static.csv' in run_links
    assert '../runs/net-PI-R2-sample-s0/timing.json' in run_links


def test_nothing_comes_from_the_network(pictured):
    page = make_page(pictured)
    addresses = [a[k] for _, a in page.elements for k in ('href', 'src') if a.get(k)]
    assert addresses and not any(re.match(r'(\w+:)?//', address) for address in addresses)
    code = page.blocks['code']
    assert 'http' not in code and '@import' not in code and 'url(' not in code


def test_names_cannot_break_the_page(fake):
    name = '</script><b onload="x">&amp;'
    fake.grid_json['name'] = name
    fake.grid_json['networks']['net'] = {'label': name}
    fake.test_set('a', name, v=120)
    fake.done(fake.run('net', 'RI'), lambda _, t: 20.0)
    page = make_page(fake)
    assert page.data['sets'][0]['label'] == name
    assert page.data['methods'][0]['networkLabel'] == name
    assert not [tag for tag, _ in page.elements if tag == 'b']
    assert page.shown.count(name) > 5


def test_pictures_are_inside_the_page_each_once(pictured):
    page = make_page(pictured)
    (entry,) = page.data['pictures']
    assert entry['frames'] == [0, 100, 199] and entry['set'] == 1 and entry['video'] == 0
    names = [shown['name'] for shown in entry['shown']]
    assert names == ['GT', 'Bicubic', 'NET w/ RI', 'NET w/ PI (R=2)', 'NET w/ PI (R=8)']
    gt, _, ri, pi, _ = (shown['pictures'] for shown in entry['shown'])
    # Ground truth, PI and RI's first frame are the same picture; RI gets darker with time.
    assert gt == pi == [0, 0, 0] and ri == [0, 1, 1]
    assert sum(name.startswith('picture-') for name in page.blocks) == 2
    reference = pictured.work_dir / 'references/static/still/00000000_gt.png'
    assert base64.b64decode(page.blocks['picture-0']) == reference.read_bytes()
    assert entry['shown'][2]['trial'] == 0 and entry['shown'][2]['seed'] == 0
    assert entry['shown'][0]['trial'] is None


def test_pictures_beyond_the_budget_are_linked(pictured, monkeypatch):
    reference = pictured.work_dir / 'references/static/still/00000000_gt.png'
    size = reference.stat().st_size
    page = make_page(pictured, budget=size + 10, monkeypatch=monkeypatch)
    (entry,) = page.data['pictures']
    found = [picture for shown in entry['shown'] for picture in shown['pictures']]
    assert found[0] == 0
    outside = [picture for picture in found if isinstance(picture, str)]
    assert outside and 'picture-1' not in page.blocks
    for picture in outside:
        assert (pictured.work_dir / 'report' / unquote(picture)).is_file()
    assert f'{len(outside)} pictures are not embedded in this page' in ' '.join(page.shown.split())


def test_a_grid_without_results(fake):
    fake.test_set('static', 'Static', v=120)
    fake.status(fake.run('net', 'RI'), 'FAILED', 'out of memory')
    page = make_page(fake)
    assert page.data['methods'][0]['note'] == 'failed'
    assert page.data['pictures'] == [] and '0 of 1 runs done: 1 failed.' in page.shown
    assert 'out of memory' in page.shown


def test_colours_are_those_of_the_figures(small):
    from reports.figures.style import looks

    page = make_page(small)
    grid = load_grid(small.work_dir)
    styles = looks(grid.methods, grid.record.strategies)
    for method in page.data['methods']:
        assert method['color'] == styles[method['name']].color


def test_assets_are_installed():
    setup = (Path(__file__).parents[3] / 'setup.cfg').read_text()
    assert 'reports = *.csv, html/assets/*' in setup
