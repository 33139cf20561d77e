"""Where the processes of runs are started: the interface of launchers, and which there are.

A launcher starts the processes of runs somewhere and says how they end. A run's process claims its
folder and leaves its outcome there by itself; launchers know nothing of training. To add one, see
:func:`register_launcher`.
"""

import importlib
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from harness.errors import fail
from harness.runs.claims import JOB_VARIABLE, WORKER_VARIABLE
from harness.runs.folder import RunFolder

#: which processes need on their PYTHONPATH
REPOSITORY = Path(__file__).resolve().parents[3]
#: launcher -> module below this package and class in it, or the class itself
_LAUNCHERS: dict[str, Any] = {
    'local': ('local', 'LocalLauncher'),
    'slurm': ('slurm.launcher', 'SlurmLauncher'),
    'ray': ('ray', 'RayLauncher'),
}


class Setting(NamedTuple):
    """What a launcher is made for.

    Attributes:
        work_dir: of the grid.
        name: of the grid.
        jobs: runs at the same time, for launchers that limit them.
        nproc: processes of each training.
        options: of the launcher: the grid file's entry of its name, and the command line's.
    """

    work_dir: Path
    name: str
    jobs: int
    nproc: int
    options: Mapping[str, Any]


class Job(Protocol):
    """The process of one run, wherever it is."""

    def ended(self) -> str | None:
        """None while it may still work; then how it ended, '' if by itself."""

    def kill(self) -> None:
        """Ends it at once."""


class Launcher(Protocol):
    """Starts runs; made from a :class:`Setting`.

    Raises:
        UserError: its options are wrong, or it cannot be used here.
    """

    #: whether runs work on this machine, so that its memory and GPUs are theirs
    is_local: bool = False

    def free(self, running: int) -> int:
        """How many more runs can be started while ``running`` jobs are."""

    def find(self, folder: RunFolder) -> Job | None:
        """The job of an earlier command that still works on a run, or waits to."""

    def start(self, folders: Sequence[RunFolder]) -> list[Job]:
        """Starts the runs of these folders, a job for each."""

    def wait(self, jobs: Sequence[Job]) -> None:
        """Waits until something may have happened to one of the jobs, or a moment."""

    def stop(self, jobs: Sequence[Job]) -> None:
        """Called on Ctrl-C: what to do with the jobs that are still working."""

    @staticmethod
    def at_work(jobs: Collection[str]) -> set[str] | None:
        """Those of the jobs in ``job.json`` files that work or wait; None if nothing is known."""


def register_launcher(name: str) -> Callable[[type], type]:
    """Decorator that adds a launcher under a name, for modules that a grid file has in ``plugins``.

    The grid file chooses it by ``launcher = NAME`` and gives it options by ``NAME = dict(...)``.
    Most will be a :class:`~harness.grid.launchers.queue.QueueLauncher`.
    """

    def register(launcher: type) -> type:
        launcher.name = name
        _LAUNCHERS[name] = launcher
        return launcher

    return register


def launcher_names() -> tuple[str, ...]:
    """All launchers."""
    return tuple(_LAUNCHERS)


def launcher_class(name: str) -> type:
    """A launcher's class; its module is imported only now.

    Raises:
        UserError: there is none of that name.
    """
    if name not in _LAUNCHERS:
        fail(f'launcher: {name!r} is none of {", ".join(_LAUNCHERS)}')
    found = _LAUNCHERS[name]
    if isinstance(found, tuple):
        module, attribute = found
        found = getattr(importlib.import_module(f'.{module}', __name__), attribute)
    return found


def worker_command(folder: RunFolder) -> list[str]:
    """The command that brings a run to its end, on any host that sees the same paths."""
    return [sys.executable, '-u', '-m', 'harness.grid.worker', str(folder.path.resolve())]


def worker_environment(job: str = '') -> dict[str, str]:
    """The variables that :func:`worker_command` needs beside the usual ones.

    Args:
        job: in which it runs, as :meth:`RunFolder.job` will give it.
    """
    paths = os.environ.get('PYTHONPATH', '').split(os.pathsep)
    paths = os.pathsep.join([str(REPOSITORY), *(p for p in paths if p)])
    return {'PYTHONPATH': paths, WORKER_VARIABLE: '1', JOB_VARIABLE: job}
