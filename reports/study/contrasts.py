"""Measures of trained networks, and paired differences of them between two methods.

A measure is one number for each trial. A still is *lost* if the mean PSNR of its last 50 frames is
more than ``MARGIN`` below that of bicubic interpolation, as ``docs/study.md`` defines it.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import pandas as pd
from scipy import stats

from reports.results import WINDOW, GridResults
from reports.robustness import is_bicubic, levels_of

MARGIN = 1.0  # dB
FIRST = 15  # frames
STATIC = 'static'
START = 'as it was'  # networks before they are trained on


class Measure(NamedTuple):
    """A number for each trial.

    Attributes:
        name: in tables.
        of: the grid's values, indexed by trial_id.
    """

    name: str
    of: Callable[[GridResults], pd.Series]


class Contrast(NamedTuple):
    """Paired difference of a measure between two methods.

    Attributes:
        mean: Of method minus baseline, over the units that both have.
        low, high: Ends of the 95 % interval (Student's t); NaN for fewer than two units.
        count: Number of units.
        units: What they are.
    """

    mean: float
    low: float
    high: float
    count: int  # type: ignore[assignment]  # hides that of tuples
    units: str

    def __str__(self) -> str:
        if not self.count:
            return 'not run'
        interval = '' if math.isnan(self.low) else f' [{self.low:+.2f}, {self.high:+.2f}]'
        return f'{self.mean:+.2f}{interval}, {self.count} {self.units}'


def psnr(test_set: str) -> Measure:
    """Mean PSNR of a set (dB): of frames, then of videos."""
    return Measure(f'*{_title(test_set)}*', lambda grid: _of_videos(grid, test_set, 'psnr_y'))


def last50(test_set: str) -> Measure:
    """Mean PSNR of the last 50 frames of a set's videos (dB)."""
    name = f'*{_title(test_set)}*, last 50'
    return Measure(name, lambda grid: _of_videos(grid, test_set, 'psnr_last50'))


def first_frames(test_set: str) -> Measure:
    """Mean PSNR of the first ``FIRST`` frames of a set's videos (dB)."""

    def of(grid: GridResults) -> pd.Series:
        frames = grid.frames
        early = frames[(frames['test_set'] == test_set) & (frames['frame'] < FIRST)]
        return early.groupby(['trial_id', 'video'])['psnr_y'].mean().groupby('trial_id').mean()

    return Measure(f'*{_title(test_set)}*, frames 0 to {FIRST - 1}', of)


def lost_stills(both_ends: bool = False, test_set: str = STATIC) -> Measure:
    """Number of stills that are lost.

    Args:
        both_ends: Whether the first 50 frames count as well, where backward branches fail.
        test_set: Of stills.
    """
    return Measure(
        'lost stills', lambda grid: _lost(grid, both_ends, test_set).groupby('trial_id').sum()
    )


def _lost(grid: GridResults, both_ends: bool, test_set: str) -> pd.Series:
    """Whether a still is lost, indexed by trial_id and video.

    Raises:
        ValueError: The grid has no bicubic interpolation on the same LR frames.
    """
    levels = set_levels(grid, test_set)
    ends = [levels['frame'] >= levels['length'] - WINDOW]
    ends += [levels['frame'] < WINDOW] if both_ends else []
    keys = ['trial_id', 'video']
    means = [levels[end].groupby(keys)['level'].mean() for end in ends]
    return pd.concat(means, axis=1).min(axis=1) < -MARGIN


def set_levels(grid: GridResults, test_set: str) -> pd.DataFrame:
    """Frames of a set with their ``level`` (dB) above bicubic, and the ``length`` of the video.

    Raises:
        ValueError: The grid has no bicubic interpolation on the same LR frames.
    """
    levels, _ = levels_of(grid, grid.frames[grid.frames['test_set'] == test_set])
    if not levels['is_gain'].all():
        raise ValueError('levels need bicubic interpolation on the same LR frames in the grid')
    return levels.assign(length=levels.groupby(['trial_id', 'video'])['frame'].transform('max') + 1)


def stills(grid: GridResults, test_set: str = STATIC) -> int:
    """Number of stills of a set."""
    return grid.videos.loc[grid.videos['test_set'] == test_set, 'video'].nunique()


def by_unit(grid: GridResults, method: str, measure: Measure, unit: str) -> pd.Series:
    """A measure of a method's trials, indexed by unit; those that are done.

    Args:
        method: Name in ``method_names``.
        unit: What is paired, ``seed`` or ``network``.

    Raises:
        KeyError: The grid has no such method.
    """
    names = method_names(grid, unit)
    if method not in names.to_numpy():
        raise KeyError(f'no method {method!r} in the grid; there are {", ".join(names.unique())}')
    trials = grid.trials[names == method].set_index('trial_id')
    values = measure.of(grid).reindex(trials.index).dropna()
    return values.set_axis(trials.loc[values.index, unit])


def method_names(grid: GridResults, unit: str) -> pd.Series:
    """Names of the trials' methods; without the network's if networks are the units."""
    trials = grid.trials
    if unit == 'seed':
        return trials['method']
    plain = trials['trial_id'].map(lambda t: is_bicubic(grid.method_of[t], grid.record))
    is_start = (trials['kind'] == 'untrained') & ~plain
    return trials['variant'].mask(is_start, START)


def contrast(
    grid: GridResults, method: str, baseline: str, measure: Measure, unit: str = 'seed'
) -> Contrast:
    """Method minus baseline, paired by unit.

    Raises:
        KeyError: The grid has no such method.
    """
    ours, others = (by_unit(grid, name, measure, unit) for name in (method, baseline))
    return of_differences((ours - others).dropna(), f'{unit}s')


def of_differences(differences: pd.Series, units: str = 'seeds') -> Contrast:
    """Mean and interval of paired differences."""
    count = len(differences)
    mean = float(differences.mean()) if count else math.nan
    if count < 2:
        return Contrast(mean, math.nan, math.nan, count, units)
    half = float(stats.t.ppf(0.975, count - 1) * differences.std() / math.sqrt(count))
    return Contrast(mean, mean - half, mean + half, count, units)


def _of_videos(grid: GridResults, test_set: str, column: str) -> pd.Series:
    videos = grid.videos[grid.videos['test_set'] == test_set]
    return videos.groupby('trial_id')[column].mean()


def _title(test_set: str) -> str:
    return test_set.replace('_', ' ').capitalize()
