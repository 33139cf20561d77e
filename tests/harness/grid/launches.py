"""Launching a tiny grid from a test, to disturb it while it runs."""

import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pandas as pd
from rich.console import Console

from harness.grid.expand import expand
from harness.grid.launchers import Setting
from harness.grid.launchers.local import LocalLauncher
from harness.grid.scheduler import Scheduler, prepare
from harness.grid.validation import load_grid
from harness.runs.claims import current_claim
from harness.runs.status import RunStatus

# two threads for such small networks are slower, and many times so beside other work
os.environ.setdefault('OMP_NUM_THREADS', '1')


class Launch:
    """The runs of a grid whose ids contain ``only``, brought to their end in a thread.

    Worker processes come from this process's fork server, which imports MMagic once for all tests.
    """

    def __init__(
        self,
        grid_file: Path,
        only: str = 'PI-R4',
        hang_after: float = 600,
        max_retries: int = 0,
        eval_only: bool = False,
        retry_failed: bool = False,
        **overrides,
    ) -> None:
        grid = load_grid(str(grid_file), overrides)
        runs = [run for run in expand(grid) if only in run.run_id]
        retried = [run.run_id for run in runs] if retry_failed else ()
        work_dir = grid_file.parent / 'work'
        self.works = prepare(grid, runs, work_dir, hang_after, eval_only, retried)
        setting = Setting(work_dir, grid.name, 1, 1, {})
        self.output = io.StringIO()
        console = Console(file=self.output, width=400)
        launch = Scheduler(LocalLauncher(setting), console, max_retries, hang_after)
        self._thread = Thread(target=launch.work_through, args=(self.works,))

    @property
    def folder(self) -> Path:
        """Of the first run."""
        return self.works[0].folder.path

    @property
    def status(self) -> RunStatus:
        """Of the first run."""
        return self.works[0].status()

    def start(self) -> 'Launch':
        """Begins."""
        self._thread.start()
        return self

    def end(self) -> 'Launch':
        """Waits for the end."""
        self._thread.join(120)
        assert not self._thread.is_alive(), self.output.getvalue()
        return self

    def run(self) -> 'Launch':
        """From the beginning to the end."""
        return self.start().end()

    def until(self, condition: Callable[[], object]) -> None:
        """Waits for something to happen while it runs."""
        deadline = time.monotonic() + 90
        while not condition():
            assert time.monotonic() < deadline and self._thread.is_alive(), self.output.getvalue()
            time.sleep(0.01)

    def until_iteration(self, number: int) -> None:
        """Waits until the first run has a checkpoint of that iteration or a later one."""
        self.until(lambda: any(n >= number for n in self.checkpoints()))

    def checkpoints(self) -> list[int]:
        """Iterations of the first run's checkpoints."""
        return sorted(int(p.stem[5:]) for p in self.folder.glob('iter_*.pth'))

    def signal(self, number: int) -> None:
        """Sends a signal to the first run's process."""
        os.kill(current_claim(self.folder).owner.pid, number)

    def frames(self, key: str = 'moving') -> pd.DataFrame:
        """Per-frame results of the first run, without the times."""
        return pd.read_csv(self.folder / f'frames_{key}.csv').drop(columns='ms')

    def log(self) -> str:
        """Of the first run."""
        return (self.folder / 'log.txt').read_text()
