"""Signs of instability that trainings recorded, and how early they warned.

A run's ``states/iter_<n>.csv`` (see ``StateDiagnosticsHook``) records how the norm of its states
develops along a video and how a small perturbation of them grows. Each such file gives one row:

- ``growth_short``, ``growth_long``: growth of a perturbation over l and over 3 l frames (a third of
  the frames for which it was followed, and all of them), where it is largest;
- ``norm_growth``: norm of the state at the end of a window relative to that after its first l
  frames, where it is largest.

A perturbation is white noise, most of which any network forgets at once; the question is whether
the rest decays. It is a warning if of what is left after l frames at least half is left after 3 l,
or if the states are twice as large at the end. (Part ``early`` of ``docs/study.md``: residual
FRVSRs that lose stills kept 51 % or more, the others 49 % or less. The limit was set after these
runs; it is untested on other networks.) A run *warned* from the first measurement after which all
others warn, too. Networks that overflow have infinite growth.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.runs.text import clean

COLUMNS = ['run_id', 'iteration', 'growth_short', 'growth_long', 'norm_growth']
GROWTH_LIMIT = 0.5
NORM_LIMIT = 2.0
_OF_FILES = {'video', 'direction', 'quantity', 'boundary', 'frames', 'value'}


class Diagnostics(NamedTuple):
    """The recorded signs of a grid.

    Attributes:
        signs: a row per run and measurement, see the module; sorted.
        validation: run_id, iteration, psnr_y: mean of the validation, if there was one.
        problems: a line for each unusable file.
    """

    signs: pd.DataFrame
    validation: pd.DataFrame
    problems: list[str]

    def part(self, run_ids: Collection[str]) -> 'Diagnostics':
        """Returns the part of these runs."""
        tables = (self.signs, self.validation)
        signs, validation = (table[table['run_id'].isin(list(run_ids))] for table in tables)
        return Diagnostics(signs, validation, [])


def read_diagnostics(runs: pd.DataFrame, work_dir: Path) -> Diagnostics:
    """Reads what the runs of a grid recorded.

    Args:
        runs: run_id and folder (in the work directory).
        work_dir: of the grid.
    """
    signs: list[tuple] = []
    validation: list[tuple] = []
    problems: list[str] = []
    for run in runs.itertuples():
        folder = work_dir / run.folder
        for kind, rows, row in (('states', signs, _signs), ('validation', validation, _mean)):
            for iteration, path in _files(folder / kind):
                try:
                    rows.append((run.run_id, iteration, *row(pd.read_csv(path))))
                except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                    text = ' '.join(clean(str(error)).split())
                    problems.append(f'unused  {run.run_id}: {kind}/{path.name}: {text}')
    columns = ['run_id', 'iteration', 'psnr_y']
    return Diagnostics(
        pd.DataFrame(signs, columns=COLUMNS), pd.DataFrame(validation, columns=columns), problems
    )


def _files(folder: Path) -> list[tuple[int, Path]]:
    numbers = {path: path.stem.removeprefix('iter_') for path in folder.glob('iter_*.csv')}
    return sorted((int(number), path) for path, number in numbers.items() if number.isdecimal())


def _signs(table: pd.DataFrame) -> tuple[float, float, float]:
    if missing := _OF_FILES - set(table):
        raise KeyError(f'has no column {", ".join(sorted(missing))}')
    # an overflow gives NaN
    table = table.assign(value=table['value'].astype(float).fillna(np.inf))
    growth = table[table['quantity'] == 'growth']
    longest = growth['frames'].max()
    short = max(1, longest // 3) if len(growth) else 0
    at = growth.groupby('frames')['value'].max()
    ratios = list(_norm_ratios(table[table['quantity'] == 'norm'], int(short)))
    return (
        at.get(short, np.nan),
        at.get(longest, np.nan),
        max(ratios, default=np.nan),
    )


def _norm_ratios(norms: pd.DataFrame, frames: int) -> Iterator[float]:
    for (_, direction), rows in norms.groupby(['video', 'direction']):
        ordered = rows.sort_values('boundary', ascending=direction == 'forward')['value']
        if 0 < frames < len(ordered):
            first, last = ordered.iloc[frames], ordered.iloc[-1]
            yield last / first if np.isfinite(last) and first > 0 else np.inf


def _mean(table: pd.DataFrame) -> tuple[float]:
    """Returns the mean by which validation chooses the best checkpoint: of videos, then kinds."""
    by_video = table.groupby(['kind', 'video'])['psnr_y'].mean()
    return (by_video.groupby('kind').mean().mean(),)


def late_growth(signs: pd.DataFrame) -> pd.Series:
    """Returns the growth from l to 3 l frames, by measurement; infinite after an overflow."""
    ratio = signs['growth_long'] / signs['growth_short']
    return ratio.mask(np.isinf(signs['growth_long']), np.inf)


def growth_warns(signs: pd.DataFrame) -> pd.Series:
    """Returns whether perturbations warn, by measurement."""
    return late_growth(signs) >= GROWTH_LIMIT


def norm_warns(signs: pd.DataFrame) -> pd.Series:
    """Returns whether norms warn, by measurement."""
    return signs['norm_growth'] >= NORM_LIMIT


def warned_from(iterations: pd.Series, warns: pd.Series) -> int | None:
    """Returns the first measurement from which on all warn; None if the last one does not."""
    silent = iterations[~warns.to_numpy()]
    later = iterations[iterations > silent.max()] if len(silent) else iterations
    return int(later.iloc[0]) if len(later) else None
