"""Tables: the numbers in their places, marks of missing cells, every text format."""

import math

import numpy as np
import pytest

from reports.results import load_grid
from reports.tables import captions, latex, markdown, plain_text, standard
from reports.tables.model import BEST, SECOND


def test_main_table(small):
    table = standard.main_table(load_grid(small.work_dir))
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
    table = standard.main_table(load_grid(small.save()))
    tex = latex.latex_fragment([table])
    assert 'NET w/ PI \\& FC (R=8) & \\emph{failed} & \\emph{failed}' in tex
    assert '19.00{\\scriptsize$\\pm$1.41}/0.700' in tex
    assert '\\textcolor{red}{25.00}\\textsuperscript{1/2}/0.700' in tex
    assert '\\textcolor{blue}{23.00}' in tex
    assert '4 of 6 runs done: 1 failed, 1 missing.' in tex and 'loss is not finite' in tex
    text = markdown.markdown([table])
    assert '19.00 ± 1.41 / 0.700' in text and '**25.00** (1/2)' in text and '| failed |' in text
    plain = plain_text.plain_text(table)
    assert '25.00*~' in plain and '23.00+' in plain and 'failed' in plain
    assert max(map(len, plain.splitlines())) <= 100


def test_training_sets_get_headings(small):
    small.grid_json['train_sets']['reds'] = {'label': 'REDS_train'}
    small.done(small.run('net', 'RI', train_set='reds'), lambda _, t: 30.0)
    table = standard.main_table(load_grid(small.save()))
    assert table.rows[-1].heading == 'Trained on REDS_train'
    assert table.rows[-1].cells[0].rank == 0  # alone in its training set
    assert '\\emph{Trained on REDS\\_train}' in latex.latex_fragment([table])
    assert '[Trained on REDS_train]' in plain_text.plain_text(table)


def test_timing_table(small):
    rows = {r.label: r.cells for r in standard.timing_table(load_grid(small.work_dir)).rows}
    values = [cell.value for cell in rows['NET w/ RI']]
    assert values == pytest.approx([0.03789, 100.5, 10.05, 20.1, 70.35, 5.0])


def test_tradeoff_table(small):
    small.done(small.run('net', 'PI', fc=True, repeats=8), lambda _, t: 30.0, ms=60.0)
    table = standard.tradeoff_table(load_grid(small.save()))
    assert [row.label for row in table.rows] == ['NET w/ RI', 'NET w/ PI (R=2)', 'NET w/ PI (R=8)']
    ri, r2, r8 = ([cell.value for cell in row.cells] for row in table.rows)
    assert ri == pytest.approx([100.5, 21.0, 19.0, 20.0])
    assert r2 == pytest.approx([200.0, 23.0, 23.0, 23.0])
    assert r8 == pytest.approx([50.0, 25.0, 25.0, 25.0])
    assert table.rows[0].cells[0].rank == 0  # time is not ranked


def test_no_tradeoff_without_pi(fake):
    fake.test_set('a', 'A', v=3)
    fake.run('net', 'RI')
    assert standard.tradeoff_table(load_grid(fake.save())) is None


def test_unfinished_and_invalid_cells(small):
    running, failed = small.run('net', 'PI', repeats=16), small.run('net', 'PI', repeats=32)
    small.status(running, 'RUNNING')
    small.done(failed, lambda _, t: 20.0)
    (small.work_dir / 'runs' / failed / 'frames_static.csv').write_text('')
    grid = load_grid(small.save())
    rows = {row.label: row.cells for row in standard.main_table(grid).rows}
    assert [cell.note for cell in rows['NET w/ PI (R=16)']] == ['unfinished'] * 3
    assert [cell.note for cell in rows['NET w/ PI (R=32)']] == ['', 'invalid', 'invalid']
    assert standard.timing_table(grid).rows[3].cells[1].note == 'unfinished'


def two_training_sets(fake):
    """RI and PI on two training sets, PSNR 10 * training set + strategy, and bicubic."""
    fake.test_set('vid4', 'Vid4', v=10)
    fake.test_set('static', 'Static', v=10)
    fake.grid_json['train_sets'] = {'a': {'label': 'SetA'}, 'b': {'label': 'SetB'}}
    for train_set, base in (('a', 20.0), ('b', 30.0)):
        for strategy, repeats, more in (('RI', None, 0.0), ('PI', 2, 1.0)):
            run = fake.run('net', strategy, repeats=repeats, train_set=train_set)
            fake.done(run, lambda _, t, v=base + more: v)
    fake.done(fake.run('bicubic'), lambda _, t: 5.0)
    return fake


