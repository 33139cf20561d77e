"""Runs evaluated in several variants: resets of the state, the best checkpoint."""

import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from openpyxl import Workbook

from harness.runs.files import InvalidFile
from reports.differences import differences
from reports.excel.charts import add_charts, curve_frame
from reports.figures import comparisons, frames, profiles, resets, style
from reports.figures.saved_images import SavedImages
from reports.figures.selection import methods_of
from reports.paper import compare
from reports.report import build_report
from reports.results import load_grid
from reports.tables import standard
from reports.tables.captions import variants_note
from reports.tables.differences import differences_table
from reports.tables.model import BEST, SECOND

RI = 'NET w/ RI'
PLAIN = [RI, 'NET w/ PI (R=2)', 'NET w/ PI (R=8)']
METHODS = [
    *(RI, f'{RI}, reset every 15', f'{RI}, reset every 50', f'{RI}, best checkpoint'),
    *('NET w/ PI (R=2)', 'NET w/ PI (R=8)', 'NET w/ PI (R=8), reset every 15'),
]
DRAWN = ['RI', 'RI, reset every 15', 'RI, reset every 50', 'PI (R=2)', 'PI (R=8)']


def test_variants_stand_below_their_plain_method(varied):
    # Planned in another order, and not for all seeds.
    varied.variant('net-RI-RNone-sample-s1', 'reset8', 8)
    varied.variant('net-PI-R8-sample-s0', 'best15', 15, 'best')
    grid = load_grid(varied.save())
    assert [m.name for m in grid.methods] == [
        RI,
        f'{RI}, reset every 8',
        *METHODS[1:],
        'NET w/ PI (R=8), reset every 15, best checkpoint',
    ]
    assert [m.name for m in grid.plain_methods] == PLAIN
    assert len(grid.runs) == 4 and len(grid.trials) == 4 + 2 * 3 + 1 + 2
    cells = grid.cells.set_index(['method', 'test_set'])
    assert cells.loc[(f'{RI}, reset every 8', 'static'), 'seeds_planned'] == 1
    assert cells.loc[(f'{RI}, reset every 8', 'static'), 'status'] == 'missing'
    # One line for each trial, not for each of its test sets.
    notes = [note for note in grid.notes() if '@reset8' in note]
    assert notes == [
        'missing  net-RI-RNone-sample-s1@reset8: Moving: not evaluated; Static: not evaluated'
    ]


def test_numbers_of_variants(varied):
    path = varied.work_dir / 'runs/net-RI-RNone-sample-s0/frames_static@reset15.csv'
    path.write_text(path.read_text().replace(',5.0\n', ',500.0\n'))
    grid = load_grid(varied.work_dir)
    cells = grid.cells.set_index(['method', 'test_set'])
    reset = cells.loc[(f'{RI}, reset every 50', 'static')]
    assert reset['psnr_y'] == pytest.approx(24.5 - 0.1 * np.mean(np.arange(50)))
    assert reset['psnr_y_std'] == pytest.approx(math.sqrt(0.5))
    assert (reset['reset_every'], reset['checkpoint']) == (50, 'last')
    runs = [f'net-RI-RNone-sample-s{seed}' for seed in (0, 1)]
    assert reset['run_ids'] == '; '.join(f'{run}@reset50' for run in runs)
    assert reset['files'] == '; '.join(f'runs/{r}/frames_static@reset50.csv' for r in runs)
    plain = cells.loc[(RI, 'static')]
    assert plain['psnr_y'] == pytest.approx(19.0) and math.isnan(plain['reset_every'])
    assert grid.runs['inference_ms'].tolist() == [5.0] * 4  # of plain evaluations


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda run: run.update(variants=[]), 'the plain variant is missing'),
        (lambda run: run['variants'][1].pop('reset_every'), 'reset_every'),
    ],
)
def test_malformed_variants(varied, change, message):
    change(varied.grid_json['runs'][0])
    with pytest.raises(InvalidFile, match=message):
        load_grid(varied.save())


def test_tables(varied):
    grid = load_grid(varied.work_dir)
    table = standard.main_table(grid)
    rows = {row.label: row.cells for row in table.rows}
    assert list(rows) == METHODS
    # Best and second best: PI with resets, PI; RI's best checkpoint has nobody to compete with.
    assert rows['NET w/ PI (R=8), reset every 15'][0].rank == BEST
    assert rows['NET w/ PI (R=8)'][0].rank == SECOND
    assert rows[f'{RI}, best checkpoint'][0].value == 26.5
    assert rows[f'{RI}, best checkpoint'][0].rank == 0
    assert table.rivals == 'each network, last and best checkpoints apart'
    assert 'Reset every N' in table.caption and 'Best checkpoint' in table.caption
    stability = standard.stability_table(grid)
    assert [row.label for row in stability.rows] == METHODS
    assert stability.rows[3].cells[0].rank == 0
    for once in (standard.timing_table(grid), standard.tradeoff_table(grid)):
        assert [row.label for row in once.rows] == PLAIN


