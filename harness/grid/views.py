"""Shows the status of a grid as a table, once or live, and explains single runs."""

import fnmatch
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console, Group
from rich.live import Live
from rich.style import Style
from rich.table import Table
from rich.text import Text

from harness.errors import fail
from harness.formats import duration_text
from harness.grid.evaluation import EvaluationSettings
from harness.grid.expand import Run, run_folder
from harness.grid.launchers import launcher_class, launcher_names
from harness.runs.evaluations import Evaluation
from harness.runs.files import read_json
from harness.runs.folder import RunFolder
from harness.runs.identity import RESULTS_VERSION, differences, digest
from harness.runs.status import STATUSES, RunStatus, describe, read_status

_COLOURS = dict(
    DONE='green', RUNNING='cyan', QUEUED='blue', STALE='yellow', FAILED='red', TODO='dim'
)
_HEADER = ('status', 'run', 'progress', 'left', 'process', 'note')
_PACE = {'iteration', 'first', 'begun', 'updated'}
_REFRESH = 2.0  # seconds


class Survey(NamedTuple):
    """A run and its status."""

    run: Run
    status: RunStatus


def survey(runs: Iterable[Run], work_dir: Path, evaluation: EvaluationSettings) -> list[Survey]:
    """Reads the status of all runs; queries a cluster's queue only for runs that may be in it."""
    surveys = [
        Survey(run, _read(run_folder(work_dir, run), evaluation.evaluations(run.variants)))
        for run in runs
    ]
    jobs: dict[str, set[str]] = {}
    for _, status in surveys:
        if status.launcher in launcher_names():
            jobs.setdefault(status.launcher, set()).add(status.job)
    at_work = {name: launcher_class(name).at_work(ids) for name, ids in jobs.items()}
    return [Survey(run, _in_queue(status, at_work)) for run, status in surveys]


def _read(folder: RunFolder, evaluations: Sequence[Evaluation]) -> RunStatus:
    """The status of a run; FAILED if its folder is unreadable, so that the others are shown."""
    try:
        return read_status(folder, evaluations)
    except OSError as error:
        missing = {e.key: 'unknown' for e in evaluations}
        reason = f'{error.filename or folder.path}: {error.strerror}'
        return RunStatus('FAILED', reason, {}, '', '', None, missing, 0)


def _in_queue(status: RunStatus, at_work: dict[str, set[str] | None]) -> RunStatus:
    """Corrects the status of a run whose job was cancelled or requeued, which the disk lacks."""
    working = at_work.get(status.launcher, set())
    if working is None or status.status not in ('QUEUED', 'STALE'):
        return status
    if status.job and status.job in working:
        return status._replace(status='QUEUED', reason='')
    if status.status == 'QUEUED':
        job = f'job {status.job or "?"}'
        return status._replace(status='STALE', reason=f'{job} is no longer in the queue')
    return status


def counts_text(surveys: Sequence[Survey]) -> str:
    """``'10 runs: 3 DONE, 2 RUNNING, ...'``."""
    counts = Counter(s.status.status for s in surveys)
    # statuses that mostly concern clusters are shown only if they occur
    shown = [status for status in STATUSES if counts[status] or status not in ('QUEUED', 'STALE')]
    return f'{len(surveys)} runs: ' + ', '.join(f'{counts[s]} {s}' for s in shown)


def status_rows(surveys: Iterable[Survey]) -> list[tuple[str, ...]]:
    """The cells of each run, see ``_HEADER``."""
    return [
        (
            status.status,
            run.run_id,
            _progress(status),
            duration_text(remaining_seconds(status)),
            _process(status),
            _note(status),
        )
        for run, status in surveys
    ]


