"""When the scheduler takes a process for stuck."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from harness.grid import scheduler as module
from harness.grid.scheduler import Scheduler, Work
from harness.runs.claims import HEARTBEAT
from harness.runs.folder import RunFolder


@pytest.fixture
def clock(monkeypatch):
    """The time, and a claim whose last heartbeat was at 1000."""
    now = SimpleNamespace(time=1000.0)
    monkeypatch.setattr(module.time, 'time', lambda: now.time)
    monkeypatch.setattr(
        module,
        'current_claim',
        lambda path: SimpleNamespace(owner='somebody', age=now.time - 1000.0),
    )
    return now


def rounds(scheduler, clock, seconds):
    """Looks once a second for so long; when a silent claim was found first."""
    work = Work(RunFolder(Path('run')), [])
    for _ in range(seconds):
        clock.time += 1
        if scheduler._silent_claim(work):
            return clock.time - 1000
    return None


def test_a_silent_process_is_found(clock):
    scheduler = Scheduler(None, Console(quiet=True), hang_after=60)
    assert rounds(scheduler, clock, 1000) == pytest.approx(60 + 3 * HEARTBEAT, abs=1)


def test_after_a_pause_of_the_command_others_get_time(clock):
    """Ctrl-Z, a suspended laptop: all processes slept, and wake one after another."""
    scheduler = Scheduler(None, Console(quiet=True), hang_after=60)
    assert rounds(scheduler, clock, 10) is None
    clock.time += 3600
    found = rounds(scheduler, clock, 1000)
    assert found == pytest.approx(3610 + 3 * HEARTBEAT, abs=2)