def test_grids_without_variants_do_not_mention_them(small):
    grid = load_grid(small.work_dir)
    assert variants_note(grid) == '' and standard.main_table(grid).rivals == 'each network'
    assert resets.psnr_since_reset(grid, 'net', 'sample') is None


def test_papers_are_compared_with_plain_evaluations(varied):
    varied.grid_json['networks']['net']['paper'] = 'FRVSR'
    varied.grid_json['train_sets']['sample'] |= {'paper': 'Vimeo', 'videos': {'a': 120}}
    varied.grid_json['test_sets']['moving']['paper'] = 'Vid4'
    found = compare(load_grid(varied.save()))
    assert set(found['our_method']) - {'', 'Moving', 'Sample'} == set(PLAIN)


@pytest.mark.slow
def test_differences_of_resets(varied):
    grid = load_grid(varied.work_dir)
    found = differences(grid)
    pairs = found[['family', 'method', 'baseline']].drop_duplicates()
    r2, r8, r15, r50 = PLAIN[1], PLAIN[2], METHODS[1], METHODS[2]
    assert list(pairs.itertuples(index=False, name=None)) == [
        ('strategies', r2, RI),
        ('strategies', r8, RI),
        ('PI against resets', r2, r15),
        ('PI against resets', r2, r50),
        ('PI against resets', r8, r15),
        ('PI against resets', r8, r50),
        ('resets', r15, RI),
        ('resets', r50, RI),
    ]
    rows = found.set_index(['method', 'baseline', 'test_set', 'score'])['difference']
    # Of the one seed that both have: 25 dB, and 24 dB falling to 22.6 dB (five frames: 23.6 dB).
    reset = 24.0 - 0.1 * np.mean(np.arange(200) % 15)
    assert rows[r8, r15, 'static', 'psnr_y'] == pytest.approx(25.0 - reset)
    assert rows[r15, RI, 'static', 'psnr_y'] == pytest.approx(reset + 0.5 - 19.0)
    assert {row.heading for row in differences_table(grid, found).rows} >= {f'{r8} minus {r15}'}


def test_each_family_of_pairs_is_corrected_by_itself(fake):
    fake.test_set('a', 'A', **{f'v{i}': 3 for i in range(6)})
    ri, pi = fake.run('net', 'RI'), fake.run('net', 'PI', repeats=2)
    fake.done(ri, lambda _, t: 20.0)
    fake.done(pi, lambda _, t: 22.0)
    for every in (1, 2):
        fake.frames(fake.variant(ri, f'reset{every}', every), 'a', lambda _, t, n=every: 20.5 + n)
    grid = load_grid(fake.save())
    found = differences(grid)
    assert found['p_videos'].tolist() == pytest.approx([2 / 64, 2 / 64, 2 / 64, 2 / 64, 2 / 64])
    # One test between strategies, two in each of the others.
    assert found['p_videos_holm'].tolist() == pytest.approx([2 / 64] + [4 / 64] * 4)
    assert (
        'for 1 test by video (strategies), for 2 tests by video (PI against resets), for 2 tests '
        'by video (resets), each family of pairs by itself.'
    ) in differences_table(grid, found).caption


def test_curves_show_resets_of_ri(varied):
    grid = load_grid(varied.work_dir)
    assert [m.short_name for m in methods_of(grid, 'net', 'sample')] == DRAWN
    looks = style.looks(grid.methods, grid.record.strategies)
    ri = looks['RI']
    assert all(looks[f'RI, reset every {n}'].color == ri.color for n in (15, 50))
    assert len({looks[name].line for name in ['RI', *DRAWN[1:3], 'RI, best checkpoint']}) == 4
    static = frames.psnr_vs_frame(grid, 'net', 'sample').axes[1]
    lines = [line for line in static.lines if to_hex(line.get_color()) == ri.color]
    assert len(lines) == 2 + 1 + 1  # RI raw and smoothed, resets raw
    saw = lines[2].get_ydata()
    assert (
        saw == pytest.approx(24.5 - 0.1 * (np.arange(200) % 15))
        and lines[2].get_linestyle() == '--'
    )
    assert len(static.collections) == 1  # RI's band of seeds alone


