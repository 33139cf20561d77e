"""The state of a grid as a table, once or live, from what is on disk alone."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Optional

from rich.console import Console, Group
from rich.live import Live
from rich.style import Style
from rich.table import Table
from rich.text import Text

from .evaluation_plan import EvaluationPlan
from .evaluations import plan_evaluations
from .expand import Run, run_folder
from .ledger import STATUSES, RunStatus, read_status
from .slurm.queue import job_states, may_work

_COLOURS = dict(
    DONE='green', RUNNING='cyan', QUEUED='blue', STALE='yellow', FAILED='red', TODO='dim'
)
_HEADER = ('status', 'run', 'progress', 'left', 'process', 'note')
_PACE = {'iteration', 'first', 'begun', 'updated'}
_REFRESH = 2.0  # seconds


class Survey(NamedTuple):
    """A run and where it stands."""

    run: Run
    status: RunStatus


def survey(runs: Iterable[Run], work_dir: Path, plan: EvaluationPlan) -> list[Survey]:
    """Reads where all runs stand; a cluster's queue is asked only for runs that may be in it."""
    surveys = [
        Survey(run, read_status(run_folder(work_dir, run), plan_evaluations(run.variants, plan)))
        for run in runs
    ]
    if not any(s.status.status == 'QUEUED' or s.status.details.get('job') for s in surveys):
        return surveys
    states = job_states(timeout=1.0)
    return surveys if states is None else [Survey(r, _in_queue(s, states)) for r, s in surveys]


def _in_queue(status: RunStatus, states: dict[str, str]) -> RunStatus:
    """What the disk does not say of a run: its job was cancelled, or put back into the queue."""
    job = status.details.get('job')
    if job is None:
        return status
    if may_work(states.get(job, '')):
        return status._replace(status='QUEUED', reason='')
    if status.status == 'QUEUED':
        return status._replace(status='STALE', reason=f'job {job or "?"} is gone from the queue')
    return status


def counts_text(surveys: Sequence[Survey]) -> str:
    """``'10 runs: 3 DONE, 2 RUNNING, ...'``."""
    counts = Counter(s.status.status for s in surveys)
    # nobody needs to read of clusters who has none
    shown = [status for status in STATUSES if counts[status] or status not in ('QUEUED', 'STALE')]
    return f'{len(surveys)} runs: ' + ', '.join(f'{counts[s]} {s}' for s in shown)


def status_rows(surveys: Iterable[Survey]) -> list[tuple[str, ...]]:
    """The cells of each run, see ``_HEADER``."""
    return [
        (
            status.status,
            run.run_id,
            _progress(status),
            _duration(remaining_seconds(status)),
            _process(status),
            _note(status),
        )
        for run, status in surveys
    ]


def print_status(surveys: Sequence[Survey], console: Console) -> None:
    """One line a run, and the counts; no rich table, which takes a second for 1,000 rows."""
    rows = [_HEADER, *status_rows(surveys)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        if console.is_terminal:
            colour = _COLOURS[row[0]] if number else 'bold'
            cells[0] = Style.parse(colour).render(cells[0])
        print('  '.join(cells).rstrip())
    print(counts_text(surveys))


def watch(runs: Sequence[Run], work_dir: Path, plan: EvaluationPlan, console: Console) -> None:
    """Shows what changes until no run is being worked on any more, or Ctrl-C.

    Finished runs and those nobody has begun are only counted.
    """
    with Live(console=console, auto_refresh=False) as live:
        while True:
            surveys = survey(runs, work_dir, plan)
            shown = [s for s in surveys if s.status.status not in ('DONE', 'TODO')]
            left = grid_seconds(surveys)
            rest = f'; about {_duration(left)} left' if left is not None else ''
            live.update(Group(_table(shown), counts_text(surveys) + rest), refresh=True)
            if not any(s.status.status in ('RUNNING', 'QUEUED') for s in surveys):
                return
            time.sleep(_REFRESH)


def _table(surveys: Iterable[Survey]) -> Table:
    table = Table(*_HEADER, box=None, pad_edge=False, header_style='bold')
    for status, *cells in status_rows(surveys):
        table.add_row(Text(status, _COLOURS[status]), *map(Text, cells))
    return table


def remaining_seconds(status: RunStatus) -> Optional[float]:
    """Of the stage that a run is in, at its pace until now; None if that is not known."""
    seconds, left = seconds_per_step(status), _steps_left(status)
    return None if seconds is None else seconds * left


def seconds_per_step(status: RunStatus) -> Optional[float]:
    """Pace of a running run in its stage since it was begun or resumed."""
    details = status.details
    if status.status != 'RUNNING' or not details.keys() >= _PACE:
        return None
    done = details['iteration'] - details['first']
    return (details['updated'] - details['begun']) / done if done else None


def grid_seconds(surveys: Sequence[Survey]) -> Optional[float]:
    """Rest of all trainings, at the pace of those that run, shared among as many processes.

    None while no training has a pace.
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
    return f'{name} {_duration(age)} ago' if status.status != 'DONE' else ''


def _note(status: RunStatus) -> str:
    if status.reason:
        return status.reason
    if status.status == 'STALE':
        return 'its process is gone; goes on when started again'
    if status.status == 'QUEUED':
        return f'job {status.details.get("job", "?")}'
    if status.status == 'TODO' and status.details:
        return 'to evaluate: ' + ', '.join(status.missing)
    return ''


def _duration(seconds: Optional[float]) -> str:
    if seconds is None:
        return ''
    if seconds < 60:
        return f'{seconds:.0f} s'
    if seconds < 3600:
        return f'{seconds / 60:.0f} min'
    return f'{seconds / 3600:.1f} h' if seconds < 86_400 else f'{seconds / 86_400:.1f} d'
