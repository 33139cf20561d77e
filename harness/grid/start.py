"""Starting the runs of a grid: their folders first, then a launcher."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Optional

from rich.console import Console

from harness.errors import fail
from harness.evaluation.references import write_references
from harness.files import replacing, write_json

from .evaluations import plan_evaluations
from .expand import Run, run_folder
from .grid_file import Grid
from .launch import GridLaunch, Work
from .launcher import Launcher
from .slurm.options import SlurmOptions, parse_settings, plan_slurm
from .slurm.script import sbatch_script
from .task import Task
from .versions import versions


def prepare(
    grid: Grid,
    runs: Sequence[Run],
    work_dir: Path,
    hang_after: float,
    eval_only: bool = False,
    retried: Collection[str] = (),
) -> list[Work]:
    """Writes what the processes of ``runs`` need to know.

    Args:
        grid: the grid.
        runs: those to bring to an end.
        work_dir: of the grid.
        hang_after: seconds without progress after which a process ends itself.
        eval_only: no training may go on.
        retried: ids of failed runs that somebody wants started again, from nothing if need be.
    """
    about = versions()
    works = []
    for run in runs:
        folder = run_folder(work_dir, run)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / 'run.json', dict(run.record(), identity=run.identity, versions=about))
        with replacing(folder / 'config.py') as temporary:
            temporary.write_text(run.cfg.pretty_text)
        evaluations = plan_evaluations(run.variants, grid.evaluation)
        again = run.run_id in retried and not eval_only
        Task(run.is_trained, eval_only, again, hang_after, evaluations).write(folder)
        works.append(Work(run.run_id, folder, evaluations))
    for name, test_set in grid.test_sets.items():
        lr_kind = next(kind for kind in ('lr_bd', 'lr_bi') if kind in test_set.kinds)
        images = grid.evaluation.images[name]
        write_references(work_dir / 'references' / name, test_set, images, lr_kind)
    return works


def make_launcher(
    grid: Grid, work_dir: Path, name: Optional[str], jobs: Optional[int], settings: list[str]
) -> Launcher:
    """The launcher of the command line, or else of the grid.

    Args:
        grid: the grid.
        work_dir: of the grid.
        name: ``'local'`` or ``'slurm'``, None for the grid's.
        jobs: local worker processes, None for the grid's number.
        settings: ``KEY=VALUE`` for Slurm, which come before the grid's.

    Raises:
        UserError: it cannot be used here, or its options are wrong.
    """
    name = name or grid.launcher
    if name == 'slurm':
        from .slurm.launcher import SlurmLauncher

        return SlurmLauncher(work_dir / 'slurm', _slurm_options(grid, settings))
    if settings:
        fail('--slurm KEY=VALUE needs --launcher slurm')
    from .local import LocalLauncher

    return LocalLauncher(jobs or grid.jobs, grid.nproc)


def sbatch_script_of(grid: Grid, works: Sequence[Work], work_dir: Path, settings: list[str]) -> str:
    """A script that starts prepared runs; what its jobs print has a folder then."""
    options = _slurm_options(grid, settings)
    folder = work_dir / 'slurm'
    folder.mkdir(exist_ok=True)
    return sbatch_script([work.folder for work in works], folder, options)


def _slurm_options(grid: Grid, settings: list[str]) -> SlurmOptions:
    return plan_slurm({**grid.slurm, **parse_settings(settings)}, grid.nproc, grid.name)


def start(works: Sequence[Work], launcher: Launcher, max_retries: int, hang_after: float) -> None:
    """Brings all runs to an end."""
    console = Console(soft_wrap=True)
    GridLaunch(launcher, console, max_retries, hang_after).work_through(works)
