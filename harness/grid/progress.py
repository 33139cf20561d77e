"""How far a run is, for those who watch it."""

import time
from pathlib import Path

from . import ledger


class Progress:
    """Writes how far a stage of a run is to ``status.json``, at most once a second."""

    def __init__(self, folder: Path, stage: str, total: int):
        self.folder = folder
        self.details = dict(stage=stage, max_iters=total)
        self.next = 0.0

    def __call__(self, done: int) -> None:
        if time.monotonic() >= self.next:
            self.next = time.monotonic() + 1
            ledger.write_status(self.folder, 'RUNNING', iteration=done, **self.details)
