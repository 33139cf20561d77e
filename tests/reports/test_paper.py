"""The papers' numbers: which of ours are compared with them, and when no difference is given."""

import math
from pathlib import Path

import pytest

from harness.configs import load_config
from reports import paper
from reports.results import load_grid
from reports.tables.markdown import markdown
from reports.tables.model import BEST, SECOND
from reports.tables.papers import paper_tables, sets_table

GRIDS = Path(__file__).parents[2] / 'mm_configs' / 'grids'
LENGTHS = {
    'vid4': [41, 34, 49, 47],
    'reds4': [100] * 4,
    'quasi': [172, 200, 250, 379],
    'composit': [181] * 11 + [298] * 4,
}
NAMES = {'vid4': 'Vid4', 'reds4': 'REDS4', 'quasi': 'Quasi-Static', 'composit': 'Composit'}


def videos(lengths):
    return {f'v{i}': frames for i, frames in enumerate(lengths)}


@pytest.fixture
def grid(fake):
    """FRVSR as in the paper on Vimeo: RI, PI with R = 2 and 8, PI & FC; times from a V100."""
    for key, lengths in LENGTHS.items():
        fake.test_set(key, f'our {key}', **videos(lengths))
        fake.grid_json['test_sets'][key]['paper'] = NAMES[key]
    vimeo = {'label': 'our Vimeo', 'paper': 'Vimeo', 'videos': videos([120] * 278)}
    fake.grid_json['train_sets'] = {'vimeo': vimeo}
    for strategy, repeats, fc, value in (
        ('RI', None, False, 30.0),
        ('PI', 2, False, 31.0),
        ('PI', 8, False, 32.0),
        ('PI', 8, True, 33.0),
    ):
        run = fake.run('frvsr', strategy, repeats=repeats, fc=fc, train_set='vimeo')
        fake.done(run, lambda _, t, v=value: v, ms=400.0)
        timing = fake.work_dir / 'runs' / run / 'timing.json'
        timing.write_text(timing.read_text().replace('"cpu"', '"Tesla V100-SXM2-32GB"'))
    for run in fake.grid_json['runs']:
        run['iterations'] = 500_000
    fake.grid_json['networks']['frvsr'] = {'label': 'FRVSR', 'paper': 'FRVSR'}
    return fake


def cells(grid, table, method, test_set='', metric='psnr_y_db', setting='', train_set=None):
    found = paper.compare(load_grid(grid.save()))
    found = found[
        (found['table'] == table)
        & (found['method'] == method)
        & (found['test_set'] == test_set)
        & (found['metric'] == metric)
        & (found['setting'] == setting)
    ]
    return found if train_set is None else found[found['train_set'] == train_set]


def one(*arguments, **options):
    found = cells(*arguments, **options)
    assert len(found) == 1
    return found.iloc[0]


@pytest.mark.slow
def test_ri_stands_beside_table_iv(grid):
    found = one(grid, 'IV', 'FRVSR w/ RI', 'Vid4', train_set='Vimeo')
    assert (found['value'], found['ours']) == (27.15, 30.0)
    assert found['difference'] == pytest.approx(2.85) and found['note'] == ''
    assert found['run_ids'] == 'frvsr-RI-RNone-vimeo-s0'
    ssim = one(grid, 'IV', 'FRVSR w/ RI', 'Vid4', 'ssim_y', train_set='Vimeo')
    assert (ssim['value'], ssim['ours']) == (0.837, 0.7)


def test_table_iv_states_no_r(grid):
    found = cells(grid, 'IV', 'FRVSR w/ PI', 'REDS4', train_set='Vimeo')
    assert list(found['our_method']) == ['FRVSR w/ PI (R=2)', 'FRVSR w/ PI (R=8)']
    assert list(found['ours']) == [31.0, 32.0] and found['difference'].isna().all()
    assert set(found['note']) == {'the paper does not state R'}


@pytest.mark.slow
def test_table_vi_pairs_its_r(grid):
    found = one(grid, 'VI', 'FRVSR w/ PI', 'REDS4', setting='R=8')
    assert found['ours'] == 32.0 and found['difference'] == pytest.approx(32 - 30.66)
    time = one(grid, 'VI', 'FRVSR w/ PI', '', 'training_ms_per_iteration', setting='R=2')
    assert (time['value'], time['ours'], time['difference']) == (1170, 400, -770)
    empty = one(grid, 'VI', 'FRVSR w/ PI', 'REDS4', setting='R=64')
    assert math.isnan(empty['ours']) and empty['value'] == 30.60 and empty['our_method'] == ''


