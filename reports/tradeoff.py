"""The trade-off between training time and accuracy with changing R."""

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from reports.results import GridResults
from reports.style import COLUMN_WIDTH, PAGE_WIDTH, RC, look

# The y axis is cut where it would show nothing over more than this share of its range.
GAP_SHARE = 0.5
GAP_DB = 1.0


def r_tradeoff(grid: GridResults) -> Figure | None:
    """Time per training iteration against PSNR, a row a network, RI and FC with own markers.

    Left: mean over all test sets; right: the set where instability shows first. Points are means
    over seeds, bars run from the worst to the best seed. None if no finished PI run has a time.
    """
    points = _points(grid)
    panels = [(grid.focus_set, grid.plan.test_sets[grid.focus_set].label)]
    if len(grid.plan.test_sets) > 1:
        panels.insert(0, ('mean', 'Mean of all test sets'))
    groups = [g for _, g in points.groupby(['train_set', 'network'], sort=False)]
    groups = [group for group in groups if 'PI' in set(group['strategy'])]
    if not groups:
        return None
    width = PAGE_WIDTH if len(panels) > 1 else COLUMN_WIDTH
    with rc_context(RC):
        figure = Figure(figsize=(width, 2.3 * len(groups)))
        parts = figure.subfigures(len(groups), len(panels), squeeze=False)
        for row, group in zip(parts, groups, strict=True):
            for part, (column, title) in zip(row, panels, strict=True):
                network = grid.plan.networks[group.iloc[0]['network']]
                _panel(part, group, column, f'{network}: {title}')
    return figure


def _points(grid: GridResults) -> pd.DataFrame:
    """One row a finished, timed run: time, seeds planned, PSNR of each test set, and their mean."""
    scores = grid.evaluations.pivot(index='run_id', columns='test_set', values='psnr_y')
    # A mean over some of the sets would not be comparable: it stays empty then.
    scores = scores.assign(mean=scores.mean(axis=1, skipna=False))
    planned = grid.runs.groupby(['train_set', 'network', 'method'])['run_id'].transform('size')
    runs = grid.runs.assign(planned=planned).dropna(subset=['ms_per_iteration'])
    return runs.merge(scores, left_on='run_id', right_index=True)


def _panel(part: SubFigure, group: pd.DataFrame, column: str, title: str) -> None:
    group = group.dropna(subset=[column])
    cut = _cut(group, column)
    shape = {'height_ratios': [2, 1], 'hspace': 0.06} if cut else {}
    axes = part.subplots(2 if cut else 1, 1, squeeze=False, sharex=True, gridspec_kw=shape)[:, 0]
    for axis in axes:
        _draw(axis, group, column)
    axes[0].set_title(title)
    axes[-1].set_xlabel('Training time per iteration (ms)')
    axes[0].set_ylabel('PSNR (dB)')
    if cut:
        _limit(axes[0], [v for v in group[column] if v > cut])
        _limit(axes[1], [v for v in group[column] if v < cut])
        _mark_cut(*axes)
    elif len(group):
        _limit(axes[0], list(group[column]))


def _cut(group: pd.DataFrame, column: str) -> float | None:
    """Middle of the widest empty stretch, if it takes most of the axis: a collapse, usually.

    A cut never falls between the seeds of one method, whose mean it would hide.
    """
    spans = group.groupby('method')[column].agg(['min', 'max']).sort_values('min')
    reached = spans['max'].cummax()
    gaps = spans['min'] - reached.shift()
    width = gaps.max()
    if not (width > GAP_DB and width > GAP_SHARE * (spans['max'].max() - spans['min'].min())):
        return None
    return spans.loc[gaps.idxmax(), 'min'] - width / 2


def _draw(axis: Axes, group: pd.DataFrame, column: str) -> None:
    methods = group.groupby('method', sort=False)
    stats = methods.agg(
        done=('run_id', 'size'),
        time=('ms_per_iteration', 'mean'),
        mean=(column, 'mean'),
        low=(column, 'min'),
        high=(column, 'max'),
    )
    first = methods.first()
    plain = (first['strategy'] == 'PI') & ~first['fc'].astype(bool)
    line = stats[plain]
    axis.plot(line['time'], line['mean'], color='0.6', linewidth=0.8)
    neighbours = pd.concat([line['mean'].shift(), line['mean'].shift(-1)], axis=1).mean(axis=1)
    peaks = set(line.index[line['mean'] >= neighbours])
    middle = (stats['time'].min() + stats['time'].max()) / 2
    for method in first.itertuples():
        point = stats.loc[method.Index]
        style = look(method, [])
        spread = [[point['mean'] - point['low']], [point['high'] - point['mean']]]
        bars = {'capsize': 2, 'elinewidth': 0.8, 'markersize': 4.5, 'zorder': 3}
        place = (point['time'], point['mean'])
        axis.errorbar(*place, spread, fmt=style.marker, color=style.color, **bars)
        name = f'R={method.repeats:.0f}' if plain[method.Index] else method.variant
        if point['done'] < method.planned:
            name += f' ({point["done"]:.0f}/{method.planned} seeds)'
        left, above = place[0] > middle, method.Index in peaks
        _name_point(axis, name, place, style.color, left, above)
    axis.margins(x=0.14)


def _name_point(axis: Axes, name: str, place: tuple, color: str, left: bool, above: bool) -> None:
    # Towards the middle of the panel; above the line's peaks and below its dips, so not across it.
    offset = (-4 if left else 4, 4 if above else -9)
    axis.annotate(
        name,
        place,
        xytext=offset,
        textcoords='offset points',
        ha='right' if left else 'left',
        fontsize=7,
        color=color,
        annotation_clip=True,
    )


def _limit(axis: Axes, values: list[float]) -> None:
    pad = max(0.2, 0.25 * (max(values) - min(values)))
    axis.set_ylim(min(values) - pad, max(values) + pad)
    axis.yaxis.set_major_locator(MaxNLocator(4))


def _mark_cut(upper: Axes, lower: Axes) -> None:
    upper.spines['bottom'].set_visible(False)
    upper.tick_params(bottom=False)
    slash = {'marker': [(-1, -0.6), (1, 0.6)], 'markersize': 6, 'linestyle': 'none'}
    slash |= {'color': 'black', 'markeredgewidth': 0.7, 'clip_on': False}
    upper.plot(0, 0, transform=upper.transAxes, **slash)
    lower.plot(0, 1, transform=lower.transAxes, **slash)
