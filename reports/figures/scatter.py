"""Points of the plots of time against accuracy, and how they are drawn."""

import pandas as pd
from matplotlib.axes import Axes

from reports.methods import KEY
from reports.results import GridResults

MEAN = 'mean'  # the score over all test sets, beside one column per test set


def scored_runs(grid: GridResults, time: str) -> pd.DataFrame:
    """Finished runs with a ``time``: axes, short name, seeds planned, PSNR of each set, the mean.

    Scores are those of the plain trials, whose identity is that of their run.
    """
    scores = grid.evaluations.pivot(index='trial_id', columns='test_set', values='psnr_y')
    # A mean over only some of the sets would not be comparable, so it is left empty.
    scores = scores.assign(**{MEAN: scores.mean(axis=1, skipna=False)})
    planned = grid.runs.groupby(KEY)['run_id'].transform('size')
    names = [grid.method_of[run_id].short_name for run_id in grid.runs['run_id']]
    runs = grid.runs.assign(planned=planned, time=grid.runs[time], short_name=names)
    runs = runs.dropna(subset=['time'])
    return runs.merge(scores, left_on='run_id', right_index=True)


def score_columns(grid: GridResults) -> dict[str, str]:
    """Scores to show and their titles: the mean over all sets, and where instability shows."""
    columns = {grid.focus_set: grid.record.test_sets[grid.focus_set].label}
    several = len(grid.record.test_sets) > 1
    return {MEAN: 'mean of all test sets', **columns} if several else columns


def over_seeds(runs: pd.DataFrame, column: str) -> pd.DataFrame:
    """One row per short name: axes, seeds done, mean time, mean, lowest and highest score."""
    return runs.groupby('short_name', sort=False).agg(
        strategy=('strategy', 'first'),
        fc=('fc', 'first'),
        repeats=('repeats', 'first'),
        planned=('planned', 'first'),
        done=('run_id', 'size'),
        time=('time', 'mean'),
        mean=(column, 'mean'),
        low=(column, 'min'),
        high=(column, 'max'),
    )


def draw_points(axis: Axes, stats: pd.DataFrame, styles: dict) -> None:
    """Markers at the means, bars from the worst to the best seed."""
    for point in stats.itertuples():
        style = styles[point.Index]
        axis.errorbar(
            point.time,
            point.mean,
            [[point.mean - point.low], [point.high - point.mean]],
            fmt=style.marker,
            color=style.color,
            capsize=2,
            elinewidth=0.8,
            markersize=4.5,
            zorder=3,
        )


def heading(grid: GridResults, train_set: str, network: str = '') -> str:
    """Title of a plot: its network, and its training set if the grid has several."""
    label = grid.record.train_sets[train_set] if grid.has_several_train_sets else ''
    return ' trained on '.join(filter(None, (grid.record.networks.get(network, ''), label)))