def test_strategies_table_has_a_block_a_training_set(fake):
    table = standard.strategies_table(load_grid(two_training_sets(fake).save()))
    assert [(c.group, c.header) for c in table.columns] == [
        ('Trained on SetA', 'Vid4'),
        ('Trained on SetA', 'Static'),
        ('Trained on SetB', 'Vid4'),
        ('Trained on SetB', 'Static'),
    ]
    values = {row.label: [cell.value for cell in row.cells] for row in table.rows}
    assert list(values) == ['BICUBIC', 'NET w/ RI', 'NET w/ PI (R=2)']
    assert values['NET w/ RI'] == [20, 20, 30, 30] and values['NET w/ PI (R=2)'] == [21, 21, 31, 31]
    assert values['BICUBIC'][:2] == [5, 5] and all(map(math.isnan, values['BICUBIC'][2:]))
    ranks = [[cell.rank for cell in row.cells] for row in table.rows]
    assert ranks == [[0] * 4, [0] * 4, [BEST] * 4]


def test_no_strategies_table_for_one_training_set(small):
    assert standard.strategies_table(load_grid(small.work_dir)) is None


def test_no_strategies_table_of_ten_columns(fake):
    two_training_sets(fake)
    for index in range(3):
        fake.test_set(f'more{index}', 'More', v=10)
    assert standard.strategies_table(load_grid(fake.save())) is None


def test_stability_table(small):
    diverging = small.run('net', 'PI', repeats=32)
    small.done(diverging, lambda _, t: np.where(t < 150, 30.0, 28.0) - 15.0 * (t == 199))
    table = standard.stability_table(load_grid(small.save()))
    assert {row.heading for row in table.rows} == {'Static'}  # the other set is too short
    rows = {row.label: row.cells for row in table.rows}
    ri, pi = rows['NET w/ RI'], rows['NET w/ PI (R=32)']
    assert [cell.value for cell in ri[:4]] == pytest.approx([19.0, 21.0, 17.0, -4.0])
    assert (ri[4].text, ri[5].value, ri[6].value) == ('2/2', 100, 16.0)
    assert pi[4].text == '1/1' and pi[5].value == 150 and pi[6].value == 13.0
    assert (rows['NET w/ PI (R=8)'][4].text, rows['NET w/ PI (R=8)'][5].text) == ('0/1', 'none')
    assert [cell.rank for cell in rows['NET w/ PI (R=8)'][:4]] == [SECOND, SECOND, SECOND, 0]


def test_stability_of_a_grid_without_long_videos(fake):
    fake.test_set('a', 'A', v=99)
    fake.run('net', 'RI')
    assert standard.stability_table(load_grid(fake.save())) is None


def test_consistency_table_ranks_low_errors(small):
    assert standard.consistency_table(load_grid(small.work_dir)) is None
    for run, tof in zip(small.grid_json['runs'], (0.4, 0.2, 0.25, 0.5), strict=True):
        more = {'tof': tof, 'warp_error': 0.002, 'state_norm': 7.0}
        small.frames(run['run_id'], 'static', lambda _, t: 20.0, **more)
    table = standard.consistency_table(load_grid(small.work_dir))
    # "moving" has no such quantities; what is not known is neither scaled nor ranked.
    assert [(c.group, c.header) for c in table.columns] == [
        ('tOF (px)', 'Static'),
        ('warping error (1e-3)', 'Static'),
        ('state_norm', 'Static'),
    ]
    ri, r2, r8 = (row.cells for row in table.rows)
    assert ri[0].value == pytest.approx(0.3) and ri[1].value == pytest.approx(2.0)
    assert [row[0].rank for row in (ri, r2, r8)] == [SECOND, BEST, 0]
    assert [row[2].rank for row in (ri, r2, r8)] == [0, 0, 0]


