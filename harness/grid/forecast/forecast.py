"""``run_grid.py --plan``: forecasts time, memory and disk space of the rest of a grid.

Each kind of run is measured for a few seconds on this machine, with as many processes at once as
the grid will have workers; :mod:`harness.grid.forecast.estimate` extrapolates.
"""

import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from tqdm import tqdm

from harness.formats import bytes_text, duration_text
from harness.grid.expand import Run, run_folder
from harness.grid.forecast.estimate import (
    Estimate,
    EvaluationCost,
    Remaining,
    TrainingCost,
    estimate_run,
    wall_clock,
)
from harness.grid.fork_server import call, threads_of
from harness.grid.grid_file import Grid
from harness.runs.evaluations import why_missing

Measured = TrainingCost | EvaluationCost | str  # a text says why it could not be measured


def print_forecast(
    grid: Grid, runs: Sequence[Run], work_dir: Path, jobs: int, console: Console
) -> None:
    """Measures and prints the remaining cost of ``runs``, one by one and in total."""
    rest = {run.run_id: remaining(grid, run, work_dir) for run in runs}
    estimates, devices = forecast(grid, runs, rest.__getitem__, jobs)
    console.print(_table(estimates))
    for line in _totals(estimates, jobs, grid.nproc, devices):
        console.print(line, highlight=False)


def remaining(grid: Grid, run: Run, work_dir: Path) -> Remaining:
    """The remaining work of a run, after its last checkpoint."""
    folder = run_folder(work_dir, run)
    iterations = 0 if folder.is_trained else run.iterations - folder.iterations_saved
    evaluations = grid.evaluation.evaluations(run.variants)
    missing = why_missing(folder, evaluations)
    times: dict[str, float] = defaultdict(float)
    for evaluation in evaluations:
        if evaluation.key in missing:
            reset = evaluation.variant.reset
            times[evaluation.test_set] += reset.cost if reset else 1
    return Remaining(iterations, times)


def forecast(
    grid: Grid, runs: Sequence[Run], rest: Callable[[str], Remaining], jobs: int
) -> tuple[list[Estimate], list[str]]:
    """Forecasts the remaining cost of ``runs``.

    Args:
        grid: The grid.
        runs: The runs in the order in which they will start.
        rest: Run id -> its remaining work.
        jobs: The number of simultaneous runs.

    Returns:
        An estimate for each run, and the devices on which it was measured.
    """
    threads = threads_of(jobs, grid.nproc)
    sets, metrics = grid.test_sets, grid.evaluation.metrics
    trained = [run for run in runs if rest(run.run_id).iterations]
    evaluated = [run for run in runs if rest(run.run_id).test_sets]
    probes: dict[str, tuple] = {_training_key(r): (_measure_training, r.cfg) for r in trained}
    for run in evaluated:
        probes[_evaluation_key(run)] = (_measure_evaluation, run.cfg, sets, metrics)
    measured = _measure(probes, jobs, threads)
    estimates = []
    for run in runs:
        left = rest(run.run_id)
        training = measured[_training_key(run)] if left.iterations else None
        evaluation = measured[_evaluation_key(run)] if left.test_sets else None
        problem = next((m for m in (training, evaluation) if isinstance(m, str)), None)
        if problem:
            estimates.append(Estimate(run, left.iterations, problem=problem))
            continue
        assert training is None or isinstance(training, TrainingCost)
        assert evaluation is None or isinstance(evaluation, EvaluationCost)
        train_set = grid.train_sets.get(run.axes.train_set)
        estimates.append(
            estimate_run(run, left, train_set, grid.test_sets, training, evaluation, threads)
        )
    devices = {m.device for m in measured.values() if not isinstance(m, str)}
    return estimates, sorted(devices)


def measure_runs(runs: Sequence[Run], jobs: int, threads: int) -> list[Measured]:
    """Measures the trainings of ``runs``, each kind once, with ``jobs`` at the same time."""
    probes = {_training_key(run): (_measure_training, run.cfg) for run in runs}
    measured = _measure(probes, jobs, threads)
    return [measured[_training_key(run)] for run in runs]


def _training_key(run: Run) -> str:
    """A key that is equal for runs whose iterations cost the same; seed and R do not matter."""
    content = {k: v for k, v in run.content.items() if k not in ('randomness', 'param_scheduler')}
    loop = content['train_cfg']
    content['train_cfg'] = {k: loop[k] for k in loop if k not in ('repeats', 'max_iters')}
    return 'train ' + json.dumps(content, sort_keys=True, default=str)


