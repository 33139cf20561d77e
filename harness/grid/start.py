"""Starting the runs of a grid: their folders first, then a launcher."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from harness.evaluation.references import write_references
from harness.files import replacing, write_json

from .evaluations import plan_evaluations
from .expand import Run, run_folder
from .grid_file import Grid
from .launch import GridLaunch, Work
from .launcher import Launcher
from .task import Task
from .versions import versions


def prepare(
    grid: Grid, runs: Sequence[Run], work_dir: Path, hang_after: float, eval_only: bool = False
) -> list[Work]:
    """Writes what the processes of ``runs`` need to know."""
    about = versions()
    works = []
    for run in runs:
        folder = run_folder(work_dir, run)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / 'run.json', dict(run.record(), identity=run.identity, versions=about))
        with replacing(folder / 'config.py') as temporary:
            temporary.write_text(run.cfg.pretty_text)
        evaluations = plan_evaluations(run.variants, grid.evaluation)
        Task(run.is_trained, eval_only, hang_after, evaluations).write(folder)
        works.append(Work(run.run_id, folder, evaluations))
    for name, test_set in grid.test_sets.items():
        lr_kind = next(kind for kind in ('lr_bd', 'lr_bi') if kind in test_set.kinds)
        images = grid.evaluation.images[name]
        write_references(work_dir / 'references' / name, test_set, images, lr_kind)
    return works


def start(works: Sequence[Work], launcher: Launcher, max_retries: int, hang_after: float) -> None:
    """Brings all runs to an end."""
    console = Console(soft_wrap=True)
    GridLaunch(launcher, console, max_retries, hang_after).work_through(works)
