"""The training times that ``budget='time'`` compares: measured once, then kept.

A time is measured as for ``--plan`` (see :mod:`harness.grid.forecast.measure`): some iterations of
the real training, with as many simultaneous runs as the grid has workers. It is written to
``times/<network>-<strategy>-<hash>.json`` in the work directory before any run starts whose number
of iterations depends on it, and never changed: whoever resumes the grid, on any machine, gets the
same runs. If two commands measure at the same time, the first result counts. To measure again,
delete the folder ``times``; runs whose number of iterations then changes become new runs.
"""

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from harness.errors import fail
from harness.grid.expand import Run, time_key
from harness.grid.forecast.estimate import seconds_per_iteration
from harness.grid.forecast.forecast import measure_runs
from harness.grid.fork_server import threads_of
from harness.grid.grid_file import Grid
from harness.runs.files import InvalidFile, load_json, write_json


def read_times(work_dir: Path) -> dict[str, float]:
    """:func:`~harness.grid.expand.time_key` -> seconds per iteration, for all that were measured.

    Raises:
        UserError: A file is damaged; ignoring it would change the runs of the grid.
    """
    return {path.stem: _read(path) for path in sorted(_folder(work_dir).glob('[!.]*.json'))}


def _folder(work_dir: Path) -> Path:
    return work_dir / 'times'


def _read(path: Path) -> float:
    try:
        seconds = load_json(path).get('seconds_per_iteration')
    except InvalidFile as error:
        fail(f'{path}: {error}; delete it to measure again')
    if not isinstance(seconds, float) or not seconds > 0:
        fail(f'{path}: seconds_per_iteration cannot be {seconds!r}; delete it to measure again')
    return seconds


def settle_times(
    grid: Grid,
    runs: Sequence[Run],
    work_dir: Path,
    jobs: int,
    measure: Callable = measure_runs,
) -> dict[str, float]:
    """Measures and saves the times of runs for which none is known.

    Args:
        grid: The grid.
        runs: The runs without a time.
        work_dir: The grid's work directory.
        jobs: The number of simultaneous runs.
        measure: As :func:`~harness.grid.forecast.forecast.measure_runs`.

    Returns:
        All known times, as :func:`read_times`.

    Raises:
        UserError: A run cannot be trained.
    """
    threads = threads_of(jobs, grid.nproc)
    for run, measured in zip(runs, measure(runs, jobs, threads), strict=True):
        if isinstance(measured, str):
            fail(f"budget='time': {run.run_id} cannot be measured: {measured}")
        train_set = grid.train_sets[run.axes.train_set]
        content = dict(
            seconds_per_iteration=float(seconds_per_iteration(run, train_set, measured, threads)),
            device=measured.device,
            jobs=jobs,
            threads=threads,
            measured=f'{datetime.now():%Y-%m-%d %H:%M:%S}',
        )
        _write_once(_folder(work_dir) / f'{time_key(run)}.json', content)
    return read_times(work_dir)


def _write_once(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f'.{os.getpid()}-{path.name}')
    write_json(draft, content)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        if not path.exists():
            write_json(path, content)
    finally:
        draft.unlink(missing_ok=True)
