"""Signs of life, and the end of processes that hang or were robbed."""

import json
import multiprocessing
import os
import sys
import time

import pytest

from harness.runs import claims
from harness.runs.folder import RunFolder
from harness.runs.status import read_status

FORK = multiprocessing.get_context('fork')


def is_held(folder):
    claim = claims.current_claim(folder)
    return claim is not None and claim.is_held


def run_held(folder, hang_after, seconds, progress_every=None):
    """Holds the run in a process of its own; its exit code."""

    def body():
        log = os.open(folder / 'log.txt', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        sys.stderr = os.fdopen(log, 'w', buffering=1)
        claims.HEARTBEAT = 0.05
        with claims.claim(RunFolder(folder), hang_after):
            end = time.time() + seconds
            while time.time() < end:
                if progress_every:
                    where = dict(stage='train', iteration=7, max_iters=9)
                    RunFolder(folder).write_status('RUNNING', **where)
                time.sleep(progress_every or seconds)

    process = FORK.Process(target=body)
    process.start()
    return process


@pytest.mark.slow
def test_the_heartbeat_goes_on_and_the_claim_is_released(tmp_path):
    process = run_held(tmp_path, hang_after=60, seconds=1.5)
    time.sleep(1)
    assert claims.current_claim(tmp_path).age < 0.5
    process.join()
    assert process.exitcode == 0 and not is_held(tmp_path)


@pytest.mark.slow
def test_a_process_without_progress_ends_itself_with_its_stacks(tmp_path):
    RunFolder(tmp_path).write_status('RUNNING', stage='train', iteration=7, max_iters=9)
    process = run_held(tmp_path, hang_after=0.5, seconds=60)
    process.join(20)
    assert process.exitcode == 1
    status = read_status(RunFolder(tmp_path), [])
    (failure,) = RunFolder(tmp_path).failures
    assert 'hangs: no progress for 0.5 s' in failure['reason']
    assert (failure['stage'], failure['iteration']) == ('train', 7)
    assert 'test_heartbeat.py' in (tmp_path / 'log.txt').read_text()  # where it hung
    assert status.claim.owner is None


@pytest.mark.slow
def test_progress_keeps_it_alive(tmp_path):
    process = run_held(tmp_path, hang_after=0.8, seconds=2.5, progress_every=0.1)
    process.join(20)
    assert process.exitcode == 0


def test_a_process_whose_run_was_taken_over_ends(tmp_path):
    process = run_held(tmp_path, hang_after=60, seconds=60)
    while not is_held(tmp_path):
        time.sleep(0.02)
    path = claims.current_claim(tmp_path).path
    later = path.with_name('claim.9.json')
    later.write_text(json.dumps({**json.loads(path.read_text()), 'pid': os.getpid()}))
    process.join(20)
    assert process.exitcode == claims.CLAIM_LOST
    assert 'taken over' in (tmp_path / 'log.txt').read_text()
    assert claims.current_claim(tmp_path).path == later


def test_a_held_run_is_refused(tmp_path):
    refused = pytest.raises(claims.AlreadyRunningError)
    with claims.claim(RunFolder(tmp_path), 60), refused, claims.claim(RunFolder(tmp_path), 60):
        pass
    assert not is_held(tmp_path)
