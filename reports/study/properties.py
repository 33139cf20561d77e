"""Losses of published networks by property of the video, after Sec. III of the PI-BPTT paper.

The *loss* on a video is its best running level (mean of ``RUN`` frames in a row) minus the mean
level of its first or last 50 frames, whichever is worse: backward branches fail towards the first.
"""

import pandas as pd

from reports.results import WINDOW, GridResults
from reports.study.contrasts import set_levels

RUN = 10  # frames
_SETS = {'static': 'still', 'speeds': 's', 'gammas': 'g'}


def losses(grid: GridResults, test_set: str) -> pd.DataFrame:
    """Loss (dB) of each method (rows) on each video (columns) of a set."""
    levels = set_levels(grid, test_set)
    found = levels.groupby(['trial_id', 'video']).apply(_loss, include_groups=False).unstack()
    names = grid.trials.set_index('trial_id')['method']
    return found.reindex([t for t in names.index if t in found.index]).rename(names)


def _loss(video: pd.DataFrame) -> float:
    level = video.sort_values('frame')['level']
    best = level.rolling(RUN, min_periods=1).mean().iloc[RUN - 1 :].max()
    return float(best - min(level.iloc[:WINDOW].mean(), level.iloc[-WINDOW:].mean()))


def by_property(grid: GridResults) -> pd.DataFrame:
    """Mean loss (dB) of each method by property: stills, speeds (LR pixels a frame), gammas."""
    tables = []
    for test_set, kind in _SETS.items():
        table = losses(grid, test_set)
        if kind == 'still':
            names = ['stills'] * table.shape[1]
        else:
            names = [_property(video, kind) for video in table.columns]
        tables.append(table.T.groupby(names, sort=False).mean().T)
    camera = losses(grid, 'camera').mean(axis=1).rename('fixed camera')
    return pd.concat([*tables, camera], axis=1)


def _property(video: str, kind: str) -> str:
    value = video.rpartition('_')[2].removeprefix(kind)
    return f'{value} px' if kind == 's' else f'gamma {value}'
