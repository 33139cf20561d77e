"""Prepares run folders, starts the runs with a launcher and shows their progress."""

import os
import signal
import time
from collections import Counter, deque
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from harness.errors import fail, reason_of
from harness.evaluation.references import write_references
from harness.grid.expand import Run, run_folder
from harness.grid.grid_file import Grid
from harness.grid.launchers import Job, Launcher
from harness.runs.claims import HEARTBEAT, Claim, Witness, current_claim, release
from harness.runs.evaluations import Evaluation
from harness.runs.files import read_json, write_json, write_text
from harness.runs.folder import RunFolder
from harness.runs.identity import versions
from harness.runs.status import RunStatus, describe, read_status
from harness.runs.task import Task

#: seconds between two checks of runs that other commands work on
_ELSEWHERE = 5.0
#: maximum number of progress bars
_BARS = 16


class Work(NamedTuple):
    """A run to finish, and the evaluations that it must have then."""

    folder: RunFolder
    evaluations: list[Evaluation]

    @property
    def run_id(self) -> str:
        """The run id."""
        return self.folder.name

    def status(self) -> RunStatus:
        """The run's current status."""
        return read_status(self.folder, self.evaluations)


def prepare(
    grid: Grid,
    runs: Sequence[Run],
    work_dir: Path,
    hang_after: float,
    eval_only: bool = False,
    retried: Collection[str] = (),
) -> list[Work]:
    """Writes the files that the processes of ``runs`` read.

    Args:
        grid: The grid.
        runs: The runs to finish.
        work_dir: The grid's work directory.
        hang_after: Processes exit after this many seconds without progress.
        eval_only: Whether trainings must not be resumed.
        retried: Ids of failed runs that the user wants to restart, from scratch if necessary.

    Raises:
        UserError: A run folder is a copy of another run's.
    """
    about = versions()
    works = []
    for run in runs:
        folder = run_folder(work_dir, run)
        if folder.run_id != folder.name:
            fail(f'{folder.path}: is a copy of the run {folder.run_id}; delete the copy')
        folder.path.mkdir(parents=True, exist_ok=True)
        write_json(folder.run_json, dict(run.record(), identity=run.identity, versions=about))
        write_text(folder.config, run.cfg.pretty_text)
        evaluations = grid.evaluation.evaluations(run.variants)
        again = run.run_id in retried and not eval_only
        Task(run.is_trained, eval_only, again, hang_after, evaluations).write(folder)
        works.append(Work(folder, evaluations))
    for name, test_set in grid.test_sets.items():
        lr_kind = next(kind for kind in ('lr_bd', 'lr_bi') if kind in test_set.kinds)
        images = grid.evaluation.images[name]
        write_references(work_dir / 'references' / name, test_set, images, lr_kind)
    return works


