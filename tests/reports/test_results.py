"""Reading and averaging: hand-computed numbers from synthetic work directories."""

import json
import math
import statistics

import numpy as np
import pytest

from harness.runs.files import InvalidFile
from reports.results import load_grid


def cell(grid, method, test_set):
    cells = grid.cells
    found = cells[(cells['method'] == method) & (cells['test_set'] == test_set)]
    assert len(found) == 1
    return found.iloc[0]


def test_methods_are_labelled_and_ordered(fake):
    fake.test_set('a', 'A', v=2)
    for arguments in (
        {'strategy': 'PI', 'repeats': 8, 'fc': True},
        {'strategy': 'PI', 'repeats': 8},
        {'strategy': 'PI', 'repeats': 2},
        {'strategy': 'TBPTT'},
        {'strategy': 'RI'},
    ):
        fake.run('net', **arguments)
    fake.run('bicubic')
    methods = load_grid(fake.save()).methods
    assert [method.name for method in methods] == [
        'BICUBIC',
        'NET w/ RI',
        'NET w/ TBPTT',
        'NET w/ PI (R=2)',
        'NET w/ PI (R=8)',
        'NET w/ PI & FC (R=8)',
    ]


def test_means_over_frames_videos_seeds(small):
    grid = load_grid(small.work_dir)
    ri = cell(grid, 'NET w/ RI', 'static')
    # Seeds: 100 frames at 20 (22) dB, then 100 at 16 (18) dB.
    assert ri['psnr_y'] == pytest.approx((18.0 + 20.0) / 2)
    assert ri['psnr_y_std'] == pytest.approx(statistics.stdev([18.0, 20.0]))
    assert ri['psnr_first50'] == pytest.approx(21.0)
    assert ri['psnr_last50'] == pytest.approx(17.0)
    assert ri['drift'] == pytest.approx(-4.0)
    assert ri['drift_std'] == pytest.approx(0.0)
    assert (ri['seeds_done'], ri['seeds_planned'], ri['status']) == (2, 2, 'done')
    assert math.isnan(cell(grid, 'NET w/ PI (R=2)', 'static')['psnr_y_std'])


def test_videos_weigh_the_same_whatever_their_length(fake):
    fake.test_set('moving', 'Moving', short=2, long=8)
    fake.done(fake.run('net', 'RI'), lambda video, t: {'short': 30.0, 'long': 20.0}[video])
    found = cell(load_grid(fake.save()), 'NET w/ RI', 'moving')
    assert found['psnr_y'] == pytest.approx(25.0)
    assert math.isnan(found['drift'])  # too short for two windows of 50 frames


def test_windows_of_a_ramp(fake):
    fake.test_set('long', 'Long', v=120)
    fake.done(fake.run('net', 'RI'), lambda _, t: 10.0 + t / 2)
    video = load_grid(fake.save()).videos.iloc[0]
    assert video['psnr_first50'] == pytest.approx(10 + np.arange(50).mean() / 2)
    assert video['psnr_last50'] == pytest.approx(10 + np.arange(70, 120).mean() / 2)
    assert video['drift'] == pytest.approx(35.0)


def test_unfinished_runs_are_not_averaged(small):
    running = small.run('net', 'RI', seed=2)
    small.done(running, lambda _, t: 99.0)
    small.status(running, 'RUNNING')
    failed = small.run('net', 'PI', fc=True, repeats=8)
    small.status(failed, 'FAILED', 'loss is not finite\nat iteration 113')
    small.run('net', 'PI', repeats=32)
    grid = load_grid(small.save())
    ri = cell(grid, 'NET w/ RI', 'static')
    assert (ri['status'], ri['seeds_done'], ri['seeds_planned']) == ('partial', 2, 3)
    assert ri['psnr_y'] == pytest.approx(19.0)
    assert cell(grid, 'NET w/ PI & FC (R=8)', 'static')['status'] == 'failed'
    assert cell(grid, 'NET w/ PI (R=32)', 'static')['status'] == 'missing'
    notes = '\n'.join(grid.notes())
    assert 'loss is not finite at iteration 113' in notes
    assert 'iteration 120 of 600' in notes and 'not started' in notes


