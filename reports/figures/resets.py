"""PSNR between two resets of the state."""

import pandas as pd
from matplotlib.figure import Figure

from reports.figures.frames import Panel, panels_figure
from reports.figures.selection import methods_of
from reports.results import GridResults


def psnr_since_reset(grid: GridResults, network: str, train_set: str) -> Figure | None:
    """PSNR against the frames since the last reset, a panel for each test set and distance N.

    Means over the resets of a video, then videos, then seeds. In the panel of N, the methods
    without resets are averaged over the same frames, every N-th into one point. The first N
    frames, before any reset, and an incomplete last stretch are left out, and so are test sets
    with videos of less than 2 N frames. None where nothing is left.
    """
    methods = methods_of(grid, network, train_set)
    distances = sorted({method.reset_every for method in methods if method.reset_every})
    fixed = {method.training for method in methods if method.reset}
    # What is reset goes off the scale without it.
    shown = [m for m in methods if m.reset_every or m.training not in fixed]
    panels = []
    for key, test_set in grid.record.test_sets.items():
        for every in distances:
            if min(test_set.videos.values()) >= 2 * every:
                comparable = [m for m in shown if m.reset_every == every or m.is_plain]
                runs = [trial_id for m in comparable for trial_id in grid.trials_of(m)]
                title = f'{test_set.label}, reset every {every}'
                panels.append(Panel(title, _since_reset(grid, key, runs, every), [every]))
    return panels_figure(grid, shown, panels, 'Frames since the last reset') if panels else None


def _since_reset(grid: GridResults, test_set: str, trials: list[str], every: int) -> pd.DataFrame:
    """Mean PSNR (dB) at each number of frames after a multiple of ``every``; a column per trial."""
    means = [pd.DataFrame()]
    for video in grid.record.test_sets[test_set].videos:
        curves = grid.video_curves.get((test_set, video), pd.DataFrame())
        curves = curves[[trial for trial in trials if trial in curves]]
        frames = curves.index
        whole = (frames >= every) & (frames < len(frames) // every * every)
        means.append(curves[whole].groupby(frames[whole] % every).mean())
    return pd.concat(means).groupby(level=0).mean()