def test_a_row_without_strategy_is_of_usual_training(grid):
    grid.grid_json['networks']['frvsr']['paper'] = 'MRVSR'
    found = one(grid, 'IV', 'MRVSR', 'Vid4')  # and not PI, nor FC
    assert found['our_method'] == 'FRVSR w/ RI'


@pytest.mark.slow
def test_what_was_not_run_stays_empty(grid):
    for arguments in (
        ('IV', 'MRVSR', 'Vid4'),
        ('IV', 'BasicVSR w/ RI', 'Vid4'),
        ('2', 'RISTN', 'Vid4'),
        ('1', 'RIB', 'Set5'),
    ):
        found = cells(grid, *arguments)
        assert found['ours'].isna().all() and found['difference'].isna().all()
    reds = one(grid, 'IV', 'FRVSR w/ RI', 'Vid4', train_set='REDS')
    assert math.isnan(reds['ours'])


def test_every_number_of_the_papers_is_there(grid):
    compared = paper.compare(load_grid(grid.save()))
    keys = ['paper', 'table', 'method', 'train_set', 'test_set', 'setting', 'metric', 'value']
    assert len(compared[keys].drop_duplicates()) == len(paper.read_values()) == 281


def test_other_training_lengths_are_not_subtracted(grid):
    for run in grid.grid_json['runs']:
        run['iterations'] = 500
    found = one(grid, 'IV', 'FRVSR w/ RI', 'Vid4', train_set='Vimeo')
    assert found['ours'] == 30.0 and math.isnan(found['difference'])
    assert found['note'] == '500 training iterations, the paper 500000'


def test_sets_of_other_videos_are_not_subtracted(grid):
    grid.grid_json['train_sets']['vimeo']['videos'] = videos([120] * 10)
    del grid.grid_json['test_sets']['vid4']['videos']['v1']
    for run in grid.grid_json['runs']:
        grid.frames(run['run_id'], 'vid4', lambda _, t: 30.0)
    found = one(grid, 'IV', 'FRVSR w/ RI', 'Vid4', train_set='Vimeo')
    assert math.isnan(found['difference'])
    for reason in (
        'our Vimeo has 10 videos, the paper 278',
        'our vid4 has 3 videos, the paper 4',
        'our vid4 has 41 frames at least, the paper 34',
    ):
        assert reason in found['note']


@pytest.mark.slow
def test_composit_and_other_lr_are_not_subtracted(grid):
    found = one(grid, 'IV', 'FRVSR w/ RI', 'Composit', train_set='Vimeo')
    assert found['ours'] == 30.0 and math.isnan(found['difference'])
    assert found['note'] == 'the paper does not name the videos of Composit'
    grid.grid_json['networks']['frvsr']['lr_kind'] = 'lr_bi'
    found = one(grid, 'IV', 'FRVSR w/ RI', 'Vid4', train_set='Vimeo')
    assert found['note'] == 'lr_bi frames, the paper lr_bd' and math.isnan(found['difference'])


@pytest.mark.slow
def test_parameters_and_times(grid):
    size = one(grid, 'V', 'FRVSR w/ RI', '', 'params_millions')
    assert size['ours'] == pytest.approx(0.03789)
    assert size['difference'] == pytest.approx(0.03789 - 2.58)
    time = one(grid, 'V', 'FRVSR w/ RI', '', 'training_ms_per_iteration')
    assert time['difference'] == 49
    for run in grid.grid_json['runs']:
        grid.timing(run['run_id'], 400.0)  # on a CPU
    time = one(grid, 'V', 'FRVSR w/ RI', '', 'training_ms_per_iteration')
    assert time['ours'] == 400 and math.isnan(time['difference'])
    assert time['note'] == 'measured on cpu, the paper on V100'


@pytest.mark.slow
def test_an_outside_result_takes_its_row(grid):
    key = grid.external('mrvsr', 'MRVSR (authors)', paper='MRVSR')
    grid.frames(key, 'quasi', lambda _, t: 32.0)
    found = one(grid, 'IV', 'MRVSR', 'Quasi-Static')
    assert found['difference'] == pytest.approx(32.0 - 32.26)
    assert found['our_method'] == 'MRVSR (authors)'
    (grid.work_dir / key / 'external.json').write_text('{"protocol": "tecogan"}')
    found = one(grid, 'IV', 'MRVSR', 'Quasi-Static')
    assert found['note'] == 'tecogan protocol, the paper default'


