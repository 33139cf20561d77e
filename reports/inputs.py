"""Checksums of everything that a report is made from: results, names, pictures, code."""

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
#: code that affects reports, besides this package
_READERS = ('harness/runs', 'harness/errors.py', 'harness/formats.py', 'harness/strategies.py')
_LIBRARIES = ('matplotlib', 'numpy', 'openpyxl', 'pandas', 'pillow', 'seaborn')
_TABLES = ('runs', 'trials', 'frames', 'videos', 'evaluations', 'cells')


class Inputs:
    """Checksums of a grid and of its parts.

    Args:
        grid: the whole grid; every row of its tables is hashed once.
    """

    def __init__(self, grid: GridResults):
        self._rows = {
            name: pd.util.hash_pandas_object(table, index=False)
            for name, table in _tables(grid).items()
        }

    def of(self, part: GridResults, *more: object) -> str:
        """Returns the checksum of a part of the grid and of the code that shows it.

        Args:
            part: see :meth:`GridResults.part`; may be the whole grid.
            more: anything else that an output depends on, by its ``repr``.
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
    """Returns the checksum of values by their ``repr``, and of arrays by all their numbers."""
    found = hashlib.sha256()
    for part in content:
        is_array = isinstance(part, pd.api.extensions.ExtensionArray)
        found.update(part.to_numpy().tobytes() if is_array else repr(part).encode())
    return found.hexdigest()


@cache
def _code() -> str:
    """Returns the checksum of the code that affects reports, of libraries and their settings."""
    places = [_REPOSITORY / place for place in ('reports', *_READERS)]
    files = [f for place in places for f in (place.rglob('*') if place.is_dir() else [place])]
    files = sorted(f for f in files if f.suffix in ('.py', '.csv', '.css', '.js', '.html'))
    versions = [version(name) for name in _LIBRARIES]
    # figures are only written to files, so the interactive backend does not matter
    settings = sorted(item for item in matplotlib.rcParams.items() if item[0] != 'backend')
    return checksum([f.read_bytes() for f in files], versions, settings)
