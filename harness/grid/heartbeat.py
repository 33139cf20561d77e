"""Holding a run: its claim, the heartbeat, and the end of a process that hangs."""

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from . import claims, ledger

#: exit code of a process whose run was taken over by another
CLAIM_LOST = 76


@contextmanager
def hold(folder: Path, hang_after: float) -> Iterator[None]:
    """Claims a run for the block and shows that this process lives.

    A process whose run makes no progress ends itself as FAILED, with the stacks of its threads in
    the log; so does one that another has taken the run from, because it gave no sign of life.

    Args:
        folder: the run folder.
        hang_after: seconds without a change of ``status.json`` after which the run hangs.

    Raises:
        AlreadyRunningError: another process holds the run.
    """
    claim = claims.take(folder)
    ended = threading.Event()
    thread = threading.Thread(target=_watch, args=(claim, hang_after, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        claims.release(claim)


def _watch(claim: Path, hang_after: float, ended: threading.Event) -> None:
    begun = last = time.time()
    interval = min(claims.HEARTBEAT, hang_after / 4)
    while not ended.wait(interval):
        if time.time() - last > 1 + 3 * interval:  # stopped for a while, as by Ctrl-Z
            begun = time.time()
        last = time.time()
        with suppress(OSError):  # a file system that is away for a moment
            if not claims.is_mine(claim):
                print(f'{claim.parent.name} was taken over by another process', file=sys.stderr)
                os._exit(CLAIM_LOST)
            if time.time() - max(begun, _last_progress(claim.parent)) > hang_after:
                _end_hanging(claim, hang_after)
            claims.beat(claim)


def _last_progress(folder: Path) -> float:
    try:
        return (folder / 'status.json').stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _end_hanging(claim: Path, hang_after: float) -> None:
    faulthandler.dump_traceback(all_threads=True)
    reason = f'hangs: no progress for {hang_after:g} s; the stacks of its threads are in log.txt'
    try:
        ledger.write_failure(claim.parent, reason)
        claims.release(claim)
    finally:
        os._exit(1)