@pytest.mark.slow
def test_ristn(fake):
    """Bicubic needs no training; a recurrent model is found by its number of layers."""
    fake.test_set('vid4', 'Vid4 BI', **videos(LENGTHS['vid4']))
    fake.grid_json['test_sets']['vid4']['paper'] = 'Vid4'
    fake.done(fake.run('bicubic'), lambda _, t: 23.80)
    fake.done(fake.run('deep', 'RI'), lambda _, t: 25.0)
    fake.grid_json['networks']['bicubic'] |= {'paper': 'Bic', 'lr_kind': 'lr_bi'}
    fake.grid_json['networks']['deep'] |= {'paper': 'RDC-LSTM, layers=10', 'lr_kind': 'lr_bi'}
    found = one(fake, '2', 'Bic', 'Vid4')
    assert found['difference'] == pytest.approx(23.80 - 23.74)
    deep = one(fake, '3', 'RDC-LSTM', 'Vid4', setting='layers=10')
    assert deep['ours'] == 25.0 and math.isnan(deep['difference'])
    assert deep['note'] == 'trained on Sample, the paper on videos of its own'
    assert math.isnan(one(fake, '3', 'RDC-LSTM', 'Vid4', setting='layers=8')['ours'])
    own = {'videos': videos([5] * 195), 'paper': 'RISTN videos'}
    fake.grid_json['train_sets']['sample'] |= own
    deep = one(fake, '3', 'RDC-LSTM', 'Vid4', setting='layers=10')
    assert deep['difference'] == pytest.approx(25.0 - 25.6) and deep['note'] == ''
    tables = {t.name: t for t in paper_tables(paper.compare(load_grid(fake.save())))}
    assert set(tables) == {'paper_RISTN_2', 'paper_RISTN_3'}
    rows = {row.label.strip(): row.cells for row in tables['paper_RISTN_3'].rows}
    assert [cell.shown for cell in rows['10 (paper)']] == ['22.13', '25.40', '25.36', '25.60']
    assert [cell.shown for cell in rows['ours: DEEP w/ RI']] == ['', '', '', '25.00']


def test_small_networks_are_not_compared(small):
    compared = paper.compare(load_grid(small.work_dir))
    assert compared['ours'].isna().all() and paper_tables(compared) == []


@pytest.mark.parametrize('path', sorted(GRIDS.glob('*.py')), ids=lambda path: path.stem)
def test_names_in_the_grid_files_are_the_papers(path):
    grid = load_config(str(path))
    for axis, names in paper.known_names().items():
        entries = grid.get(axis, {}).values()
        given = {entry['paper'] for entry in entries if 'paper' in entry}
        assert given <= names
        is_papers = path.stem in ('paper', 'paper_weights', 'ristn')  # others are no paper's
        assert bool(given) == (is_papers and bool(entries))


def test_known_names():
    known = paper.known_names()
    assert {'FRVSR', 'BasicVSR', 'MRVSR', 'RISTN', 'C-LSTM, layers=3'} <= known['networks']
    assert not {'FRVRS', 'C-LSTM', 'FRVSR, R=8', ''} & known['networks']


@pytest.fixture
def ristn_grid(fake):
    """All runs of the grid file of RISTN; its networks have 20.00, 20.01, 20.02 dB, ..."""
    cfg = load_config(str(GRIDS / 'ristn.py'))
    for key, lengths in {'set5': [1] * 5, 'vid4': LENGTHS['vid4']}.items():
        fake.test_set(key, cfg.test_sets[key].label, **videos(lengths))
        fake.grid_json['test_sets'][key]['paper'] = cfg.test_sets[key].paper
    for key, entry in cfg.train_sets.items():
        fake.grid_json['train_sets'][key] = {**entry, 'videos': videos([5] * 3)}
    fake.grid_json['networks'] = {key: {**e, 'lr_kind': 'lr_bi'} for key, e in cfg.networks.items()}
    fake.psnr = {key: 20 + i / 100 for i, key in enumerate(cfg.networks)}
    for sweep in cfg.sweeps:
        for network in sweep.networks:
            for train_set in sweep.get('train_sets', ['']):
                run = fake.run(network, sweep.strategies[0], train_set=train_set)
                fake.done(run, lambda _, t, v=fake.psnr[network]: v)
    return fake


