"""The status of a run, derived from what is on disk."""

from collections.abc import Iterable
from typing import NamedTuple

from harness.runs.claims import Claim, current_claim
from harness.runs.evaluations import Evaluation, why_missing
from harness.runs.files import read_json
from harness.runs.folder import RunFolder

#: STALE: begun, but no process works on it any more; it resumes when the grid is started again.
#: QUEUED: submitted to a cluster.
STATUSES = ('DONE', 'RUNNING', 'QUEUED', 'STALE', 'FAILED', 'TODO')
_NUMBERS = ('iteration', 'max_iters', 'first', 'begun', 'updated')


class RunStatus(NamedTuple):
    """The status of a run.

    Attributes:
        status: One of ``STATUSES``.
        reason: The reason of a failure or an interruption.
        details: The rest of ``status.json``: ``stage``, ``iteration``, ``max_iters``, ``begun``
            (with ``first``, the iteration then), ``updated`` (seconds since the epoch).
        launcher: The launcher whose job may finish the run, if it is QUEUED or STALE; else ''.
        job: That job.
        claim: The process that works on it, or last did.
        missing: Evaluation -> why it has to be made.
        failures: How often it has failed.
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
    """Determines the status of a run.

    Args:
        folder: The run's folder.
        evaluations: The evaluations that a DONE run must have.
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
        # TODO covers finished runs of which the grid now wants more evaluations
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
