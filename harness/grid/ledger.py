"""The status of runs, kept on disk only.

A run folder holds ``run.json`` (what the run is), ``task.json`` (what its process is to do),
``status.json`` (how far it is), ``failures.json`` (why it failed, each time), ``job.json`` (the job
of a cluster that it was last handed over to), the claim of the process that works on it,
``timing.json`` once it is trained, and its evaluations. Status and failures may be lost or damaged
without harm: what counts as done is on disk as results.
"""

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Optional

from harness.files import read_json, write_json

from .claims import Claim, current_claim
from .evaluations import Evaluation, why_missing

#: STALE: begun, but nobody works on it any more; goes on when it is started again.
#: QUEUED: handed over to a cluster.
STATUSES = ('DONE', 'RUNNING', 'QUEUED', 'STALE', 'FAILED', 'TODO')
_LOG_LINES = 15
_NUMBERS = ('iteration', 'max_iters', 'first', 'begun', 'updated')


class RunStatus(NamedTuple):
    """Where a run stands.

    Attributes:
        status: one of ``STATUSES``.
        reason: of a failure or an interruption.
        details: the rest of ``status.json``: ``stage``, ``iteration``, ``max_iters``, ``begun``
            (with ``first``, the iteration then), ``updated`` (seconds since the epoch); ``job`` of
            a run that is QUEUED or STALE, '' if it never had one.
        claim: who works on it, or did.
        missing: evaluation -> why it has to be made.
        failures: how often it failed.
    """

    status: str
    reason: str
    details: dict
    claim: Optional[Claim]
    missing: dict[str, str]
    failures: int


def write_status(folder: Path, status: str, **details) -> None:
    """Records RUNNING, QUEUED, INTERRUPTED, FAILED or DONE with details."""
    write_json(folder / 'status.json', dict(status=status, updated=time.time(), **details))


def write_failure(folder: Path, reason: str) -> None:
    """Records FAILED with the reason and the end of the log; where it was stays known."""
    where = position(folder)
    failure = dict(
        when=time.strftime('%Y-%m-%d %H:%M:%S'), reason=reason, **where, log_tail=log_tail(folder)
    )
    write_json(folder / 'failures.json', dict(failures=[*read_failures(folder), failure]))
    write_status(folder, 'FAILED', reason=reason, **where)


def position(folder: Path) -> dict:
    """The stage, iteration and max_iters that a run has come to, those that are known."""
    before = read_json(folder / 'status.json')
    return {k: before[k] for k in ('stage', 'iteration', 'max_iters') if k in before}


def write_job(folder: Path, job: str) -> None:
    """Records the job that is to bring the run to its end."""
    write_json(folder / 'job.json', dict(job=job))


def read_job(folder: Path) -> str:
    """The job that the run was last handed over to, '' if it never was."""
    return read_json(folder / 'job.json').get('job', '')


def read_failures(folder: Path) -> list[dict]:
    """All failures of a run: when, reason, stage, iteration, log_tail."""
    failures = read_json(folder / 'failures.json').get('failures')
    return failures if isinstance(failures, list) else []


def log_tail(folder: Path, lines: int = _LOG_LINES) -> list[str]:
    """The last lines of the run's log."""
    with suppress(OSError), open(folder / 'log.txt', 'rb') as log:
        log.seek(max(0, log.seek(0, 2) - 16_384))
        return log.read().decode(errors='replace').splitlines()[-lines:]
    return []


def read_status(folder: Path, evaluations: Iterable[Evaluation]) -> RunStatus:
    """Where the run stands.

    Args:
        folder: the run folder.
        evaluations: what must be there for it to be DONE.
    """
    missing = why_missing(folder, evaluations)
    details = read_json(folder / 'status.json')
    written, reason = details.pop('status', None), details.pop('reason', '')
    if not all(isinstance(details.get(key, 0), (int, float)) for key in _NUMBERS):
        details = {}
    claim = current_claim(folder)
    failures = len(read_failures(folder)) if written == 'FAILED' else 0
    if claim and claim.is_held:
        status = 'RUNNING'
    elif not missing:
        status, reason = 'DONE', ''
    elif written in ('FAILED', 'QUEUED'):
        status = written
    else:
        # trained and evaluated, and then more evaluations were asked for
        status = 'STALE' if written in ('RUNNING', 'INTERRUPTED') else 'TODO'
    if status in ('QUEUED', 'STALE'):
        details['job'] = read_job(folder)
    return RunStatus(status, reason, details, claim, missing, failures)