def test_psnr_since_the_last_reset(varied):
    # In the frames before the first reset, and in the last, incomplete piece, everything differs.
    for seed in (0, 1):
        varied.frames(
            f'net-RI-RNone-sample-s{seed}@reset15',
            'static',
            lambda _, t: np.where((t < 15) | (t >= 195), 5.0, 24.0 - 0.1 * (t % 15)),
        )
    varied.frames('net-PI-R8-sample-s0', 'static', lambda _, t: 20.0 + t // 15)
    grid = load_grid(varied.work_dir)
    figure = resets.psnr_since_reset(grid, 'net', 'sample')
    # Videos of "moving" have 10 and 20 frames: no whole piece of 15 after the first.
    assert [axes.get_title() for axes in figure.axes if axes.get_title()] == [
        'Static, reset every 15',
        'Static, reset every 50',
    ]
    every15, every50 = figure.axes[:2]
    reset, r2, r8 = (line.get_ydata() for line in every15.lines)
    assert reset == pytest.approx(24.0 - 0.1 * np.arange(15))
    assert r2 == pytest.approx(np.full(15, 23.0))
    assert r8 == pytest.approx(np.full(15, 20.0 + np.mean(np.arange(1, 13))))  # the same frames
    assert every50.lines[0].get_ydata() == pytest.approx(24.5 - 0.1 * np.arange(50))
    legend = [text.get_text() for text in figure.legends[0].texts]
    assert [name.split(', 2 seeds')[0] for name in legend] == DRAWN[1:]


def test_charts_of_the_workbook(varied):
    grid, book = load_grid(varied.work_dir), Workbook()
    wide = curve_frame(grid)
    assert len(wide.columns) == 2 * len(METHODS)
    add_charts(book.active, book.create_sheet(), grid, wide)
    for chart in book.worksheets[0]._charts:
        assert [line.tx.v for line in chart.series] == DRAWN
        dashes = [line.graphicalProperties.line.dashStyle for line in chart.series]
        assert dashes == ['solid', 'sysDash', 'sysDash', 'solid', 'solid']
    # The columns that the series are drawn from are those of their methods.
    columns = [series.val.numRef.f for series in book.worksheets[0]._charts[0].series]
    assert columns == [f"'Sheet1'!${letter}$2:${letter}$21" for letter in 'BCDFG']


@pytest.mark.slow
def test_tidy_files_say_how_a_run_was_evaluated(varied):
    varied.record('net-RI-RNone-sample-s0', **{'static@best': {'checksum': 'c', 'iteration': 450}})
    build_report(varied.save())
    folder = varied.work_dir / 'report'
    evaluations = pd.read_csv(folder / 'data/evaluations.csv')
    found = evaluations.set_index(['run_id', 'reset_every', 'checkpoint', 'test_set'])
    run = 'net-RI-RNone-sample-s0'
    assert found.loc[(run, 15, 'last', 'static'), 'file'] == f'runs/{run}/frames_static@reset15.csv'
    best = evaluations[(evaluations['run_id'] == run) & (evaluations['checkpoint'] == 'best')]
    assert best.set_index('test_set').loc['static', 'iteration'] == 450
    assert len(pd.read_csv(folder / 'data/runs.csv')) == 4
    for name in ('results', 'videos'):
        frame = pd.read_csv(folder / f'data/{name}.csv')
        assert set(frame['reset_every'].dropna()) == {15, 50}
        assert set(frame['checkpoint']) == {'last', 'best'}
    assert f'{RI}, reset every 15 &' in (folder / 'tables/main.tex').read_text()
    assert (folder / 'figures/curves/psnr_since_reset_net.png').is_file()


@pytest.mark.slow
def test_pictures_of_one_variant(varied):
    shape, level = (48, 64, 3), {'@reset50': 90, '@reset15': 80, '@best': 70}

    def draw(who, frame):
        value = next((level[end] for end in level if who.endswith(end)), 60)
        return np.full(shape, value, np.uint8)

    varied.pictures('static', 'still', [0, 199], draw)

    def shown():
        grid = load_grid(varied.work_dir)
        images = SavedImages(varied.work_dir, grid)
        found = []
        for figure in (
            comparisons.comparison(grid, images, 'net', 'sample', 'static', 'still'),
            comparisons.frame_grid(grid, images, 'net', 'static', 'still'),
            profiles.temporal_profiles(grid, images, 'net', 'sample', 'static'),
        ):
            texts = [text.get_text() for axes in figure.axes for text in axes.texts]
            names = [text.replace('\n', ' ') for text in texts if 'reset' in text]
            pictures = [image.get_array().flat[0] for axes in figure.axes for image in axes.images]
            found.append((names, {value for value in pictures if value != 60}))
        return found

    assert shown() == [(['RI, reset every 15'], {80})] * 3
    # Where one has no pictures, the next that has some is shown.
    for seed in (0, 1):
        path = varied.work_dir / f'runs/net-RI-RNone-sample-s{seed}/images_static@reset15'
        path.rename(path.with_name('moved'))
    assert shown() == [(['RI, reset every 50'], {90})] * 3