def test_outside_results_stand_among_the_references(small):
    key = small.external('mrvsr', 'MRVSR', protocol='mrvsr')
    small.frames(key, 'static', lambda _, t: 40.0)
    grid = load_grid(small.save())
    table = standard.main_table(grid)
    first = table.rows[0]
    assert first.label == 'MRVSR (mrvsr protocol)' and first.section == ''
    assert [cell.shown or cell.note for cell in first.cells] == ['n/a', '40.00', '40.00']
    assert [cell.rank for cell in first.cells] == [0, 0, 0]
    assert '4 of 4 runs done' in table.caption and grid.notes() == []


def test_every_cell_names_its_runs(small):
    table = standard.main_table(load_grid(small.work_dir)).tidy()
    ri = table[table['row'] == 'NET w/ RI']
    assert set(ri['runs']) == {'net-RI-RNone-sample-s0; net-RI-RNone-sample-s1'}
    timing = standard.timing_table(load_grid(small.work_dir)).tidy()
    state_pass = timing[timing['column'] == 'state pass']
    assert (state_pass['runs'] != '').all()


def test_captions_tell_lr_frames_apart(small):
    small.save()
    grid = load_grid(small.work_dir)
    assert 'LR frames' not in captions.main_caption(grid)
    first = next(iter(small.grid_json['networks']))
    small.grid_json['networks'][first]['lr_kind'] = 'lr_bd_basicvsr'
    small.grid_json['networks']['other'] = dict(label='Other', lr_kind='lr_bi')
    grid = load_grid(small.save())
    label = grid.record.networks[first]
    told = f'LR frames: BD as BasicVSR has it for {label}; BI for Other.'
    assert told in captions.main_caption(grid) and told in captions.stability_caption(grid)


@pytest.mark.slow
def test_shifted_frames_are_noted(small):
    grid = load_grid(small.save())
    assert not [note for note in grid.notes() if note.startswith('shifted')]
    run_id = small.grid_json['runs'][0]['run_id']
    small.record(run_id, moving={'checksum': 'c', 'shift': [1.5, 1.5, 5.61]})
    (note,) = [note for note in load_grid(small.work_dir).notes() if note.startswith('shifted')]
    assert note.startswith(
        f'shifted  {run_id}: on Moving: moved by +1.5 pixels to the right and +1.5'
    )
    assert note.endswith('would score 5.6 dB more; was it trained on other LR frames than lr_bd?')
    small.record(run_id, moving={'checksum': 'c', 'shift': 'far'})
    assert not [n for n in load_grid(small.work_dir).notes() if n.startswith('shifted')]


def test_frames_that_are_not_finite_are_noted(small):
    run_id = small.grid_json['runs'][0]['run_id']
    small.record(run_id, moving={'checksum': 'c', 'not_finite': 12}, static={'checksum': 'c'})
    grid = load_grid(small.work_dir)
    told = '12 SR frames have NaN or infinite pixels; NaN is scored as black'
    assert f'not finite  {run_id}: on Moving: {told}' in grid.notes()
    assert sum(note.startswith('not finite') for note in grid.notes()) == 1
    counts = grid.evaluations.set_index(['trial_id', 'test_set'])['not_finite']
    assert counts[run_id, 'moving'] == 12 and counts.isna().sum() == len(counts) - 1


def test_labels_that_several_share_are_told_apart(fake):
    """Readers could not tell them apart, and methods of one name would be one."""
    fake.grid_json['strategies'] = {'MINE': {'label': 'RI'}}
    for key in ('a', 'b'):
        fake.test_set(key, 'Set', v=3)
    for value, (network, strategy) in enumerate((('x', 'RI'), ('x', 'MINE'), ('y', 'RI'))):
        fake.done(fake.run(network, strategy), lambda _, t, v=value: 20.0 + v)
    for network in 'xy':
        fake.grid_json['networks'][network] = {'label': 'Net'}
    grid = load_grid(fake.save())
    table = standard.main_table(grid)
    assert [column.group for column in table.columns] == ['Set (a)', 'Set (b)']
    shown = {row.label: row.cells[0].shown for row in table.rows}
    assert shown == {
        'Net (x) w/ RI (RI)': '20.00',
        'Net (x) w/ RI (MINE)': '21.00',
        'Net (y) w/ RI (RI)': '22.00',
    }
    assert 'Seeds: 1 per method.' in table.caption
