"""What the process of a run has to do, on disk so that it is a plain command on any host."""

from typing import NamedTuple

from harness.errors import fail
from harness.runs.evaluations import Evaluation
from harness.runs.files import read_json, write_json
from harness.runs.folder import RunFolder


class Task(NamedTuple):
    """The work on a run, beside its ``config.py``.

    Attributes:
        trains: False for networks that are evaluated without training.
        eval_only: an unfinished training must not go on.
        trains_again: where a training was finished and all its checkpoints are lost.
        hang_after: seconds without progress after which the process ends itself.
        evaluations: all that must be there in the end.
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
        """Reads it.

        Raises:
            UserError: there is none, or it is damaged; run_grid writes it anew.
        """
        content = read_json(folder.task_json)
        if not content:
            fail(f'{folder.path}: no task.json; start its grid again with run_grid.py')
        evaluations = [Evaluation.from_json(e) for e in content['evaluations']]
        return cls(**{**content, 'evaluations': evaluations})