def print_status(surveys: Sequence[Survey], console: Console) -> None:
    """Prints a line for each run, and the counts; a rich table would take 1 s for 1,000 rows."""
    rows = [_HEADER, *status_rows(surveys)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        if console.is_terminal:
            colour = _COLOURS[row[0]] if number else 'bold'
            cells[0] = Style.parse(colour).render(cells[0])
        print('  '.join(cells).rstrip())
    print(counts_text(surveys))


def watch(
    runs: Sequence[Run], work_dir: Path, evaluation: EvaluationSettings, console: Console
) -> None:
    """Shows the runs in progress until none is left, or Ctrl-C.

    Runs that are finished or have not begun are only counted.
    """
    with Live(console=console, auto_refresh=False) as live:
        while True:
            surveys = survey(runs, work_dir, evaluation)
            shown = [s for s in surveys if s.status.status not in ('DONE', 'TODO')]
            left = grid_seconds(surveys)
            rest = f'; about {duration_text(left)} left' if left is not None else ''
            live.update(Group(_table(shown), counts_text(surveys) + rest), refresh=True)
            if not any(s.status.status in ('RUNNING', 'QUEUED') for s in surveys):
                return
            time.sleep(_REFRESH)


def _table(surveys: Iterable[Survey]) -> Table:
    table = Table(*_HEADER, box=None, pad_edge=False, header_style='bold')
    for status, *cells in status_rows(surveys):
        table.add_row(Text(status, _COLOURS[status]), *map(Text, cells))
    return table


def remaining_seconds(status: RunStatus) -> float | None:
    """Remaining seconds of a run's current stage at its pace so far; None if unknown."""
    seconds, left = seconds_per_step(status), _steps_left(status)
    return None if seconds is None else seconds * left


def seconds_per_step(status: RunStatus) -> float | None:
    """Seconds per step of a run's current stage since it started or resumed; None if unknown."""
    details = status.details
    if status.status != 'RUNNING' or not details.keys() >= _PACE:
        return None
    done = details['iteration'] - details['first']
    return (details['updated'] - details['begun']) / done if done else None


def grid_seconds(surveys: Sequence[Survey]) -> float | None:
    """Remaining seconds of all trainings, shared by as many processes as run now, at their pace.

    None while no pace is known.
    """
    training = [s.status for s in surveys if s.status.details.get('stage') == 'train']
    paces = [pace for pace in map(seconds_per_step, training) if pace is not None]
    if not paces:
        return None
    steps = sum(
        _steps_left(s.status) if s.status.details.get('stage') == 'train' else s.run.iterations
        for s in surveys
        if s.status.status != 'DONE' and s.status.details.get('stage') != 'evaluate'
    )
    return steps * sum(paces) / len(paces) / len(paces)


def _steps_left(status: RunStatus) -> int:
    details = status.details
    return details.get('max_iters', 0) - details.get('iteration', 0)


def _progress(status: RunStatus) -> str:
    details = status.details
    if status.status == 'DONE' or not details.keys() >= {'stage', 'iteration', 'max_iters'}:
        return ''
    share = details['iteration'] / max(1, details['max_iters'])
    return f'{details["stage"]} {details["iteration"]}/{details["max_iters"]} {share:4.0%}'


def _process(status: RunStatus) -> str:
    if status.claim is None or status.claim.owner is None:
        return ''
    owner, age = status.claim.owner, status.claim.age
    name = f'{owner.host}:{owner.pid}{f" job {owner.job}" if owner.job else ""}'
    return f'{name} {duration_text(age)} ago' if status.status != 'DONE' else ''


def _note(status: RunStatus) -> str:
    if status.reason:
        return status.reason
    if status.status == 'STALE':
        return 'its process has ended; resumes when started again'
    if status.status == 'QUEUED':
        return f'job {status.job or "?"}'
    if status.status == 'TODO' and status.details:
        return 'to evaluate: ' + ', '.join(status.missing)
    return ''


def explain(pattern: str, surveys: Sequence[Survey], work_dir: Path) -> str:
    """Explains every run whose id contains the pattern.

    Raises:
        UserError: No run matches.
    """
    found = [s for s in surveys if fnmatch.fnmatch(s.run.run_id, f'*{pattern}*')]
    if not found:
        fail(f'no run of the grid matches {pattern}; --status lists them')
    planned = {s.run.run_id for s in surveys}
    return '\n\n'.join('\n'.join(_explanation(s, work_dir, planned)) for s in found)


def _explanation(survey: Survey, work_dir: Path, planned: set[str]) -> Iterator[str]:
    run, status = survey
    folder = run_folder(work_dir, run)
    yield run.run_id
    yield f'  folder    {folder.path}'
    axes: dict[str, Any] = run.axes.record() if run.is_trained else dict(network=run.axes.network)
    axes |= axes.pop('options', {})
    yield '  axes      ' + ', '.join(f'{k}={v}' for k, v in axes.items() if v is not None)
    yield (
        f'  identity  {digest(run.identity)}: config without what cannot change results'
        f'{", training set " + run.identity["train_set"][:12] if run.is_trained else ""}, '
        f'results_version {RESULTS_VERSION}'
    )
    yield f'  status    {describe(status)}'
    if versions := read_json(folder.run_json).get('versions'):
        yield f'  made by   commit {versions.get("commit", "unknown")}, torch {versions["torch"]}'
    if status.status == 'DONE':
        yield f'  results   all {len(run.variants)} variant(s) of all test sets are up to date'
    yield from (f'  missing   {key}: {why}' for key, why in status.missing.items())
    yield from (
        f'  failure   {f["when"]}: {f["reason"]}\n'
        + '\n'.join(f'            | {line}' for line in f.get('log_tail', ()))
        for f in folder.failures[-1:]
    )
    if status.status != 'DONE':
        yield from _relatives(run, work_dir, planned)


def _relatives(run: Run, work_dir: Path, planned: set[str]) -> Iterator[str]:
    """Run folders with the same axes that the grid no longer has, and how they differ."""
    stem = run.run_id.rpartition('-')[0]
    for path in sorted((work_dir / 'runs').iterdir()):
        if path.name.rpartition('-')[0] == stem and path.name not in planned:
            before = read_json(RunFolder(path).run_json).get('identity')
            if isinstance(before, dict):
                yield f'  before    {path.name}, which differs in'
                yield from (f'            {line}' for line in differences(before, run.identity))
