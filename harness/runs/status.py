"""Where a run stands, by what is on disk."""

from collections.abc import Iterable
from typing import NamedTuple

from harness.runs.claims import Claim, current_claim
from harness.runs.evaluations import Evaluation, why_missing
from harness.runs.files import read_json
from harness.runs.folder import RunFolder

#: STALE: begun, but nobody works on it any more; goes on when it is started again.
#: QUEUED: handed over to a cluster.
STATUSES = ('DONE', 'RUNNING', 'QUEUED', 'STALE', 'FAILED', 'TODO')
_NUMBERS = ('iteration', 'max_iters', 'first', 'begun', 'updated')


class RunStatus(NamedTuple):
    """Where a run stands.

    Attributes:
        status: one of ``STATUSES``.
        reason: of a failure or an interruption.
        details: the rest of ``status.json``: ``stage``, ``iteration``, ``max_iters``, ``begun``
            (with ``first``, the iteration then), ``updated`` (seconds since the epoch).
        launcher: the one whose job may bring it to its end, where it is QUEUED or STALE; else ''.
        job: that job.
        claim: who works on it, or did.
        missing: evaluation -> why it has to be made.
        failures: how often it failed.
    """

    status: str
    reason: str
    details: dict
    launcher: str
    job: str
    claim: Claim | None
    missing: dict[str, str]
    failures: int


def read_status(folder: RunFolder, evaluations: Iterable[Evaluation]) -> RunStatus:
    """Where the run stands.

    Args:
        folder: of the run.
        evaluations: what must be there for it to be DONE.
    """
    missing = why_missing(folder, evaluations)
    details = read_json(folder.status_json)
    written, reason = details.pop('status', None), str(details.pop('reason', ''))
    if not all(isinstance(details.get(key, 0), (int, float)) for key in _NUMBERS):
        details = {}
    claim = current_claim(folder.path)
    failures = len(folder.failures) if written == 'FAILED' else 0
    if claim and claim.is_held:
        status = 'RUNNING'
    elif not missing:
        status, reason = 'DONE', ''
    elif written in ('FAILED', 'QUEUED'):
        status = written
    else:
        # trained and evaluated, and then more evaluations were asked for
        status = 'STALE' if written in ('RUNNING', 'INTERRUPTED') else 'TODO'
    launcher = folder.job_launcher if status in ('QUEUED', 'STALE') else ''
    job = folder.job(launcher) if launcher else ''
    return RunStatus(status, reason, details, launcher, job, claim, missing, failures)


def describe(status: RunStatus) -> str:
    """``'FAILED in train at 120: loss is nan'``."""
    stage, iteration = (status.details.get(key) for key in ('stage', 'iteration'))
    if not status.reason:
        return status.status
    where = f' in {stage} at {iteration}' if stage else ''
    return f'{status.status}{where}: {status.reason}'
