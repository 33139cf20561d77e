"""What the process of a run has to do; it is on disk, so that any host can start the process."""

from typing import NamedTuple

from harness.errors import fail
from harness.runs.evaluations import Evaluation
from harness.runs.files import read_json, write_json
from harness.runs.folder import RunFolder


class Task(NamedTuple):
    """The work on a run; ``config.py`` says how to train.

    Attributes:
        trains: False for networks that are evaluated without training.
        eval_only: Whether an unfinished training must not be resumed.
        trains_again: Whether to retrain if the training was finished but all checkpoints are lost.
        hang_after: The process exits after this many seconds without progress.
        evaluations: All evaluations that the run must have in the end.
    """

    trains: bool
    eval_only: bool
    trains_again: bool
    hang_after: float
    evaluations: list[Evaluation]

    def write(self, folder: RunFolder) -> None:
        """Writes ``task.json`` of a run folder."""
        evaluations = [e.to_json() for e in self.evaluations]
        write_json(folder.task_json, dict(self._asdict(), evaluations=evaluations))

    @classmethod
    def read(cls, folder: RunFolder) -> 'Task':
        """Reads ``task.json`` of a run folder.

        Raises:
            UserError: There is none, or it is damaged; run_grid.py rewrites it.
        """
        content = read_json(folder.task_json)
        if not content:
            fail(f'{folder.path}: no task.json; start its grid again with run_grid.py')
        evaluations = [Evaluation.from_json(e) for e in content['evaluations']]
        return cls(**{**content, 'evaluations': evaluations})