class Scheduler:
    """Starts runs as the launcher has capacity, and retries failed ones; all outcomes are on disk.

    If another command works on a run, the scheduler waits, and starts the run itself if the other
    command leaves it unfinished.

    Args:
        launcher: Starts the runs.
        console: Shows progress and outcomes.
        max_retries: How often a failed run is restarted.
        hang_after: A run's process is killed after this many seconds without a heartbeat.
    """

    def __init__(
        self, launcher: Launcher, console: Console, max_retries: int = 0, hang_after: float = 3600
    ) -> None:
        self._launcher = launcher
        self._console = console
        self._max_retries = max_retries
        self._hang_after = hang_after
        self._running: list[tuple[Work, Job]] = []
        self._retries: Counter[str] = Counter()
        self._bars: dict[str, TaskID] = {}
        self._witness = Witness()
        self._last_round = time.time()
        self._patient_until = 0.0

    def work_through(self, works: Sequence[Work]) -> None:
        """Finishes all runs; on Ctrl-C the launcher decides what happens to running ones."""
        waiting, elsewhere = deque(works), deque[Work]()
        with _progress(self._console) as progress:
            overall = progress.add_task('runs', total=len(works), stage='')
            try:
                next_look = 0.0
                while waiting or elsewhere or self._running:
                    if elsewhere and time.monotonic() >= next_look:
                        waiting.extend(elsewhere)
                        elsewhere.clear()
                        next_look = time.monotonic() + _ELSEWHERE
                    ended = self._start(waiting, elsewhere)
                    self._launcher.wait([job for _, job in self._running])
                    ended += self._collect(waiting)
                    self._show(progress)
                    progress.update(overall, advance=ended)
                    if not self._running and elsewhere:
                        time.sleep(0.5)
            except BaseException:
                self._launcher.stop([job for _, job in self._running])
                raise

    def _start(self, waiting: deque[Work], elsewhere: deque[Work]) -> int:
        """Starts as many runs as possible; returns how many another command has finished."""
        ended = 0
        chosen: list[Work] = []
        room = self._launcher.free(len(self._running))
        while waiting and len(chosen) < room:
            work = waiting.popleft()
            if job := self._launcher.find(work.folder):
                self._running.append((work, job))
            elif self._witness.is_claimed(work.folder.path):
                self._end_silent_elsewhere(work)
                elsewhere.append(work)
            elif work.status().status == 'DONE':
                ended += 1
                self._say(work, 'DONE by another command')
            else:
                chosen.append(work)
        for work in chosen:
            claim = current_claim(work.folder.path)
            if claim and claim.owner:  # a dead process: its last heartbeat must not count
                release(claim.path)
        if chosen:
            jobs = self._launcher.start([work.folder for work in chosen])
            self._running += zip(chosen, jobs, strict=True)
        return ended

    def _collect(self, waiting: deque[Work]) -> int:
        """Removes jobs that have ended; returns how many runs will not be restarted."""
        ended = 0
        for work, job in list(self._running):
            how = job.ended()
            if how is None:
                how = self._kill_if_silent(work, job)
            if how is None:
                continue
            self._running.remove((work, job))
            status = self._conclude(work, how)
            if status.status == 'RUNNING':  # another command was faster
                waiting.append(work)
                continue
            outcome = describe(status)
            if status.status == 'FAILED' and self._retries[work.run_id] < self._max_retries:
                self._retries[work.run_id] += 1
                outcome += f' (retry {self._retries[work.run_id]} of {self._max_retries})'
                waiting.append(work)
            else:
                ended += 1
            self._say(work, outcome)
        return ended

    def _conclude(self, work: Work, how: str) -> RunStatus:
        """The final status; a process that ended without writing one was killed: FAILED."""
        status = work.status()
        written = read_json(work.folder.status_json).get('status')
        unfinished = status.status in ('STALE', 'TODO', 'QUEUED')
        if unfinished and (how or written != 'INTERRUPTED'):
            reason = how or 'the process ended without a result'
            try:
                work.folder.write_failure(reason)
            except OSError as error:  # perhaps a full disk
                unsaved = f'that could not be recorded: {reason_of(error)}'
                return status._replace(reason=f'{reason}, and {unsaved}')
            return work.status()
        return status

    def _kill_if_silent(self, work: Work, job: Job) -> str | None:
        """Kills a process that is suspended or stuck outside Python and so cannot exit itself."""
        claim = self._silent_claim(work)
        if claim is None:
            return None
        job.kill()
        release(claim.path)
        return f'hangs: gave no heartbeat for {claim.age:.0f} s'

    def _end_silent_elsewhere(self, work: Work) -> None:
        """Kills such a process on this host if its own command has ended."""
        claim = self._silent_claim(work)
        if claim and claim.owner and claim.owner.is_worker_here:
            with suppress(ProcessLookupError):
                os.kill(claim.owner.pid, signal.SIGKILL)

    def _silent_claim(self, work: Work) -> Claim | None:
        self._notice_pause()
        claim = current_claim(work.folder.path)
        if claim is None or claim.owner is None or time.time() < self._patient_until:
            return None
        return claim if claim.age >= self._hang_after + 3 * HEARTBEAT else None

    def _notice_pause(self) -> None:
        """Gives others time for a heartbeat after this process was suspended, as by Ctrl-Z."""
        now = time.time()
        if now - self._last_round > 3 * HEARTBEAT:
            self._patient_until = now + 3 * HEARTBEAT
        self._last_round = now

    def _say(self, work: Work, outcome: str) -> None:
        clock = time.strftime('%H:%M:%S')
        self._console.print(f'{clock} {work.run_id} {outcome}', highlight=False, markup=False)

    def _show(self, progress: Progress) -> None:
        shown = {work.run_id: work for work, _ in self._running[:_BARS]}
        for run_id in self._bars.keys() - shown.keys():
            progress.remove_task(self._bars.pop(run_id))
        for run_id, work in shown.items():
            if run_id not in self._bars:
                self._bars[run_id] = progress.add_task(run_id, total=None, stage='start')
            status = read_json(work.folder.status_json)
            if status.keys() >= {'iteration', 'max_iters', 'stage'}:
                progress.update(
                    self._bars[run_id],
                    completed=status['iteration'],
                    total=status['max_iters'],
                    stage=status['stage'],
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
