"""Reads the status and times of a run from its folder, for tables."""

from datetime import datetime
from pathlib import Path
from typing import Any

from harness.runs.files import InvalidFile, load_json
from harness.runs.text import clean

TIMING_FIELDS = (
    'parameters',
    'ms_per_iteration',
    'load_ms',
    'state_pass_ms',
    'burn_in_ms',
    'step_ms',
    'train_seconds',
    'device',
    'threads',
)
# The words of tables for a run that is not done, worst first.
STATUS_WORDS = {
    'FAILED': 'failed',
    'INVALID': 'invalid',  # an unreadable status file
    'RUNNING': 'unfinished',
    'INTERRUPTED': 'unfinished',
    'QUEUED': 'missing',
    'TODO': 'missing',
}


def run_path(work_dir: Path, run_id: str) -> Path:
    """Folder of a run, or of external results (``external/<key>``)."""
    return work_dir / (run_id if run_id.startswith('external/') else f'runs/{run_id}')


def read_status(run_dir: Path) -> tuple[str, str]:
    """Returns the status of a run and, unless it is done, the reason in one line.

    Returns:
        DONE or one of ``STATUS_WORDS``, and the reason.
    """
    path = run_dir / 'status.json'
    if not path.is_file():
        return 'TODO', 'not started'
    try:
        raw = clean(load_json(path))
    except InvalidFile as error:
        return 'INVALID', str(error)
    status = raw.get('status')
    if status not in ('DONE', *STATUS_WORDS):
        return 'INVALID', f'status.json has the unknown status {status!r}'
    return status, _status_reason(status, raw)


def _status_reason(status: str, raw: dict) -> str:
    where = ''
    if 'stage' in raw:
        where = f'{raw["stage"]}, iteration {raw.get("iteration")} of {raw.get("max_iters")}'
    if status in ('DONE', 'TODO'):
        return 'not started' if status == 'TODO' else ''
    if status == 'RUNNING':
        return f'unfinished: {where}, last update {_clock(raw.get("updated"))}'
    recorded = ' '.join(str(raw.get('reason') or '').split())
    reason = {
        'FAILED': recorded or 'no reason recorded',
        'INTERRUPTED': ': '.join(filter(None, ['interrupted, resumes when restarted', recorded])),
        'QUEUED': "waits in the cluster's queue",
    }[status]
    return f'{reason} ({where})' if where else reason


def _clock(seconds: Any) -> str:
    """Formats a time in seconds since the epoch."""
    try:
        return datetime.fromtimestamp(seconds).isoformat(' ', 'seconds')
    except (TypeError, ValueError, OverflowError, OSError):
        return 'unknown'


def read_timing(run_dir: Path) -> dict:
    """Returns a run's training time (milliseconds, seconds) and parameters; empty if absent.

    Raises:
        InvalidFile: the file is there but cannot be read.
    """
    path = run_dir / 'timing.json'
    if not path.is_file():
        return {}
    raw = clean(load_json(path))
    timing = {field: raw.get(field) for field in TIMING_FIELDS}
    for name, value in timing.items():
        allowed = str if name == 'device' else (int, float)
        if value is not None and (isinstance(value, bool) or not isinstance(value, allowed)):
            raise InvalidFile(f'timing.json: {name} cannot be {value!r}')
    return timing


def read_external(folder: Path) -> tuple[str, str, str, str]:
    """Returns status, reason, protocol ('' for the default) and kind of external results.

    The kind is ``reported`` if they are from a paper, else ''.
    """
    if not (folder / 'external.json').is_file():
        return 'TODO', 'not scored', '', ''
    try:
        content = clean(load_json(folder / 'external.json'))
    except InvalidFile as error:
        return 'INVALID', str(error), '', ''
    protocol, kind = (str(content.get(name) or '') for name in ('protocol', 'kind'))
    return 'DONE', '', protocol, kind
