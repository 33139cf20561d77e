"""Checksums of what the outputs of a report are made from: results, names, pictures, code."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd

from reports.figures.style import looks
from reports.results import GridResults

_REPOSITORY = Path(__file__).resolve().parents[1]
#: code that decides what a report says, beside this package
_READERS = ('harness/runs', 'harness/errors.py', 'harness/formats.py', 'harness/strategies.py')
_LIBRARIES = ('matplotlib', 'numpy', 'openpyxl', 'pandas', 'pillow', 'seaborn')
_TABLES = ('runs', 'trials', 'frames', 'videos', 'evaluations', 'cells')


class Inputs:
    """Checksums of a grid and of its parts.

    Args:
        grid: the whole grid; every row of its tables is looked at once.
    """

    def __init__(self, grid: GridResults):
        self._rows = {
            name: pd.util.hash_pandas_object(table, index=False)
            for name, table in _tables(grid).items()
        }

    def of(self, part: GridResults, *more: object) -> str:
        """Of all that outputs can show of a part of the grid, and of what they are made with.

        Args:
            part: see :meth:`GridResults.part`; the grid itself is one.
            more: whatever else an output depends on; its ``repr`` counts.
        """
        rows = {
            name: (list(table), checksum(self._rows[name].loc[table.index].array))
            for name, table in _tables(part).items()
        }
        look_of = looks(part.all_methods, part.record.strategies)
        shown = [(m, look_of[m.short_name]) for m in part.methods]
        about = (part.record, part.method_of, part.has_several_train_sets)
        return checksum(_code(), rows, shown, about, more)


def _tables(grid: GridResults) -> dict[str, pd.DataFrame]:
    return {
        **{name: getattr(grid, name) for name in _TABLES},
        'signs': grid.diagnostics.signs,
        'validation': grid.diagnostics.validation,
    }


def checksum(*content: Any) -> str:
    """Of the ``repr`` of anything, and of all numbers of an array."""
    found = hashlib.sha256()
    for part in content:
        is_array = isinstance(part, pd.api.extensions.ExtensionArray)
        found.update(part.to_numpy().tobytes() if is_array else repr(part).encode())
    return found.hexdigest()


@cache
def _code() -> str:
    """Of this package, what it reads results with, and the libraries with their settings."""
    places = [_REPOSITORY / place for place in ('reports', *_READERS)]
    files = [f for place in places for f in (place.rglob('*') if place.is_dir() else [place])]
    files = sorted(f for f in files if f.suffix in ('.py', '.csv', '.css', '.js', '.html'))
    versions = [version(name) for name in _LIBRARIES]
    # figures are only written to files, whatever could show them here
    settings = sorted(item for item in matplotlib.rcParams.items() if item[0] != 'backend')
    return checksum([f.read_bytes() for f in files], versions, settings)
