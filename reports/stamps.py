"""Stamps, which tell whether an output of an earlier report can be kept.

``.stamps.json`` in a report's folder has, for each output, the checksum of its inputs (see
``inputs``) and those of its files.
"""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from harness.runs.files import read_json, sha256, write_json

NAME = '.stamps.json'


class Stamps:
    """The stamps of a report: those of the earlier report and the new ones.

    Args:
        folder: of the report.

    Attributes:
        folder: the report's folder; file names in stamps are relative to it.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._before = {k: s for k, s in read_json(folder / NAME).items() if _is_stamp(s)}
        self._now: dict[str, dict] = {}

    def kept(self, output: str, inputs: str) -> dict | None:
        """Returns what :meth:`add` recorded, if inputs are equal and files are intact.

        Returns:
            None if the output must be made (again).
        """
        stamp = self._before.get(output)
        if stamp is None or stamp['inputs'] != inputs:
            return None
        if not all(self._is_whole(name, found) for name, found in stamp['files'].items()):
            return None
        self._now[output] = stamp
        return stamp

    def add(self, output: str, inputs: str, files: Iterable[Path], **about: Any) -> None:
        """Records that an output was made.

        Args:
            output: its name.
            inputs: checksum of what it was made from.
            files: its files, none if there was nothing to show.
            about: data for :meth:`kept` to return.
        """
        sums = {path.relative_to(self.folder).as_posix(): sha256(path) for path in files}
        self._now[output] = dict(inputs=inputs, files=sums, **about)

    def close(self, written: Iterable[Path]) -> None:
        """Writes the stamps, and removes files of an earlier report that this one does not have.

        Files that were changed since then belong to the user and stay.

        Args:
            written: the files of this report.
        """
        if self._now != self._before:
            write_json(self.folder / NAME, self._now)
        stay = {path.relative_to(self.folder).as_posix() for path in written}
        stay |= {name for stamp in self._now.values() for name in stamp['files']}
        for stamp in self._before.values():
            for name, found in stamp['files'].items():
                if name not in stay and self._is_whole(name, found):
                    (self.folder / name).unlink()

    def _is_whole(self, name: str, found: str) -> bool:
        path = self.folder / name
        return path.is_file() and sha256(path) == found


def _is_stamp(entry: object) -> bool:
    """Returns whether an entry is a valid stamp, with files in the report's folder."""
    if not isinstance(entry, dict) or not isinstance(entry.get('files'), dict):
        return False
    places = map(PurePosixPath, entry['files'])
    return 'inputs' in entry and not any(p.is_absolute() or '..' in p.parts for p in places)