def test_a_failure_without_a_stage(small):
    failed = small.run('net', 'PI', fc=True, repeats=8)
    small._json(failed, 'status.json', {'status': 'FAILED', 'reason': 'states explode'})
    notes = load_grid(small.save()).notes()
    assert any(note.endswith('states explode') for note in notes)


def test_cells_tell_where_their_numbers_come_from(small):
    failed = small.run('net', 'RI', seed=2)
    small.status(failed, 'FAILED', 'boom')
    grid = load_grid(small.save())
    ri = cell(grid, 'NET w/ RI', 'static')
    assert ri['run_ids'] == 'net-RI-RNone-sample-s0; net-RI-RNone-sample-s1'
    files = ri['files'].split('; ')
    found = [np.mean(np.genfromtxt(small.work_dir / f, delimiter=',')[1:, 2]) for f in files]
    assert ri['psnr_y'] == pytest.approx(np.mean(found))
    one = grid.evaluations[grid.evaluations['trial_id'] == failed]
    assert set(one['file']) == {''} and set(one['status']) == {'failed'}


def test_running_and_outdated_evaluations(small):
    """Frames scored on an older version of the test set do not count."""
    checksum = 'c' * 64
    small.grid_json['test_sets']['static']['checksum'] = checksum
    running = small.run('net', 'PI', repeats=32)
    small.status(running, 'RUNNING')
    runs = [run['run_id'] for run in small.grid_json['runs']]
    for run, noted in zip(runs, (checksum, 'other', checksum, checksum), strict=False):
        path = small.work_dir / 'runs' / run / 'evaluations.json'
        path.write_text(json.dumps({'static': noted}))
    grid = load_grid(small.save())
    assert cell(grid, 'NET w/ PI (R=32)', 'static')['status'] == 'unfinished'
    ri = cell(grid, 'NET w/ RI', 'static')
    assert (ri['status'], ri['seeds_done']) == ('partial', 1)
    assert 'Static: evaluated on another version of the set' in ri['reason']
    assert cell(grid, 'NET w/ RI', 'moving')['status'] == 'done'  # has no checksum in this grid


def test_optional_quantities(small):
    run = small.grid_json['runs'][2]['run_id']
    assert load_grid(small.work_dir).quantities == []
    small.frames(run, 'static', lambda _, t: 23.0, tof=0.25, note='text')
    grid = load_grid(small.work_dir)
    assert grid.quantities == ['tof']  # a column without numbers is none
    assert cell(grid, 'NET w/ PI (R=2)', 'static')['tof'] == pytest.approx(0.25)
    assert math.isnan(cell(grid, 'NET w/ RI', 'static')['tof'])


def test_outside_results(small):
    key = small.external('mrvsr', 'MRVSR', protocol='tecogan')
    path = small.frames(key, 'static', lambda _, t: 40.0)
    lines = path.read_text().splitlines()
    # That protocol drops two frames at each end; there are no times.
    kept = [lines[0], *lines[3:-2]]
    path.write_text('\n'.join(line.rpartition(',')[0] for line in kept))
    small.external('empty', 'Nothing')
    grid = load_grid(small.save())
    runs = grid.runs.set_index('run_id')
    assert [m.name for m in grid.methods][:2] == ['MRVSR (tecogan protocol)', 'Nothing']
    assert runs.loc[key, ['kind', 'status', 'protocol', 'folder']].tolist() == [
        'external',
        'DONE',
        'tecogan',
        'external/mrvsr',
    ]
    found = cell(grid, 'MRVSR (tecogan protocol)', 'static')
    assert found['psnr_y'] == 40.0 and found['drift'] == 0.0
    assert cell(grid, 'MRVSR (tecogan protocol)', 'moving')['status'] == 'n/a'
    assert cell(grid, 'Nothing', 'static')['status'] == 'n/a'
    assert grid.notes() == []


