"""How far a run is, for those who watch it."""

import time
from pathlib import Path

from . import ledger


class Progress:
    """Writes how far a stage of a run is to ``status.json``, at most once a second.

    Args:
        folder: of the run.
        stage: ``'train'`` or ``'evaluate'``.
        total: iterations or frames of the stage.
        first: those that were done before.
    """

    def __init__(self, folder: Path, stage: str, total: int, first: int = 0):
        self.folder = folder
        self.details = dict(stage=stage, max_iters=total, first=first, begun=time.time())
        self.done = first
        self.next = 0.0

    def __call__(self, done: int) -> None:
        """Notes how many are done."""
        self.done = done
        self.alive()

    def alive(self) -> None:
        """Notes that something happens between two iterations."""
        if time.monotonic() >= self.next:
            self.next = time.monotonic() + 1
            ledger.write_status(self.folder, 'RUNNING', iteration=self.done, **self.details)