@pytest.mark.slow
@pytest.mark.parametrize(
    'table, notes',
    [
        (
            '1',
            dict.fromkeys(
                ['rib', 'ib', 'rb', 'bicubic', 'rdn', 'drcn', 'dsrn'],
                'default protocol, the paper set5',
            ),
        ),
        (
            '2',
            {
                **dict.fromkeys(['ristn_nf', 'ristn_df', 'ristn', 'bicubic', 'vespcn', 'brcn'], ''),
                **dict.fromkeys(['vsrnet', 'stcn', 'spmc', 'liu2018'], ''),
                **dict.fromkeys(
                    ['rdn', 'lapsrn'], 'trained on ImageNet-50k, the paper on videos of its own'
                ),
            },
        ),
        ('3', {f'{k}_lstm_{n}': '' for k in ('c', 'rc', 'dc', 'rdc') for n in (3, 5, 8, 10)}),
    ],
)
def test_grid_of_ristn_stands_beside_its_tables(ristn_grid, table, notes):
    compared = paper.compare(load_grid(ristn_grid.save()))
    chosen = compared[(compared['paper'] == 'RISTN') & (compared['table'] == table)]
    assert f'paper_RISTN_{table}' in [t.name for t in paper_tables(chosen)]
    pairs = chosen[(chosen['metric'] == 'psnr_y_db') & chosen['ours'].notna()]
    assert len(pairs) == len(notes)
    for key, note in notes.items():
        method, _, setting = ristn_grid.grid_json['networks'][key]['paper'].partition(', ')
        (row,) = pairs[(pairs['method'] == method) & (pairs['setting'] == setting)].itertuples()
        assert row.ours == pytest.approx(ristn_grid.psnr[key]) and row.note == note
        expected = math.nan if note else row.ours - row.value
        assert row.difference == pytest.approx(expected, nan_ok=True)


def test_a_wrong_name_is_told(grid):
    grid.grid_json['networks']['frvsr']['paper'] = 'FRVRS'
    grid.grid_json['train_sets']['vimeo']['paper'] = 'Vimeo90k'
    first, second = paper.wrong_names(load_grid(grid.save()))
    assert first.startswith("networks.frvsr: paper='FRVRS' is in no table") and 'FRVSR' in first
    assert second.startswith("train_sets.vimeo: paper='Vimeo90k'")


@pytest.mark.slow
def test_table_iv_has_the_colours_of_the_paper(grid):
    tables = {t.name: t for t in paper_tables(paper.compare(load_grid(grid.save())))}
    rows = {row.label: row.cells for row in tables['paper_PI-BPTT_IV'].rows}
    ranks = {label: [cell.rank for cell in cells] for label, cells in rows.items()}
    # Printed red and blue in Table IV, Vimeo and then REDStrain; two red ones on Vimeo, REDS4.
    assert ranks['FRVSR w/ PI & FC (paper)'] == [BEST, BEST, BEST, BEST, BEST, SECOND, BEST, SECOND]
    assert ranks['FRVSR w/ RI (paper)'] == [0, BEST, 0, 0, 0, 0, 0, 0]
    assert ranks['BasicVSR w/ PI (paper)'][:4] == [BEST, SECOND, SECOND, BEST]
    assert rows['MRVSR (paper)'][4].shown == ''


@pytest.mark.slow
def test_table_iv_beside_ours(grid):
    tables = {t.name: t for t in paper_tables(paper.compare(load_grid(grid.save())))}
    text = markdown([tables['paper_PI-BPTT_IV']])
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith('| FRVSR w/ RI (paper)'))
    assert lines[at].startswith('| FRVSR w/ RI (paper) | 27.15 / 0.837 |')
    assert lines[at + 1].startswith('| ours: FRVSR w/ RI | 30.00 / 0.700 |')
    assert lines[at + 2].startswith('| difference | +2.85 / -0.137 |')
    assert lines[at + 3].startswith('| FRVSR w/ PI (paper) |')
    assert lines[at + 4].startswith('| ours: FRVSR w/ PI (R=2) |')
    assert lines[at + 5].startswith('| ours: FRVSR w/ PI (R=8) |')  # and no difference
    assert 'the paper does not state R' in text


def test_sets(grid):
    grid.grid_json['test_sets']['vid4']['sizes'] = {
        'v0': [576, 720],
        'v1': [576, 704],
        'v2': [480, 720],
        'v3': [480, 720],
    }
    results = load_grid(grid.save())
    rows = {
        row.label.strip(): [cell.shown or cell.note for cell in row.cells]
        for row in sets_table(results, paper.compare(results)).rows
    }
    assert rows['Training: our Vimeo'] == ['278', '120', 'n/a']
    assert rows['Vimeo (PI-BPTT, Table I)'] == ['278', '120', '360 × 640 – 1080 × 2048']
    assert rows['Test: our vid4'] == ['4', '34 – 49', '480 × 704 – 576 × 720']
    assert rows['Vid4 (PI-BPTT, Table III)'] == ['4', '34 – 49', '480 × 720 – 576 × 720']