def test_outside_results_that_cannot_be_used(small):
    missing = small.external('missing', 'Missing')
    (small.work_dir / missing / 'external.json').unlink()
    double = small.frames(small.external('double', 'Double'), 'static', lambda _, t: 40.0)
    double.write_text(double.read_text() + 'still,199,40.0,0.7,5.0\n')
    notes = '\n'.join(load_grid(small.save()).notes())
    assert 'external/missing: not scored' in notes
    assert 'still does not hold frames 0 to 199 once' in notes


def test_video_names_stay_text(small):
    assert set(load_grid(small.work_dir).videos['video']) == {'000', '001', 'still'}


def _cut_rows(text):
    return text[: text.index('\n', len(text) // 2) + 1]


@pytest.mark.parametrize(
    ('damage', 'reason'),
    [
        (_cut_rows, 'frames'),
        (lambda text: text[: len(text) // 2], 'frames'),
        (lambda text: text.replace('psnr_y', 'psnr', 1), 'no column psnr_y'),
        (lambda text: text.replace('25.000000', 'nan', 1), 'not finite'),
        (lambda text: text.replace('still,3,', 'still,4,', 1), 'does not hold frames'),
        (lambda text: text.replace('still,3,', 'other,3,', 1), 'unexpected video other'),
        (lambda text: '', 'No columns'),
    ],
)
def test_damaged_csv_marks_its_cell_alone(small, damage, reason):
    run_id = small.grid_json['runs'][-1]['run_id']
    path = small.work_dir / 'runs' / run_id / 'frames_static.csv'
    path.write_text(damage(path.read_text()))
    grid = load_grid(small.work_dir)
    broken = cell(grid, 'NET w/ PI (R=8)', 'static')
    assert broken['status'] == 'invalid' and math.isnan(broken['psnr_y'])
    assert reason in broken['reason'] and 'frames_static.csv' in broken['reason']
    assert cell(grid, 'NET w/ PI (R=8)', 'moving')['status'] == 'done'
    assert any(reason in note for note in grid.notes())


def test_missing_csv_of_a_finished_run(small):
    run_id = small.grid_json['runs'][-1]['run_id']
    (small.work_dir / 'runs' / run_id / 'frames_static.csv').unlink()
    found = cell(load_grid(small.work_dir), 'NET w/ PI (R=8)', 'static')
    assert found['status'] == 'missing' and 'Static: not evaluated' in found['reason']


def test_damaged_status_and_timing(small):
    first, last = (small.work_dir / 'runs' / small.grid_json['runs'][i]['run_id'] for i in (0, -1))
    (first / 'status.json').write_text('{"status": "DO')
    (last / 'timing.json').write_text('[]')
    grid = load_grid(small.work_dir)
    assert cell(grid, 'NET w/ RI', 'static')['status'] == 'partial'
    assert cell(grid, 'NET w/ PI (R=8)', 'static')['status'] == 'done'
    notes = '\n'.join(grid.notes())
    assert 'status.json is not readable JSON' in notes and 'timing.json is not a JSON' in notes


def test_no_grid(tmp_path):
    with pytest.raises(InvalidFile, match=r'grid\.json does not exist'):
        load_grid(tmp_path)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda entries: entries.pop('networks'), 'networks'),
        (lambda entries: entries['runs'][0].pop('seed'), 'no entry seed'),
        (lambda entries: entries['runs'][0].update(network='other'), "unknown network 'other'"),
        (lambda entries: entries['runs'][0].update(strategy='XY'), "unknown strategy 'XY'"),
        (lambda entries: entries['runs'].clear(), 'no runs'),
    ],
)
def test_malformed_grid(small, change, message):
    change(small.grid_json)
    with pytest.raises(InvalidFile, match=message):
        load_grid(small.save())
