"""Status on disk: what counts as done, and damaged files."""

import time
from types import SimpleNamespace

import pytest

from harness.grid.views import Survey, status_rows
from harness.runs import claims
from harness.runs.evaluations import (
    Evaluation,
    Variant,
    record_evaluation,
    why_missing,
)
from harness.runs.folder import RunFolder
from harness.runs.resets import Reset
from harness.runs.status import read_status

MOVING = Evaluation('moving', 'data/moving', 'abc', Variant(), (), {})


@pytest.fixture
def evaluated(tmp_path):
    """A run folder whose evaluation is complete."""
    RunFolder(tmp_path).frames_csv('moving').write_text('video,frame\n')
    record_evaluation(RunFolder(tmp_path), MOVING, 500)
    RunFolder(tmp_path).write_status('DONE')
    return tmp_path


def status_of(folder, *evaluations):
    return read_status(RunFolder(folder), evaluations or [MOVING]).status


def test_done_is_what_has_all_results(evaluated):
    assert status_of(evaluated) == 'DONE'
    assert status_of(evaluated, MOVING, MOVING._replace(test_set='static')) == 'TODO'
    for wanted, why in (
        (MOVING._replace(checksum='def'), 'evaluated on another version of the set'),
        (MOVING._replace(metrics=('tof',)), 'evaluated without tof'),
        (MOVING._replace(images={'a': (9, (0,), (0, 0, 4, 4), 1)}), 'other SR frames were saved'),
    ):
        assert why_missing(RunFolder(evaluated), [wanted]) == {'moving': why}
        assert status_of(evaluated, wanted) == 'TODO'
    variants = [
        MOVING._replace(variant=Variant(Reset(15))),
        MOVING._replace(variant=Variant(None, 'best')),
    ]
    assert why_missing(RunFolder(evaluated), variants) == {
        'moving@reset15': 'not evaluated',
        'moving@best': 'not evaluated',
    }


def test_fewer_metrics_than_there_are_need_nothing(evaluated):
    record_evaluation(RunFolder(evaluated), MOVING._replace(metrics=('tof', 'warp_error')), 500)
    assert status_of(evaluated, MOVING._replace(metrics=('warp_error',))) == 'DONE'


def test_damage_to_results_is_seen(evaluated):
    RunFolder(evaluated).frames_csv('moving').write_text('video,fra')
    why = {'moving': 'frames_moving.csv has 9 of 12 bytes'}
    assert why_missing(RunFolder(evaluated), [MOVING]) == why
    RunFolder(evaluated).frames_csv('moving').write_text('video,frmae\n')
    why = {'moving': 'frames_moving.csv was changed after it was written'}
    assert why_missing(RunFolder(evaluated), [MOVING]) == why
    RunFolder(evaluated).frames_csv('moving').unlink()
    assert why_missing(RunFolder(evaluated), [MOVING]) == {'moving': 'its results are missing'}
    assert status_of(evaluated) == 'TODO'


@pytest.mark.parametrize('damage', ['', '{"status": "DO', 'null and void', '{"status": "FAILED"}'])
def test_results_count_whatever_became_of_the_status(evaluated, damage):
    (evaluated / 'status.json').write_text(damage)
    assert status_of(evaluated) == 'DONE'
    (evaluated / 'status.json').unlink()
    assert status_of(evaluated) == 'DONE'


@pytest.mark.parametrize('damage', ['', '{"moving": {"checks', '{"moving": "abc"}', '[1]'])
def test_a_damaged_record_of_evaluations_means_evaluating_again(evaluated, damage):
    (evaluated / 'evaluations.json').write_text(damage)
    assert status_of(evaluated) == 'TODO'
    record_evaluation(RunFolder(evaluated), MOVING, 500)
    assert status_of(evaluated) == 'DONE'


def test_empty_and_damaged_folders_are_to_do(tmp_path):
    assert status_of(tmp_path) == 'TODO'
    assert status_of(tmp_path / 'absent') == 'TODO'
    (tmp_path / 'status.json').write_text('{"status": "DO')
    assert status_of(tmp_path) == 'TODO'


@pytest.mark.parametrize(
    ('name', 'content'),
    [
        ('status.json', '{"status": "RUNNING", "stage": "train", "iteration": null}'),
        ('status.json', '{"status": "FAILED", "reason": "x"}'),
        ('failures.json', '{"failures": null}'),
        ('claim.3.json', '{"pid": 3}'),
        ('claim.json', '{}'),
        ('claim.3 (copy).json', '{}'),
        ('evaluations.json', '{"moving": {}}'),
    ],
)
def test_odd_content_stops_nothing(tmp_path, name, content):
    RunFolder(tmp_path).write_status('FAILED', reason='x')
    (tmp_path / name).write_text(content)
    run = SimpleNamespace(run_id='a')
    status = read_status(RunFolder(tmp_path), [MOVING])
    assert status.status in ('FAILED', 'STALE')
    assert status_rows([Survey(run, status)])[0][:2] == (status.status, 'a')
    claims.release(claims.take(tmp_path))


def test_a_failure_is_kept_with_where_it_was_and_the_log(tmp_path):
    (tmp_path / 'log.txt').write_text(''.join(f'line {n}\n' for n in range(40)))
    RunFolder(tmp_path).write_status('RUNNING', stage='train', iteration=7, max_iters=9, first=0)
    RunFolder(tmp_path).write_failure('loss is nan')
    status = read_status(RunFolder(tmp_path), [MOVING])
    assert (status.status, status.reason, status.failures) == ('FAILED', 'loss is nan', 1)
    assert (status.details['stage'], status.details['iteration']) == ('train', 7)
    (failure,) = RunFolder(tmp_path).failures
    assert failure['log_tail'][-1] == 'line 39' and len(failure['log_tail']) == 15
    RunFolder(tmp_path).write_failure('again')
    assert read_status(RunFolder(tmp_path), [MOVING]).failures == 2


def test_running_and_stale(tmp_path):
    claim = claims.take(tmp_path)
    RunFolder(tmp_path).write_status('RUNNING', stage='train', iteration=7, max_iters=9)
    assert status_of(tmp_path) == 'RUNNING'
    claims.release(claim)
    assert status_of(tmp_path) == 'STALE'
    RunFolder(tmp_path).write_status('INTERRUPTED', reason='interrupted by SIGTERM')
    status = read_status(RunFolder(tmp_path), [MOVING])
    assert (status.status, status.reason) == ('STALE', 'interrupted by SIGTERM')
    assert time.time() - status.details['updated'] < 60
