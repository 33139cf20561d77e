"""The grid and its run folders, damaged in many ways: one line says what is wrong."""

import json

import pytest

from harness.runs.files import InvalidFile
from reports.results import load_grid


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda grid: grid['test_sets']['static'].update(label=None), 'label None is not a text'),
        (lambda grid: grid['test_sets']['static'].update(label=[]), 'label .* is not a text'),
        (lambda grid: grid['test_sets']['static'].update(videos={}), 'static has no videos'),
        (lambda grid: grid['test_sets']['static'].update(videos={'a': 0}), 'cannot have 0 frames'),
        (lambda grid: grid['test_sets']['static'].update(videos={'a': '9'}), "have '9' frames"),
        (lambda grid: grid['test_sets'].update(static=3), 'malformed entry'),
        (lambda grid: grid['runs'][0].update(seed='0'), "seed cannot be '0'"),
        (lambda grid: grid['runs'][0].update(fc=1), 'fc cannot be 1'),
        (lambda grid: grid['runs'][0].update(repeats=True), 'repeats cannot be True'),
        (lambda grid: grid['runs'][0].update(network=['net']), 'network cannot be'),
        (lambda grid: grid['runs'].append(grid['runs'][0]), 'have the same run_id'),
        (lambda grid: grid['runs'].append(3), 'malformed entry'),
        (lambda grid: grid.update(runs=None), 'malformed entry'),
        (lambda grid: grid.update(networks=[]), 'malformed entry'),
    ],
)
def test_entries_of_the_grid(small, change, message):
    change(small.grid_json)
    with pytest.raises(InvalidFile, match=message) as caught:
        load_grid(small.save())
    assert 'grid.json' in str(caught.value) and '\n' not in str(caught.value)


@pytest.mark.parametrize('every', [0, -3, 1.5, '15-half7', '15-overlap8', '15-norm0', True])
def test_variants_that_cannot_be(varied, every):
    varied.grid_json['runs'][0]['variants'][1]['reset_every'] = every
    with pytest.raises(InvalidFile, match=f'{every!r}'):
        load_grid(varied.save())


def test_numbers_are_labels_too(small):
    small.grid_json['networks']['net']['label'] = 5
    small.grid_json['test_sets']['static']['label'] = 2024
    grid = load_grid(small.save())
    assert grid.methods[0].name == '5 w/ RI'
    assert grid.record.test_sets['static'].label == '2024'


def test_a_grid_nested_too_deeply(small):
    (small.work_dir / 'grid.json').write_text('{"a":' + '[' * 100_000)
    with pytest.raises(InvalidFile, match='nested too deeply'):
        load_grid(small.work_dir)


DEEP = '{"a":' + '[' * 100_000 + ']' * 100_000 + '}'


@pytest.mark.parametrize('content', [DEEP, '[]', '{', '\x00', '"text"', '{"status": ["DONE"]}'])
def test_a_damaged_status_costs_nothing_else(small, content):
    failed = small.run('net', 'PI', repeats=32)
    path = small.work_dir / 'runs' / failed / 'status.json'
    path.parent.mkdir()
    path.write_text(content)
    grid = load_grid(small.save())
    (note,) = grid.notes()
    assert note.startswith(f'INVALID  {failed}: status.json') and '\n' not in note
    assert (grid.runs['status'] == 'DONE').sum() == 4


@pytest.mark.parametrize('updated', [1e300, -1e300, float('nan'), 'now', None, [], {}])
def test_times_that_are_none(small, updated):
    running = small.run('net', 'PI', repeats=32)
    small.status(running, 'RUNNING')
    path = small.work_dir / 'runs' / running / 'status.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | {'updated': updated}))
    (note,) = load_grid(small.save()).notes()
    assert note.endswith('last update unknown')


@pytest.mark.parametrize(
    'entry', [{'ms_per_iteration': 'fast'}, {'threads': []}, {'device': 3}, {'load_ms': True}]
)
def test_timing_that_is_no_number(small, entry):
    run = small.grid_json['runs'][-1]['run_id']
    path = small.work_dir / 'runs' / run / 'timing.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | entry))
    grid = load_grid(small.work_dir)
    assert grid.runs['ms_per_iteration'].isna().tolist() == [False, False, False, True]
    assert any('timing.json: ' in note and 'cannot be' in note for note in grid.notes())
    assert (grid.evaluations['status'] == 'done').all()


@pytest.mark.parametrize('entry', [{'bytes': 'many'}, {'iteration': 'last'}, {'iteration': 1.5}])
def test_records_of_evaluations_that_are_no_numbers(small, entry):
    run = small.grid_json['runs'][-1]['run_id']
    small.record(run, static={'checksum': 'c', **entry})
    grid = load_grid(small.work_dir)
    found = grid.evaluations.set_index(['trial_id', 'test_set'])
    assert 'cannot be' in found.loc[(run, 'static'), 'reason']
    assert (found['status'] == 'done').sum() == 6


def test_reasons_of_failures_are_one_printable_line(small):
    failed = small.run('net', 'PI', repeats=32)
    small.status(failed, 'FAILED', '\x1b[1mRuntimeError\x1b[0m: bad \x07\n\\input{x}\ud800')
    (note,) = load_grid(small.save()).notes()
    assert 'RuntimeError: bad \ufffd \\input{x}\ufffd (train' in note
