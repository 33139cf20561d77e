"""Which evaluations count, by the record in the run folder and the status of the run."""

import hashlib
import json

import pytest

from reports.results import load_grid
from reports.tables.captions import run_counts

CHECKSUM, OTHER = 'c' * 64, 'd' * 64


@pytest.fixture
def recorded(fake):
    """One run, recorded as evaluated on the current version of a set of five frames."""
    fake.test_set('static', 'Static', still=5)
    fake.grid_json['test_sets']['static']['checksum'] = CHECKSUM
    run = fake.run('net', 'RI')
    fake.status(run, 'DONE')
    size = fake.frames(run, 'static', lambda _, t: 20.0).stat().st_size
    fake.record(run, static={'checksum': CHECKSUM, 'bytes': size, 'iteration': 600})
    fake.run_id = run
    return fake


def evaluation(fake):
    (row,) = load_grid(fake.save()).evaluations.itertuples()
    return row


@pytest.mark.parametrize('status', ['DONE', 'RUNNING', 'FAILED', 'INTERRUPTED', 'QUEUED', 'TODO'])
def test_a_recorded_evaluation_counts_whatever_the_status(recorded, status):
    recorded.timing(recorded.run_id, 50.0)
    recorded.status(recorded.run_id, status, 'disk full')
    found = evaluation(recorded)
    assert (found.status, found.reason, found.iteration, found.psnr_y) == ('done', '', 600, 20.0)
    grid = load_grid(recorded.work_dir)
    assert grid.runs['ms_per_iteration'].tolist() == [50.0]
    assert grid.runs['status'].tolist() == ['DONE'] and grid.notes() == []


@pytest.mark.slow
def test_a_run_with_all_its_results_is_done_whatever_became_of_its_status_file(recorded):
    status = recorded.work_dir / 'runs' / recorded.run_id / 'status.json'
    for damage in ('', '{"status": "DO', '{"status": "LOST"}'):
        status.write_text(damage)
        grid = load_grid(recorded.save())
        assert grid.runs['status'].tolist() == ['DONE'] and grid.notes() == []
        assert run_counts(grid) == '1 of 1 runs done.'


def test_a_failure_at_a_further_evaluation_is_listed_and_costs_no_other(recorded):
    recorded.test_set('moving', 'Moving', pan=5)
    recorded.status(recorded.run_id, 'FAILED', 'disk full')
    grid = load_grid(recorded.save())
    assert grid.runs['status'].tolist() == ['FAILED']
    assert set(grid.evaluations['status']) == {'done', 'failed'}
    assert any('disk full' in note for note in grid.notes())


def test_results_that_were_changed_are_invalid(recorded):
    """One digit, by hand or by a bad disk; the size is the same."""
    path = recorded.work_dir / 'runs' / recorded.run_id / 'frames_static.csv'
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    entry = {'checksum': CHECKSUM, 'bytes': path.stat().st_size, 'sha256': checksum}
    recorded.record(recorded.run_id, static=entry)
    assert evaluation(recorded).status == 'done'
    path.write_text(path.read_text().replace('20.0', '21.0', 1))
    found = evaluation(recorded)
    reason = 'frames_static.csv was changed after it was written'
    assert (found.status, found.reason) == ('invalid', reason)
    assert any(reason in note for note in load_grid(recorded.work_dir).notes())


@pytest.mark.parametrize(
    ('status', 'word', 'reason'),
    [
        ('RUNNING', 'unfinished', 'iteration 120 of 600'),
        ('FAILED', 'failed', 'disk full (train, iteration 120 of 600)'),
        ('INTERRUPTED', 'unfinished', 'interrupted, resumes when restarted: disk full (train'),
        ('QUEUED', 'missing', "waits in the cluster's queue (train, iteration 120 of 600)"),
        ('TODO', 'missing', 'not started'),
    ],
)
@pytest.mark.parametrize('lack', ['record', 'file', 'version'])
def test_otherwise_the_status_of_the_run_says_why(recorded, lack, status, word, reason):
    recorded.status(recorded.run_id, status, 'disk full')
    folder = recorded.work_dir / 'runs' / recorded.run_id
    if lack == 'record':
        (folder / 'evaluations.json').write_text('{}')
    elif lack == 'file':
        (folder / 'frames_static.csv').unlink()
    else:
        recorded.record(recorded.run_id, static={'checksum': OTHER})
    found = evaluation(recorded)
    assert found.status == word and reason in found.reason and found.file == ''
    assert len(load_grid(recorded.work_dir).notes()) == 1  # not once more for each test set


@pytest.mark.parametrize(
    ('records', 'reason'),
    [
        ({}, 'Static: not evaluated'),
        ({'static': {'checksum': OTHER}}, 'Static: evaluated on another version of the set'),
        ({'static': OTHER}, 'Static: evaluated on another version of the set'),
    ],
)
def test_files_without_a_present_record_are_missing(recorded, records, reason):
    path = recorded.work_dir / 'runs' / recorded.run_id / 'evaluations.json'
    path.write_text(json.dumps(records))
    found = evaluation(recorded)
    assert (found.status, found.reason) == ('missing', reason)


def test_old_folders_record_the_checksum_alone_or_nothing(recorded):
    recorded.record(recorded.run_id, static=CHECKSUM)
    assert evaluation(recorded).status == 'done'
    (recorded.work_dir / 'runs' / recorded.run_id / 'evaluations.json').unlink()
    assert evaluation(recorded).status == 'done'
    recorded.status(recorded.run_id, 'FAILED', 'disk full')
    assert evaluation(recorded).status == 'failed'  # nobody knows whether the file is finished


@pytest.mark.parametrize('status', ['DONE', 'RUNNING'])
def test_a_file_of_another_size_is_damaged(recorded, status):
    recorded.status(recorded.run_id, status)
    path = recorded.work_dir / 'runs' / recorded.run_id / 'frames_static.csv'
    size = path.stat().st_size
    path.write_text(path.read_text()[:-2])  # all rows are there, the last number is cut
    found = evaluation(recorded)
    assert (found.status, found.reason) == (
        'invalid',
        f'frames_static.csv has {size - 2} of {size} bytes',
    )
    assert any('frames_static.csv has' in note for note in load_grid(recorded.work_dir).notes())


def test_a_damaged_record(recorded):
    (recorded.work_dir / 'runs' / recorded.run_id / 'evaluations.json').write_text('{"static": ')
    found = evaluation(recorded)
    assert found.status == 'invalid' and 'evaluations.json is not readable' in found.reason


def test_counts_of_all_statuses(recorded):
    for seed, status in enumerate(['INTERRUPTED', 'RUNNING', 'QUEUED', 'FAILED'], start=1):
        recorded.status(recorded.run('net', 'RI', seed=seed), status)
    recorded.run('net', 'RI', seed=5)
    counts = run_counts(load_grid(recorded.save()))
    assert counts == '1 of 6 runs done: 1 failed, 2 unfinished, 2 missing.'