def _evaluation_key(run: Run) -> str:
    content = [run.content.get(key) for key in ('model', 'lr_kind', 'nproc')]
    return 'evaluate ' + json.dumps(content, sort_keys=True, default=str)


def _measure(probes: dict[str, tuple], jobs: int, threads: int) -> dict[str, Measured]:
    """Runs the probes, always as many at once as there will be workers.

    Workers share the machine's caches and memory bandwidth. The first probes therefore run once
    more at the end, with their results discarded, so that the last ones do not run alone.
    """
    again = itertools.islice(itertools.cycle(probes.values()), jobs - 1)
    queue = [*probes.values(), *(again if probes else ())]
    with (
        ThreadPoolExecutor(jobs) as pool,
        tqdm(total=len(queue), desc='measuring', disable=None) as bar,
    ):

        def run(probe: tuple[int, Any]) -> Measured:
            slot, (function, *args) = probe
            try:
                return call(function, *args, slot % jobs, threads, threads=threads)
            except RuntimeError as error:
                return str(error)
            finally:
                bar.update()

        results = list(pool.map(run, enumerate(queue)))
    return dict(zip(probes, results, strict=False))


def _measure_training(*args: Any) -> Measured:
    from harness.grid.forecast.measure import measure_training

    return _or_problem(measure_training, *args)


def _measure_evaluation(*args: Any) -> Measured:
    from harness.grid.forecast.measure import measure_evaluation

    return _or_problem(measure_evaluation, *args)


def _or_problem(function: Callable, *args: Any) -> Measured:
    """Returns the error as text, because the caller may be unable to import its type."""
    try:
        return function(*args)
    except Exception as error:
        return f'{type(error).__name__}: {" ".join(str(error).split())}'


def _table(estimates: Sequence[Estimate]) -> Table:
    table = Table(box=None, pad_edge=False, header_style='bold')
    table.add_column('run', no_wrap=True)
    for title in (
        'iterations',
        'ms/iteration',
        'for states',
        'training',
        'evaluation',
        'memory',
        'states',
        'disk',
    ):
        table.add_column(title, justify='right')
    for e in estimates:
        if e.problem:
            table.add_row(e.run.run_id, f'{e.iterations:,}', f'[red]{escape(e.problem)}')
            continue
        table.add_row(
            e.run.run_id,
            f'{e.iterations:,}',
            f'{1e3 * e.iteration:.1f}' if e.iterations else '',
            f'{1e3 * e.passing:.1f}' if e.passing else '',
            duration_text(e.training),
            duration_text(e.evaluation),
            *(bytes_text(size) for size in (e.memory, e.bank, e.disk)),
        )
    return table


def _totals(
    estimates: Sequence[Estimate], jobs: int, nproc: int, devices: Sequence[str]
) -> Iterator[str]:
    known = [e for e in estimates if not e.problem]
    seconds = sum(e.seconds for e in known)
    wall = wall_clock([e.seconds for e in known], jobs)
    end = datetime.now() + timedelta(seconds=wall)
    at_once = sorted((e.memory * nproc + e.bank for e in known), reverse=True)[:jobs]
    unknown = len(estimates) - len(known)
    yield (
        f'{len(known)} runs: {sum(e.iterations for e in known):,} iterations, '
        f'{seconds * nproc / 3600:.1f} device hours '
        f'({duration_text(sum(e.training for e in known))} training, '
        f'{duration_text(sum(e.evaluation for e in known))} evaluation)'
    )
    yield (
        f'{jobs} at the same time: {duration_text(wall)}, until {end:%Y-%m-%d %H:%M}; memory up '
        f'to {bytes_text(sum(at_once))}, disk {bytes_text(sum(e.disk for e in known))}'
    )
    if unknown:
        yield f'[red]{unknown} runs could not be measured and are not included in these sums'
    if devices:
        yield f'measured on {", ".join(devices)}, {jobs} at the same time'
    if nproc > 1:
        yield f'communication between the {nproc} processes of a run is not included'
    if any(e.iterations and e.run.cfg.get('val_dataloader') for e in known):
        yield 'validation during training is not included'
