"""Runs worker processes on this machine and shows their progress."""

import multiprocessing
import os
import signal
import time
from multiprocessing.connection import wait
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from harness.files import read_json

from . import ledger
from .evaluation_plan import EvaluationPlan
from .expand import Run, run_folder

_REPOSITORY = Path(__file__).resolve().parents[2]


class _Job(NamedTuple):
    run: Run
    folder: Path
    process: multiprocessing.Process
    slot: int
    task: int  # of the progress display


def launch_locally(
    runs: list[Run], work_dir: Path, evaluation: EvaluationPlan, jobs: int, console: Console
) -> None:
    """Works through ``runs`` with ``jobs`` processes; outcomes are on disk afterwards.

    The processes are forked from a server that has imported MMagic once and has started neither
    OpenMP nor CUDA. CPU threads are shared equally. On Ctrl-C they end and the runs stay resumable.
    """
    nproc = max(run.cfg.get('nproc', 1) for run in runs)
    threads = max(1, (os.cpu_count() or 1) // (jobs * nproc))
    os.environ.update(OMP_NUM_THREADS=str(threads), PYTHONPATH=_with_repository())
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['harness.grid.worker'])
    waiting, running = list(runs), []
    with _progress(console) as progress:
        overall = progress.add_task('runs', total=len(runs), stage='')
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    slot = min(set(range(jobs)) - {job.slot for job in running})
                    job = _start(context, waiting.pop(0), work_dir, evaluation, slot, progress)
                    running.append(job)
                wait([job.process.sentinel for job in running], timeout=0.5)
                for job in running:
                    _show(job, progress)
                for job in [j for j in running if not j.process.is_alive()]:
                    running.remove(job)
                    progress.remove_task(job.task)
                    progress.advance(overall)
                    console.print(_outcome(job), highlight=False)
        finally:
            for job in running:
                job.process.kill()
                job.process.join()


def _with_repository() -> str:
    """The fork server must find our packages however run_grid was started."""
    paths = os.environ.get('PYTHONPATH', '').split(os.pathsep)
    return os.pathsep.join([str(_REPOSITORY), *(p for p in paths if p)])


def _start(context, run: Run, work_dir, evaluation, slot, progress) -> _Job:
    from .entry import main

    folder = run_folder(work_dir, run)
    process = context.Process(
        target=main,
        args=(folder, bool(run.axes.strategy), evaluation, slot),
        name=run.run_id,
    )
    process.start()
    return _Job(
        run, folder, process, slot, progress.add_task(run.run_id, total=None, stage='start')
    )


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn('{task.description}'),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn('{task.fields[stage]}'),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _show(job: _Job, progress: Progress) -> None:
    status = read_json(job.folder / 'status.json')
    if status.get('status') == 'RUNNING':
        progress.update(
            job.task,
            completed=status['iteration'],
            total=status['max_iters'],
            stage=status['stage'],
        )


def _exit_reason(code: int) -> str:
    if code < 0:
        return f'the process was killed by {signal.Signals(-code).name}'
    return f'the process ended with code {code}'


def _outcome(job: _Job) -> str:
    """One line on how a run ended; a process that left no word was killed."""
    status = read_json(job.folder / 'status.json')
    if status.get('status') == 'RUNNING' and not ledger.is_claimed(job.folder):
        reason = _exit_reason(job.process.exitcode)
        ledger.write_status(job.folder, 'FAILED', reason=reason)
        status = read_json(job.folder / 'status.json')
    reason = f': {status["reason"]}' if status.get('reason') else ''
    clock = time.strftime('%H:%M:%S')
    return f'{clock} {job.run.run_id} {status.get("status", "RUNNING elsewhere")}{reason}'
