"""Writing the outputs of a report one by one: what fails is told, and the others are written."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from harness.errors import reason_of
from harness.runs.text import clean

T = TypeVar('T')

#: of the disk or folder as a whole: what comes after fails like what comes first
_OF_THE_DISK = {
    getattr(errno, name)
    for name in ('ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'ENODEV')
}
MOST_LETTERS = 300  # of a reason


class Failure(NamedTuple):
    """Why an output could not be made.

    Attributes:
        line: what and why, in one line.
        is_final: whether there is no use in trying others.
    """

    line: str
    is_final: bool = False


def failure(what: str, error: Exception) -> Failure:
    """What became of an output, e.g. 'figure drift', whose making raised an error."""
    reason = ' '.join(clean(reason_of(error)).split())[:MOST_LETTERS]
    is_final = isinstance(error, OSError) and error.errno in _OF_THE_DISK
    what = f'{what} and all that comes after it' if is_final else what
    return Failure(f'{what} could not be written: {reason}', is_final)


class Outputs:
    """Makes the outputs of a report.

    Attributes:
        written: (description, path) of what was written, one path for several formats.
        files: the paths of all files that were written.
        problems: one line for each output that could not be made. When the disk is full or cannot
            be written to, there is one line, and nothing else is tried.
    """

    def __init__(self):
        self.written: list[tuple[str, Path]] = []
        self.files: list[Path] = []
        self.problems: list[str] = []
        self.is_over = False

    def attempt(self, what: str, make: Callable[..., T], *arguments) -> T | None:
        """What ``make`` returns; None if it raises, or if there is no use in trying."""
        if self.is_over:
            return None
        try:
            return make(*arguments)
        except Exception as error:  # whatever it is, it must not cost the other outputs
            self.note(failure(what, error))
            return None

    def write(self, what: str, description: str, write: Callable[..., Path], *arguments) -> None:
        """As ``attempt``; what it returns is the path of a file."""
        path = self.attempt(what, write, *arguments)
        if path is not None:
            self.add(description, [path])

    def add(self, description: str, paths: list[Path], place: Path | None = None) -> None:
        """Take down files that belong together, as one place: their folder, or the first."""
        self.written.append((description, place or paths[0]))
        self.files += paths

    def note(self, failed: Failure) -> None:
        """Take down that an output could not be made."""
        if not self.is_over:
            self.problems.append(failed.line)
        self.is_over |= failed.is_final
