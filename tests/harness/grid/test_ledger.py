"""Status on disk: what counts as done, and damaged files."""

import time
from types import SimpleNamespace

import pytest

from harness.grid import claims, ledger
from harness.grid.evaluations import (
    Evaluation,
    Variant,
    frames_csv,
    record_evaluation,
    why_missing,
)
from harness.grid.overview import Survey, status_rows

MOVING = Evaluation('moving', 'data/moving', 'abc', Variant(), (), {})


@pytest.fixture
def evaluated(tmp_path):
    """A run folder whose evaluation is complete."""
    frames_csv(tmp_path, 'moving').write_text('video,frame\n')
    record_evaluation(tmp_path, MOVING, 500)
    ledger.write_status(tmp_path, 'DONE')
    return tmp_path


def status_of(folder, *evaluations):
    return ledger.read_status(folder, evaluations or [MOVING]).status


def test_done_is_what_has_all_results(evaluated):
    assert status_of(evaluated) == 'DONE'
    assert status_of(evaluated, MOVING, MOVING._replace(test_set='static')) == 'TODO'
    for wanted, why in (
        (MOVING._replace(checksum='def'), 'evaluated on another version of the set'),
        (MOVING._replace(metrics=('tof',)), 'evaluated without tof'),
        (MOVING._replace(images={'a': (9, (0,), (0, 0, 4, 4), 1)}), 'other SR frames were kept'),
    ):
        assert why_missing(evaluated, [wanted]) == {'moving': why}
        assert status_of(evaluated, wanted) == 'TODO'
    variants = [
        MOVING._replace(variant=Variant(15)),
        MOVING._replace(variant=Variant(None, 'best')),
    ]
    assert why_missing(evaluated, variants) == {
        'moving@reset15': 'not evaluated',
        'moving@best': 'not evaluated',
    }


def test_fewer_metrics_than_there_are_need_nothing(evaluated):
    record_evaluation(evaluated, MOVING._replace(metrics=('tof', 'warp_error')), 500)
    assert status_of(evaluated, MOVING._replace(metrics=('warp_error',))) == 'DONE'


def test_damage_to_results_is_seen(evaluated):
    frames_csv(evaluated, 'moving').write_text('video,fra')
    assert why_missing(evaluated, [MOVING]) == {'moving': 'its results have 9 bytes instead of 12'}
    frames_csv(evaluated, 'moving').unlink()
    assert why_missing(evaluated, [MOVING]) == {'moving': 'its results are gone'}
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
    record_evaluation(evaluated, MOVING, 500)
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
    ledger.write_status(tmp_path, 'FAILED', reason='x')
    (tmp_path / name).write_text(content)
    run = SimpleNamespace(run_id='a')
    status = ledger.read_status(tmp_path, [MOVING])
    assert status.status in ('FAILED', 'STALE')
    assert status_rows([Survey(run, status)])[0][:2] == (status.status, 'a')
    claims.release(claims.take(tmp_path))


def test_a_failure_is_kept_with_where_it_was_and_the_log(tmp_path):
    (tmp_path / 'log.txt').write_text(''.join(f'line {n}\n' for n in range(40)))
    ledger.write_status(tmp_path, 'RUNNING', stage='train', iteration=7, max_iters=9, first=0)
    ledger.write_failure(tmp_path, 'loss is nan')
    status = ledger.read_status(tmp_path, [MOVING])
    assert (status.status, status.reason, status.failures) == ('FAILED', 'loss is nan', 1)
    assert (status.details['stage'], status.details['iteration']) == ('train', 7)
    (failure,) = ledger.read_failures(tmp_path)
    assert failure['log_tail'][-1] == 'line 39' and len(failure['log_tail']) == 15
    ledger.write_failure(tmp_path, 'again')
    assert ledger.read_status(tmp_path, [MOVING]).failures == 2


def test_running_and_stale(tmp_path):
    claim = claims.take(tmp_path)
    ledger.write_status(tmp_path, 'RUNNING', stage='train', iteration=7, max_iters=9)
    assert status_of(tmp_path) == 'RUNNING'
    claims.release(claim)
    assert status_of(tmp_path) == 'STALE'
    ledger.write_status(tmp_path, 'INTERRUPTED', reason='interrupted by SIGTERM')
    status = ledger.read_status(tmp_path, [MOVING])
    assert (status.status, status.reason) == ('STALE', 'interrupted by SIGTERM')
    assert time.time() - status.details['updated'] < 60
