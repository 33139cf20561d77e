"""The interface of launchers, and the list of them.

A launcher starts the processes of runs somewhere and reports how they end. A run's process claims
its folder and writes its outcome there by itself; launchers know nothing of training. To add one,
see :func:`register_launcher`.

One module or folder per launcher belongs here. Launchers may import ``harness.runs``,
``harness.exits`` and ``harness.errors``; the local one also uses the fork server.
"""

import importlib
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from harness.errors import fail
from harness.runs.folder import RunFolder
from harness.runs.owners import JOB_VARIABLE, WORKER_VARIABLE

#: the folder that processes need on their PYTHONPATH
REPOSITORY = Path(__file__).resolve().parents[3]
#: launcher -> module below this package and class in it, or the class itself
_LAUNCHERS: dict[str, Any] = {
    'local': ('local', 'LocalLauncher'),
    'slurm': ('slurm.launcher', 'SlurmLauncher'),
    'ray': ('ray', 'RayLauncher'),
}


class Setting(NamedTuple):
    """What a launcher knows of its grid.

    Attributes:
        work_dir: The grid's work directory.
        name: The grid's name.
        jobs: The number of simultaneous runs, for launchers that limit it.
        nproc: The number of processes per training.
        options: The launcher's options from the grid file and the command line.
    """

    work_dir: Path
    name: str
    jobs: int
    nproc: int
    options: Mapping[str, Any]


class Job(Protocol):
    """The process of one run, wherever it is."""

    def ended(self) -> str | None:
        """None while it may still work; then the reason of its end, '' if it ended by itself."""

    def kill(self) -> None:
        """Ends it at once."""


class Launcher(Protocol):
    """Starts runs.

    Args:
        setting: What it needs to know of the grid.

    Raises:
        UserError: Its options are wrong, or it cannot be used here.
    """

    #: whether runs work on this machine and so use its memory and GPUs
    is_local: bool = False

    def __init__(self, setting: Setting) -> None: ...

    def free(self, running: int) -> int:
        """How many more runs can be started while ``running`` jobs are at work."""

    def find(self, folder: RunFolder) -> Any:
        """The :class:`Job` of an earlier command that still works on a run or waits; else None."""

    def start(self, folders: Sequence[RunFolder]) -> Sequence[Any]:
        """Starts the runs of these folders, and returns a :class:`Job` for each."""

    def wait(self, jobs: Sequence[Any]) -> None:
        """Waits until one of the jobs may have changed, but only briefly."""

    def stop(self, jobs: Sequence[Any]) -> None:
        """Ends or leaves the jobs that are still at work; called on Ctrl-C."""

    @staticmethod
    def at_work(jobs: Collection[str]) -> set[str] | None:
        """Those of the jobs in ``job.json`` files that work or wait; None if unknown."""


def register_launcher(name: str) -> Callable[[type], type]:
    """Decorator that registers a launcher, for modules in a grid file's ``plugins``.

    The grid file selects it by ``launcher = NAME`` and gives it options by ``NAME = dict(...)``.
    Most launchers derive from :class:`~harness.grid.launchers.queue.QueueLauncher`.
    """

    def register(launcher: Any) -> type:
        launcher.name = name
        _LAUNCHERS[name] = launcher
        return launcher

    return register


def launcher_names() -> tuple[str, ...]:
    """The names of all launchers."""
    return tuple(_LAUNCHERS)


def launcher_class(name: str) -> type[Launcher]:
    """A launcher's class; its module is imported only now.

    Raises:
        UserError: There is no launcher of that name.
    """
    if name not in _LAUNCHERS:
        fail(f'launcher: {name!r} is not one of {", ".join(_LAUNCHERS)}')
    found = _LAUNCHERS[name]
    if isinstance(found, tuple):
        module, attribute = found
        found = getattr(importlib.import_module(f'.{module}', __name__), attribute)
    return found


def worker_command(folder: RunFolder) -> list[str]:
    """The command that finishes a run, on any host that sees the same paths."""
    return [sys.executable, '-u', '-m', 'harness.grid.worker', str(folder.path.resolve())]


def worker_environment(job: str = '') -> dict[str, str]:
    """The environment variables that :func:`worker_command` needs besides the usual ones.

    Args:
        job: The job in which it runs, as :meth:`RunFolder.job` will return it.
    """
    own = os.environ.get('PYTHONPATH', '').split(os.pathsep)
    paths = os.pathsep.join([str(REPOSITORY), *(path for path in own if path)])
    return {'PYTHONPATH': paths, WORKER_VARIABLE: '1', JOB_VARIABLE: job}
