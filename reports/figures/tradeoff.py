"""The trade-off between training time and accuracy for several R."""

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from reports.figures.point_names import Point, name_points
from reports.figures.scatter import draw_points, heading, over_seeds, score_columns, scored_runs
from reports.figures.style import COLUMN_WIDTH, PAGE_WIDTH, lay_out, looks, paper_style
from reports.results import GridResults

# The y axis is broken below the best points if there is a gap of at least GAP_DB, usually above a
# collapse, and if they would otherwise be crammed into less than this share of the axis.
CRAMMED = 0.2
GAP_DB = 1.0


def r_tradeoff(grid: GridResults) -> Figure | None:
    """Time per training iteration against PSNR, a row per network, RI and FC with own markers.

    Left: mean over all test sets; right: the set where instability shows first. Points are means
    over seeds (~: not all done), bars run from the worst to the best seed. None if no network has
    times for two R. Methods with further options are left out: they vary more than R.
    """
    runs = scored_runs(grid, 'ms_per_iteration')
    with_options = [run_id for run_id, method in grid.method_of.items() if method.options]
    runs = runs[~runs['run_id'].isin(with_options)]
    groups = [g for _, g in runs.groupby(['train_set', 'network'], sort=False)]
    groups = [group for group in groups if group['repeats'].nunique() > 1]
    if not groups:
        return None
    columns = score_columns(grid)
    width = PAGE_WIDTH if len(columns) > 1 else COLUMN_WIDTH
    styles = looks(grid.all_methods, grid.record.strategies)
    with paper_style():
        figure = Figure(figsize=(width, 2.0 * len(groups)), layout='constrained')
        parts = figure.subfigures(len(groups), len(columns), squeeze=False)
        drawn = []
        for row, group in zip(parts, groups, strict=True):
            name = heading(grid, *group.iloc[0][['train_set', 'network']])
            for part, (column, title) in zip(row, columns.items(), strict=True):
                stats = over_seeds(group.dropna(subset=[column]), column)
                drawn += [(axis, stats) for axis in _panel(part, stats, f'{name}: {title}', styles)]
        lay_out(figure)
        for axis, stats in drawn:
            name_points(axis, _names(stats, styles))
    return figure


def _panel(part: SubFigure, stats: pd.DataFrame, title: str, styles: dict) -> list[Axes]:
    cut = _cut(stats)
    shape = {'height_ratios': [2, 1], 'hspace': 0.0} if cut else {}
    axes = part.subplots(2 if cut else 1, 1, squeeze=False, sharex=True, gridspec_kw=shape)[:, 0]
    line = stats[_plain(stats)]
    for axis in axes:
        axis.plot(line['time'], line['mean'], color='0.6', linewidth=0.8)
        draw_points(axis, stats, styles)
        axis.margins(x=0.12)
    axes[0].set_title(title)
    axes[-1].set_xlabel('Training time per iteration (ms)')
    axes[0].set_ylabel('PSNR (dB)')
    if cut:
        _limit(axes[0], stats[stats['low'] > cut], bottom=cut)
        _limit(axes[1], stats[stats['high'] < cut], top=cut)
        _mark_cut(*axes)
    elif len(stats):
        _limit(axes[0], stats)
    return list(axes)


def _cut(stats: pd.DataFrame) -> float | None:
    """Returns the middle of the widest gap, if the points above it would be crammed.

    The axis is never broken between the seeds of one method, which would hide their mean.
    """
    spans = stats.sort_values('low')
    top = spans['high'].max()
    gaps = spans['low'] - spans['high'].cummax().shift()
    if not gaps.max() > GAP_DB:
        return None
    above = spans.loc[gaps.idxmax() :, 'low']
    crammed = top - above.min() < CRAMMED * (top - spans['low'].min())
    return above.min() - gaps.max() / 2 if crammed and len(above) > 1 else None


def _plain(stats: pd.DataFrame) -> pd.Series:
    return (stats['strategy'] == 'PI') & ~stats['fc'].astype(bool)


def _names(stats: pd.DataFrame, styles: dict) -> list[Point]:
    named = []
    for point, plain in zip(stats.itertuples(), _plain(stats), strict=True):
        name = f'R={point.repeats:.0f}' if plain else point.Index
        name += '~' if point.done < point.planned else ''
        named.append(Point(point.time, point.mean, name, styles[point.Index].color))
    return named


def _limit(
    axis: Axes, stats: pd.DataFrame, bottom: float = -math.inf, top: float = math.inf
) -> None:
    low, high = stats['low'].min(), stats['high'].max()
    pad = max(0.2, 0.25 * (high - low))
    axis.set_ylim(max(low - pad, bottom), min(high + pad, top))
    axis.yaxis.set_major_locator(MaxNLocator(4))


def _mark_cut(upper: Axes, lower: Axes) -> None:
    upper.spines['bottom'].set_visible(False)
    upper.tick_params(bottom=False)
    slash: dict[str, Any] = {'marker': [(-1, -0.6), (1, 0.6)], 'markersize': 6, 'linestyle': 'none'}
    slash |= {'color': 'black', 'markeredgewidth': 0.7, 'clip_on': False}
    upper.plot(0, 0, transform=upper.transAxes, **slash)
    lower.plot(0, 1, transform=lower.transAxes, **slash)
