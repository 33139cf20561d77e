"""PSNR between two resets of the state."""

import pandas as pd
from matplotlib.figure import Figure

from reports.figures.frames import Panel, panels_figure
from reports.figures.selection import methods_of, training_of, trial_ids
from reports.results import GridResults
from reports.runs import is_plain


def psnr_since_reset(grid: GridResults, network: str, train_set: str) -> Figure | None:
    """PSNR against the frames since the last reset, a panel for each test set and distance N.

    Means over the resets of a video, then videos, then seeds. In the panel of N, the methods
    without resets are averaged over the same frames, every N-th into one point. The first N
    frames, before any reset, and an incomplete last stretch are left out, and so are test sets
    with videos of less than 2 N frames. None where nothing is left.
    """
    methods = methods_of(grid, network, train_set)
    distances = sorted({int(method.reset_every) for method in methods if method.reset_every > 0})
    fixed = {training_of(method) for method in methods if method.reset_every > 0}
    # What is reset goes off the scale without it.
    shown = [m for m in methods if m.reset_every > 0 or training_of(m) not in fixed]
    panels = []
    for key, test_set in grid.plan.test_sets.items():
        for every in distances:
            if min(test_set.videos.values()) >= 2 * every:
                comparable = [m for m in shown if m.reset_every == every or is_plain(m)]
                runs = [trial_id for m in comparable for trial_id in trial_ids(grid, m)]
                title = f'{test_set.label}, reset every {every}'
                panels.append(Panel(title, _since_reset(grid, key, runs, every), [every]))
    return panels_figure(grid, shown, panels, 'Frames since the last reset') if panels else None


def _since_reset(grid: GridResults, test_set: str, trials: list[str], every: int) -> pd.DataFrame:
    """Mean PSNR (dB) at each number of frames after a multiple of ``every``; a column a trial."""
    means = [pd.DataFrame()]
    for video in grid.plan.test_sets[test_set].videos:
        curves = grid.video_curves.get((test_set, video), pd.DataFrame())
        curves = curves[[trial for trial in trials if trial in curves]]
        frames = curves.index
        whole = (frames >= every) & (frames < len(frames) // every * every)
        means.append(curves[whole].groupby(frames[whole] % every).mean())
    return pd.concat(means).groupby(level=0).mean()
