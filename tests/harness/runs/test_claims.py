"""Who holds a run: one process, until it dies or lets go, on any host."""

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from harness.runs import claims, owners

FORK = multiprocessing.get_context('fork')


def _hold(folder, taken):
    claims.take(folder)
    taken.set()
    time.sleep(60)


@pytest.fixture
def holder(tmp_path):
    """A process that holds the run of ``tmp_path``."""
    taken = FORK.Event()
    process = FORK.Process(target=_hold, args=(tmp_path, taken))
    process.start()
    assert taken.wait(20)
    yield process
    process.kill()
    process.join()


def is_held(folder):
    claim = claims.current_claim(folder)
    return claim is not None and claim.is_held


def rewrite(folder, **changes):
    """Changes what the claim says of its owner."""
    path = claims.current_claim(folder).path
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return path


def test_an_owner_is_named_and_lets_go(tmp_path):
    assert claims.current_claim(tmp_path) is None and not is_held(tmp_path)
    mine = claims.take(tmp_path)
    assert claims.current_claim(tmp_path).owner.pid == os.getpid()
    assert is_held(tmp_path) and claims.is_mine(mine)
    with pytest.raises(claims.AlreadyRunningError):
        claims.take(tmp_path)
    claims.release(mine)
    assert not is_held(tmp_path)
    assert claims.take(tmp_path).name == 'claim.2.json'
    assert [p.name for p in tmp_path.iterdir()] == ['claim.2.json']


def test_a_killed_owner_is_noticed_at_once(tmp_path, holder):
    with pytest.raises(claims.AlreadyRunningError):
        claims.take(tmp_path)
    os.kill(holder.pid, signal.SIGKILL)
    while holder.exitcode is None:  # a zombie does not hold anything either
        assert not is_held(tmp_path) or os.path.exists(f'/proc/{holder.pid}')
        holder.join(0.01)
    claims.take(tmp_path)


def test_a_later_process_of_the_same_number_is_not_the_owner(tmp_path, holder):
    rewrite(tmp_path, started=1)
    assert not is_held(tmp_path)


def elsewhere(folder, age):
    """The claim of a process on another host, with its last heartbeat ``age`` seconds ago."""
    claims.take(folder)
    path = rewrite(folder, system='another boot', host='node7')
    then = time.time() - age
    os.utime(path, (then, then))
    return path


def test_on_another_host_the_heartbeat_counts(tmp_path, monkeypatch):
    """Its process numbers say nothing here, though a process of that number lives."""
    monkeypatch.setattr(claims, 'HEARTBEAT', 0.1)
    path = elsewhere(tmp_path, age=5)
    assert is_held(tmp_path)
    with pytest.raises(claims.AlreadyRunningError, match='node7'):
        claims.take(tmp_path)
    silent = time.time() - claims.DEAD_AFTER - 1
    os.utime(path, (silent, silent))
    assert not is_held(tmp_path)
    mine = claims.take(tmp_path)
    assert not claims.is_mine(path) and claims.is_mine(mine)


@pytest.mark.slow
@pytest.mark.parametrize('offset', [600, -600])
def test_a_living_owner_whose_clock_is_wrong_keeps_its_run(tmp_path, monkeypatch, offset):
    monkeypatch.setattr(claims, 'HEARTBEAT', 0.2)
    path = elsewhere(tmp_path, age=offset)
    witness = claims.Witness()
    for beat in range(6):
        then = time.time() - offset + beat
        os.utime(path, (then, then))
        assert witness.is_claimed(tmp_path)
        time.sleep(0.2)
    time.sleep(0.7)
    assert not witness.is_claimed(tmp_path)


def test_a_claim_from_the_future_is_not_waited_for_forever(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, 'HEARTBEAT', 0.1)
    elsewhere(tmp_path, age=-3600)
    begin = time.monotonic()
    claims.take(tmp_path)
    assert 0.3 <= time.monotonic() - begin < 10


def test_without_hard_links_runs_are_claimed_all_the_same(tmp_path, monkeypatch):
    def link(*_):
        raise OSError(errno.EOPNOTSUPP, 'no links here')

    monkeypatch.setattr(os, 'link', link)
    mine = claims.take(tmp_path)
    assert is_held(tmp_path) and claims.current_claim(tmp_path).owner.pid == os.getpid()
    with pytest.raises(claims.AlreadyRunningError):
        claims.take(tmp_path)
    claims.release(mine)
    assert claims.take(tmp_path).name == 'claim.2.json'


