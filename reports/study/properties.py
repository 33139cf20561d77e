"""Losses of published networks by property of the video, after Sec. III of the PI-BPTT paper.

Backward branches fail towards the first frames, so that of the first and the last 50 frames the
*worse end* counts, the one of the lower mean level. The *loss* on a video is its best running level
(mean of ``RUN`` frames in a row) minus the level of the worse end.
"""

from collections.abc import Callable

import pandas as pd

from reports.results import WINDOW, GridResults
from reports.study.contrasts import set_levels

RUN = 10  # frames
#: test set -> format of its columns; videos of all but the stills are <still>_<letter><number>
_SETS = {'static': 'stills', 'speeds': '{} px', 'gammas': 'gamma {}'}


def losses(grid: GridResults, test_set: str) -> pd.DataFrame:
    """Loss (dB) of each method (rows) on each video (columns) of a set."""
    return _by_video(grid, test_set, lambda level: _best(level) - _worse_end(level))


def worse_ends(grid: GridResults, test_set: str) -> pd.DataFrame:
    """Level (dB above bicubic) of the worse end of each video (columns), by method (rows)."""
    return _by_video(grid, test_set, _worse_end)


def _by_video(
    grid: GridResults, test_set: str, measure: Callable[[pd.Series], float]
) -> pd.DataFrame:
    levels = set_levels(grid, test_set).sort_values('frame')
    found = levels.groupby(['trial_id', 'video'])['level'].apply(measure).unstack()
    names = grid.trials.set_index('trial_id')['method']
    return found.reindex([t for t in names.index if t in found.index]).rename(names)


def _best(level: pd.Series) -> float:
    return float(level.rolling(RUN, min_periods=1).mean().iloc[RUN - 1 :].max())


def _worse_end(level: pd.Series) -> float:
    return float(min(level.iloc[:WINDOW].mean(), level.iloc[-WINDOW:].mean()))


def by_property(
    grid: GridResults, measure: Callable[[GridResults, str], pd.DataFrame]
) -> pd.DataFrame:
    """Mean of ``losses`` or ``worse_ends`` of each method by property: stills, speeds, gammas."""
    tables = []
    for test_set, column in _SETS.items():
        table = measure(grid, test_set)
        names = [column.format(_number(video)) for video in table.columns]
        tables.append(table.T.groupby(names, sort=False).mean().T)
    camera = measure(grid, 'camera').mean(axis=1).rename('fixed camera')
    return pd.concat([*tables, camera], axis=1)


def worse_ends_from_still(grid: GridResults, test_set: str, still: float) -> pd.DataFrame:
    """Mean level of the worse end of each method by the number in the videos' names, and of stills.

    Args:
        test_set: ``speeds`` or ``gammas``; its videos are named ``<still>_<letter><number>``.
        still: The number that stands for the stills of the same photographs.
    """
    table = worse_ends(grid, test_set)
    photographs = {video.rpartition('_')[0] for video in table.columns}
    stills = worse_ends(grid, 'static')
    stills = stills[[video for video in stills.columns if video in photographs]]
    numbers = [float(_number(video)) for video in table.columns]
    moved = table.T.groupby(numbers).mean().T
    moved.insert(0, still, stills.mean(axis=1))
    return moved


def _number(video: str) -> str:
    return video.rpartition('_')[2][1:]
