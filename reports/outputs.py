"""Writes the outputs of a report one by one; a failure is reported and the others are written."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from harness.errors import reason_of
from harness.runs.text import clean

T = TypeVar('T')

#: errors of the whole disk or folder: everything after them would fail as well
_OF_THE_DISK = {
    getattr(errno, name)
    for name in ('ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'ENODEV')
}
MOST_LETTERS = 300  # in a reason


class Failure(NamedTuple):
    """Why an output could not be made.

    Attributes:
        line: what and why, in one line.
        is_final: whether all other outputs would fail as well.
    """

    line: str
    is_final: bool = False


def failure(what: str, error: Exception) -> Failure:
    """Describes an error that was raised while making an output, e.g. 'figure drift'."""
    reason = ' '.join(clean(reason_of(error)).split())[:MOST_LETTERS]
    is_final = isinstance(error, OSError) and error.errno in _OF_THE_DISK
    what = f'{what} and all that comes after it' if is_final else what
    return Failure(f'{what} could not be written: {reason}', is_final)


class Outputs:
    """Makes the outputs of a report.

    Attributes:
        written: (description, path) of what was written, one path for several formats.
        files: the paths of all files that were written.
        problems: one line for each output that could not be made. If the disk is full or read-only,
            there is one line, and nothing else is tried.
    """

    def __init__(self) -> None:
        self.written: list[tuple[str, Path]] = []
        self.files: list[Path] = []
        self.problems: list[str] = []
        self.is_over = False

    def attempt(self, what: str, make: Callable[..., T], *arguments: Any) -> T | None:
        """Returns what ``make`` returns; None if it raises, or after a final failure."""
        if self.is_over:
            return None
        try:
            return make(*arguments)
        except Exception as error:  # no error may prevent the other outputs
            self.note(failure(what, error))
            return None

    def write(
        self, what: str, description: str, write: Callable[..., Path], *arguments: Any
    ) -> None:
        """Like ``attempt``, for a function that returns the path of the file it wrote."""
        path = self.attempt(what, write, *arguments)
        if path is not None:
            self.add(description, [path])

    def add(self, description: str, paths: list[Path], place: Path | None = None) -> None:
        """Records files that belong together under one path: their folder, or the first."""
        self.written.append((description, place or paths[0]))
        self.files += paths

    def note(self, failed: Failure) -> None:
        """Records that an output could not be made."""
        if not self.is_over:
            self.problems.append(failed.line)
        self.is_over |= failed.is_final