def test_only_processes_that_work_on_runs_may_be_signalled(tmp_path, holder):
    """Whoever may write a claim could name any process of the user's in it."""
    assert is_held(tmp_path) and not claims.current_claim(tmp_path).owner.is_worker_here
    environment = {**os.environ, owners.WORKER_VARIABLE: '1'}
    worker = subprocess.Popen(['sleep', '60'], env=environment)
    try:
        while not Path(f'/proc/{worker.pid}/environ').read_bytes():
            time.sleep(0.01)
        rewrite(tmp_path, pid=worker.pid, started=owners._start_of(worker.pid))
        assert claims.current_claim(tmp_path).owner.is_worker_here
        rewrite(tmp_path, started=1)
        assert not claims.current_claim(tmp_path).owner.is_worker_here
    finally:
        worker.kill()
        worker.wait()


@pytest.mark.parametrize(
    'changes', [dict(pid='7'), dict(pid=None), dict(host=3), dict(started=1.5), dict(job=[])]
)
def test_odd_claims_are_nobodys(tmp_path, changes):
    claims.take(tmp_path)
    rewrite(tmp_path, **changes)
    assert claims.current_claim(tmp_path).owner is None


def _race(folders, line, winners):
    for folder in folders:
        line.wait()
        try:
            claims.take(folder)
            winners.put((folder, os.getpid()))
        except claims.AlreadyRunningError:
            winners.put((folder, None))
    line.wait()  # alive while the others try


@pytest.mark.slow
@pytest.mark.parametrize('before', ['nothing', 'released', 'dead'])
def test_one_of_many_gets_it(tmp_path, before):
    folders = [tmp_path / str(number) for number in range(8)]
    for folder in folders:
        folder.mkdir()
        if before != 'nothing':
            claims.release(claims.take(folder))
        if before == 'dead':
            rewrite(folder, released=False, started=1)
    line, winners = FORK.Barrier(6, timeout=60), FORK.Queue()
    racers = [FORK.Process(target=_race, args=(folders, line, winners)) for _ in range(6)]
    for racer in racers:
        racer.start()
    outcomes = [winners.get(timeout=60) for _ in racers for _ in folders]
    for racer in racers:
        racer.join()
    for folder in folders:
        pids = [pid for where, pid in outcomes if where == folder]
        assert len(pids) == 6 and len([pid for pid in pids if pid]) == 1, outcomes
        assert len(list(folder.glob('claim.*'))) == 1


def test_a_late_comer_that_saw_an_old_claim_gives_up(tmp_path, monkeypatch):
    """It creates a number that was used and removed since it looked."""
    old = claims.take(tmp_path)
    claims.release(old)
    seen = claims.current_claim(tmp_path)
    for _ in range(2):
        last = claims.take(tmp_path)
        claims.release(last)
    monkeypatch.setattr(claims, 'current_claim', lambda folder: seen)
    with pytest.raises(claims.AlreadyRunningError, match='same moment'):
        claims.take(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [last.name]


def test_other_files_are_no_claims(tmp_path):
    for name in ('claim.json', 'claim.3 (copy).json', '.claim.vm.7'):
        (tmp_path / name).write_text('{}')
    assert claims.current_claim(tmp_path) is None
    assert claims.take(tmp_path).name == 'claim.1.json'


def test_a_damaged_claim_is_nobodys(tmp_path):
    claims.take(tmp_path)
    claims.current_claim(tmp_path).path.write_text('{"pid": 1')
    assert not is_held(tmp_path)
    claims.take(tmp_path)


def test_the_job_is_what_the_launcher_says(tmp_path, monkeypatch):
    monkeypatch.setenv(owners.JOB_VARIABLE, '12_3')
    claims.take(tmp_path)
    assert claims.current_claim(tmp_path).owner.job == owners.this_job() == '12_3'


def test_the_claim_of_a_job_that_is_gone_can_be_released(tmp_path):
    claims.take(tmp_path)
    rewrite(tmp_path, system='another boot', job='12_3')
    claims.release_job(tmp_path, '12_4')
    claims.release_job(tmp_path, '12_3', silent=60)
    assert is_held(tmp_path)
    claims.release_job(tmp_path, '12_3')
    assert not is_held(tmp_path)
    claims.release_job(tmp_path, '12_3')
