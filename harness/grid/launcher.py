"""What a launcher is: it starts the processes of runs somewhere and says how they end.

A run's process claims its folder and leaves its outcome there by itself; launchers know nothing of
training. ``local`` has worker processes on this machine, ``slurm`` jobs of a cluster.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Optional, Protocol


class Job(Protocol):
    """The process of one run, wherever it is."""

    def ended(self) -> Optional[str]:
        """None while it may still work; then how it ended, '' if by itself."""

    def kill(self) -> None:
        """Ends it at once."""


class Launcher(Protocol):
    """Starts runs."""

    def free(self, running: int) -> int:
        """How many more runs can be started while ``running`` jobs are."""

    def find(self, folder: Path) -> Optional[Job]:
        """The job of an earlier command that still works on a run, or waits to."""

    def start(self, folders: Sequence[Path]) -> list[Job]:
        """Starts the runs of these folders, a job for each."""

    def wait(self, jobs: Sequence[Job]) -> None:
        """Waits until something may have happened to one of the jobs, or a moment."""

    def stop(self, jobs: Sequence[Job]) -> None:
        """Called on Ctrl-C: what to do with the jobs that are still working."""
