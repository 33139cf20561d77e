"""The folder of a run: every path in it, and access to its small files.

- ``run.json``: what the run is
- ``config.py``: its resolved config
- ``task.json``: what its process has to do
- ``status.json``: its progress
- ``failures.json``: the reason of every failure
- ``job.json``: the cluster job that it was last submitted as
- ``claim.<n>.json``: the process that works on it (see ``claims``)
- ``timing.json``: written when training ends
- ``evaluations.json``, ``frames_<key>.csv``: its results (see ``evaluations``)

Losing or damaging the status and failure files does no harm: the results on disk decide what is
done.
"""

import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.runs.files import read_json, write_json

_LOG_LINES = 15
_CHECKPOINT = re.compile(r'iter_(\d+)\.pth', re.ASCII)
_BEST = re.compile(r'best_.+_iter_(\d+)\.pth', re.ASCII)


class RunFolder:
    """The folder of one run, which need not exist yet.

    Args:
        path: The folder; its name is the run id.
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
        """The run id."""
        return self.path.name

    @property
    def run_id(self) -> str:
        """The id of the run that was prepared here; it differs from ``name`` in a copied folder."""
        return str(read_json(self.run_json).get('run_id', self.name))

    @property
    def config(self) -> Path:
        """The resolved config."""
        return self.path / 'config.py'

    @property
    def run_json(self) -> Path:
        """What the run is: its axes, identity and versions."""
        return self.path / 'run.json'

    @property
    def task_json(self) -> Path:
        """What the run's process has to do."""
        return self.path / 'task.json'

    @property
    def status_json(self) -> Path:
        """The run's status and progress."""
        return self.path / 'status.json'

    @property
    def evaluations_json(self) -> Path:
        """The record of finished evaluations."""
        return self.path / 'evaluations.json'

    @property
    def log(self) -> Path:
        """The output of the run's processes."""
        return self.path / 'log.txt'

    @property
    def torchrun_error(self) -> Path:
        """Why one of torchrun's processes failed."""
        return self.path / 'torchrun_error.json'

    def frames_csv(self, key: str) -> Path:
        """Per-frame results of an evaluation."""
        return self.path / f'frames_{key}.csv'

    def videos_csv(self, key: str) -> Path:
        """Per-video scores of external results that have no frames."""
        return self.path / f'videos_{key}.csv'

    @property
    def tracking(self) -> Path:
        """The folder in which MMEngine's visualizer backends log test scores."""
        return self.path / 'tracking'

    def images(self, key: str) -> Path:
        """The folder of the SR frames that an evaluation has saved."""
        return self.path / f'images_{key}'

    # training

    @property
    def timing(self) -> dict:
        """The content of ``timing.json``; empty until training ends."""
        return read_json(self.path / 'timing.json')

    @property
    def is_trained(self) -> bool:
        """Whether the training has ended."""
        return (self.path / 'timing.json').is_file()

    @property
    def checkpoints(self) -> list[Path]:
        """All files ``iter_<n>.pth`` in ascending order of n, complete or not."""
        return _numbered(self.path, _CHECKPOINT)

    @property
    def iterations_saved(self) -> int:
        """Iterations of the last checkpoint, complete or not; 0 if there is none."""
        return max(map(iterations_of, self.checkpoints), default=0)

    @property
    def best_checkpoints(self) -> list[Path]:
        """All files ``best_<score>_iter_<n>.pth`` in ascending order of n, complete or not."""
        return _numbered(self.path, _BEST)

    # status

    def write_status(self, status: str, **details: Any) -> None:
        """Records RUNNING, QUEUED, INTERRUPTED, FAILED or DONE with details."""
        write_json(self.status_json, dict(status=status, updated=time.time(), **details))

    def write_failure(self, reason: str) -> None:
        """Records FAILED with the reason, the position of the run and the end of the log."""
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
        """The run's last known stage, iteration and max_iters; unknown ones are absent."""
        before = read_json(self.status_json)
        return {k: before[k] for k in ('stage', 'iteration', 'max_iters') if k in before}

    def log_tail(self, lines: int = _LOG_LINES) -> list[str]:
        """The last lines of the run's log."""
        with suppress(OSError), open(self.log, 'rb') as log:
            log.seek(max(0, log.seek(0, 2) - 16_384))
            return log.read().decode(errors='replace').splitlines()[-lines:]
        return []

    def write_job(self, launcher: str, job: str) -> None:
        """Records the launcher's job that will finish the run; '' if there is none any more."""
        write_json(self.path / 'job.json', dict(launcher=launcher, job=job))

    def job(self, launcher: str) -> str:
        """The launcher's job that the run was last submitted as; '' if there is none."""
        content = read_json(self.path / 'job.json')
        job, owner = content.get('job'), content.get('launcher', 'slurm')
        return job if isinstance(job, str) and owner == launcher else ''

    @property
    def job_launcher(self) -> str:
        """The launcher that the run was last submitted to; '' if it never was."""
        content = read_json(self.path / 'job.json')
        return str(content.get('launcher', 'slurm')) if content.get('job') else ''


class Progress:
    """Writes the progress of a stage of a run to ``status.json``, at most once per second.

    Args:
        folder: The run's folder.
        stage: ``'train'`` or ``'evaluate'``.
        total: Number of iterations or frames of the stage.
        first: How many of them were done before this process started.
    """

    def __init__(self, folder: RunFolder, stage: str, total: int, first: int = 0) -> None:
        self.folder = folder
        self.details = dict(stage=stage, max_iters=total, first=first, begun=time.time())
        self.done = first
        self.next = 0.0

    def __call__(self, done: int) -> None:
        """Records how many iterations or frames are done."""
        self.done = done
        self.alive()

    def alive(self) -> None:
        """Refreshes the status between two iterations, so that the run does not seem to hang."""
        if time.monotonic() >= self.next:
            self.next = time.monotonic() + 1
            self.folder.write_status('RUNNING', iteration=self.done, **self.details)


def iterations_of(checkpoint: Path) -> int:
    """The number of iterations after which a checkpoint was written, parsed from its name."""
    return int(checkpoint.stem.rpartition('_')[2])


def _numbered(folder: Path, pattern: re.Pattern) -> list[Path]:
    try:
        names = [path for path in folder.iterdir() if pattern.fullmatch(path.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted((path for path in names if path.is_file()), key=iterations_of)
