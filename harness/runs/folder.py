"""The folder of a run: every path in it, and what its small files say.

``run.json`` says what the run is, ``config.py`` how it is trained, ``task.json`` what its process
is to do, ``status.json`` how far it is, ``failures.json`` why it failed, each time, ``job.json`` to
which job it was last handed over; ``claim.<n>.json`` names the process that works on it (see
``claims``); ``timing.json`` is there once it is trained, ``evaluations.json`` and
``frames_<key>.csv`` hold its results (see ``evaluations``). Status and failures may be lost or
damaged without harm: results on disk decide what is done.
"""

import re
import time
from contextlib import suppress
from pathlib import Path

from harness.runs.files import read_json, write_json

_LOG_LINES = 15
_CHECKPOINT = re.compile(r'iter_(\d+)\.pth', re.ASCII)
_BEST = re.compile(r'best_.+_iter_(\d+)\.pth', re.ASCII)


class RunFolder:
    """The folder of one run, which need not exist yet.

    Args:
        path: of the folder; its name is the run's id.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f'RunFolder({str(self.path)!r})'

    @classmethod
    def of(cls, work_dir: Path, run_id: str) -> 'RunFolder':
        """The folder of a run in a grid's work directory."""
        return cls(work_dir / 'runs' / run_id)

    @property
    def name(self) -> str:
        """The run's id."""
        return self.path.name

    @property
    def run_id(self) -> str:
        """The id of the run that was prepared here: another one's in a copied folder."""
        return str(read_json(self.run_json).get('run_id', self.name))

    @property
    def config(self) -> Path:
        """The resolved config."""
        return self.path / 'config.py'

    @property
    def run_json(self) -> Path:
        """What the run is: axes, identity, versions."""
        return self.path / 'run.json'

    @property
    def task_json(self) -> Path:
        """What the run's process is to do."""
        return self.path / 'task.json'

    @property
    def status_json(self) -> Path:
        """How far the run is."""
        return self.path / 'status.json'

    @property
    def evaluations_json(self) -> Path:
        """The record of finished evaluations."""
        return self.path / 'evaluations.json'

    @property
    def log(self) -> Path:
        """What the run's processes print."""
        return self.path / 'log.txt'

    @property
    def torchrun_error(self) -> Path:
        """Why one of torchrun's processes failed."""
        return self.path / 'torchrun_error.json'

    def frames_csv(self, key: str) -> Path:
        """Per-frame results of an evaluation."""
        return self.path / f'frames_{key}.csv'

    def videos_csv(self, key: str) -> Path:
        """Scores of whole videos, of results from elsewhere whose frames nobody has."""
        return self.path / f'videos_{key}.csv'

    @property
    def tracking(self) -> Path:
        """What MMEngine's visualizer backends keep of test scores."""
        return self.path / 'tracking'

    def images(self, key: str) -> Path:
        """SR frames that an evaluation has kept."""
        return self.path / f'images_{key}'

    # training

    @property
    def timing(self) -> dict:
        """``timing.json``, which is written when training ends; empty before."""
        return read_json(self.path / 'timing.json')

    @property
    def is_trained(self) -> bool:
        """Whether the training has ended."""
        return (self.path / 'timing.json').is_file()

    @property
    def checkpoints(self) -> list[Path]:
        """Files ``iter_<n>.pth`` by rising n, whole or not; other names do not count."""
        return _numbered(self.path, _CHECKPOINT)

    @property
    def iterations_saved(self) -> int:
        """Iterations of the last checkpoint, whole or not; 0 without one."""
        return max(map(iterations_of, self.checkpoints), default=0)

    @property
    def best_checkpoints(self) -> list[Path]:
        """Files ``best_<score>_iter_<n>.pth`` by rising n, whole or not."""
        return _numbered(self.path, _BEST)

    # status

    def write_status(self, status: str, **details) -> None:
        """Records RUNNING, QUEUED, INTERRUPTED, FAILED or DONE with details."""
        write_json(self.status_json, dict(status=status, updated=time.time(), **details))

    def write_failure(self, reason: str) -> None:
        """Records FAILED with the reason and the end of the log; where it was stays known."""
        where = self.position()
        failure = dict(
            when=time.strftime('%Y-%m-%d %H:%M:%S'),
            reason=reason,
            **where,
            log_tail=self.log_tail(),
        )
        write_json(self.path / 'failures.json', dict(failures=[*self.failures, failure]))
        self.write_status('FAILED', reason=reason, **where)

    @property
    def failures(self) -> list[dict]:
        """All failures of the run: when, reason, stage, iteration, log_tail."""
        failures = read_json(self.path / 'failures.json').get('failures')
        return failures if isinstance(failures, list) else []

    def position(self) -> dict:
        """The stage, iteration and max_iters that the run has come to, those that are known."""
        before = read_json(self.status_json)
        return {k: before[k] for k in ('stage', 'iteration', 'max_iters') if k in before}

    def log_tail(self, lines: int = _LOG_LINES) -> list[str]:
        """The last lines of the run's log."""
        with suppress(OSError), open(self.log, 'rb') as log:
            log.seek(max(0, log.seek(0, 2) - 16_384))
            return log.read().decode(errors='replace').splitlines()[-lines:]
        return []

    def write_job(self, launcher: str, job: str) -> None:
        """Records the launcher's job that is to bring the run to its end; '' for none any more."""
        write_json(self.path / 'job.json', dict(launcher=launcher, job=job))

    def job(self, launcher: str) -> str:
        """The job of a launcher that the run was last handed over to, '' if there is none."""
        content = read_json(self.path / 'job.json')
        job, owner = content.get('job'), content.get('launcher', 'slurm')
        return job if isinstance(job, str) and owner == launcher else ''

    @property
    def job_launcher(self) -> str:
        """The launcher that the run was last handed over to, '' if it never was."""
        content = read_json(self.path / 'job.json')
        return str(content.get('launcher', 'slurm')) if content.get('job') else ''


class Progress:
    """Writes how far a stage of a run is to ``status.json``, at most once a second.

    Args:
        folder: of the run.
        stage: ``'train'`` or ``'evaluate'``.
        total: iterations or frames of the stage.
        first: those that were done before.
    """

    def __init__(self, folder: RunFolder, stage: str, total: int, first: int = 0) -> None:
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
            self.folder.write_status('RUNNING', iteration=self.done, **self.details)


def iterations_of(checkpoint: Path) -> int:
    """Number of iterations after which a checkpoint was written, from its name."""
    return int(checkpoint.stem.rpartition('_')[2])


def _numbered(folder: Path, pattern: re.Pattern) -> list[Path]:
    try:
        names = [path for path in folder.iterdir() if pattern.fullmatch(path.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted((path for path in names if path.is_file()), key=iterations_of)
