"""Status on disk: what counts as done, who holds a run, and damaged files."""

import multiprocessing
import os
import signal
import time

import pytest

from harness.grid import ledger

CHECKSUMS = {'moving': 'abc'}


@pytest.fixture
def evaluated(tmp_path):
    """A run folder whose evaluation is complete."""
    ledger.write_status(tmp_path, 'DONE', stage='evaluate')
    ledger.frames_csv(tmp_path, 'moving').write_text('video,frame\n')
    ledger.record_evaluation(tmp_path, 'moving', 'abc')
    return tmp_path


def test_done_needs_every_test_set_in_its_version(evaluated):
    assert ledger.read_status(evaluated, CHECKSUMS) == 'DONE'
    assert ledger.read_status(evaluated, {**CHECKSUMS, 'static': 'def'}) == 'TODO'
    assert ledger.read_status(evaluated, {'moving': 'another version'}) == 'TODO'
    ledger.frames_csv(evaluated, 'moving').unlink()
    assert ledger.missing_evaluations(evaluated, CHECKSUMS) == ['moving']
    assert ledger.read_status(evaluated, CHECKSUMS) == 'TODO'


def test_empty_and_damaged_folders_are_to_do(tmp_path):
    assert ledger.read_status(tmp_path, CHECKSUMS) == 'TODO'
    (tmp_path / 'status.json').write_text('{"status": "DO')
    assert ledger.read_status(tmp_path, CHECKSUMS) == 'TODO'


def test_failed_stays_failed(tmp_path):
    ledger.write_status(tmp_path, 'FAILED', reason='loss is nan')
    assert ledger.read_status(tmp_path, CHECKSUMS) == 'FAILED'


def _hold(folder):
    with ledger.claim(folder):
        ledger.write_status(folder, 'RUNNING', stage='train', iteration=1, max_iters=2)
        time.sleep(60)


def test_a_run_is_held_by_one_process_and_freed_by_its_death(tmp_path):
    process = multiprocessing.get_context('fork').Process(target=_hold, args=(tmp_path,))
    process.start()
    deadline = time.monotonic() + 20
    while not (tmp_path / 'status.json').exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        assert ledger.read_status(tmp_path, CHECKSUMS) == 'RUNNING'
        with pytest.raises(ledger.AlreadyRunningError), ledger.claim(tmp_path):
            pass
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    assert ledger.read_status(tmp_path, CHECKSUMS) == 'TODO'
