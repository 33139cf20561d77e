"""PSNR against the frame number: one panel per test set or per video."""

import math
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reports.figures.selection import methods_of
from reports.figures.style import COLUMN_WIDTH, PAGE_WIDTH, Look, looks, paper_style
from reports.methods import Method
from reports.results import GridResults
from reports.tables.captions import describe

MIN_SPAN_DB = 1.0  # a y axis spans at least this, so that noise does not look like a trend
BETWEEN = 0.42  # inches between rows of panels
SMOOTHING = 0.05  # window of the moving average, as a share of the video
SMOOTH_FROM = 100  # shorter videos are only shown raw


class Panel(NamedTuple):
    """One panel: PSNR (a row per frame, a column per trial), and the lengths of its videos."""

    title: str
    curves: pd.DataFrame
    lengths: list[int]


def psnr_vs_frame(grid: GridResults, network: str, train_set: str) -> Figure:
    """All methods of one network, one panel per test set; untrained references in grey.

    Lines are means over videos, then seeds; bands run from the worst to the best seed. If videos
    differ in length, a dotted line marks the end of each, because the mean changes there. Videos of
    100 frames and more are drawn twice: raw (thin) and smoothed. With resets they are drawn raw and
    without a band, because a moving average would hide the effect of a reset.
    """
    by_set = dict(iter(grid.curves.groupby('test_set')))
    panels = []
    for key, test_set in grid.record.test_sets.items():
        curves = pd.DataFrame()
        if key in by_set:
            curves = by_set[key].pivot(index='frame', columns='trial_id', values='psnr_y')
        panels.append(Panel(describe(test_set), curves, sorted(set(test_set.videos.values()))))
    return panels_figure(grid, methods_of(grid, network, train_set), panels)


def psnr_by_video(grid: GridResults, network: str, train_set: str, test_set: str) -> Figure:
    """As ``psnr_vs_frame`` with one panel for each video of one test set."""
    panels = [
        Panel(video, grid.video_curves.get((test_set, video), pd.DataFrame()), [frames])
        for video, frames in grid.record.test_sets[test_set].videos.items()
    ]
    return panels_figure(grid, methods_of(grid, network, train_set), panels)


def smoothed(curve: pd.Series) -> pd.Series | None:
    """Centred moving average over 5 % of the frames; None if there are fewer than 100 frames."""
    if len(curve) < SMOOTH_FROM:
        return None
    window = 2 * round(SMOOTHING * len(curve) / 2) + 1
    return curve.rolling(window, center=True, min_periods=1).mean()


def panels_figure(
    grid: GridResults, methods: list[Method], panels: list[Panel], horizontal: str = 'Frame number'
) -> Figure:
    """Draws panels with a line for each method that has a curve, and one legend.

    Args:
        grid: the results.
        methods: those of ``grid.methods`` that are shown.
        panels: what is drawn.
        horizontal: label of the horizontal axes.
    """
    styles = looks(grid.all_methods, grid.record.strategies)
    columns = {1: 1, 2: 2, 4: 2}.get(len(panels), 3)
    rows = math.ceil(len(panels) / columns)
    spare = rows * columns - len(panels)
    width, across = (COLUMN_WIDTH, 2) if columns == 1 else (PAGE_WIDTH, 4)
    below = 0.42 if spare else 0.44 + 0.17 * math.ceil(len(methods) / across)
    panel = 1.25 if rows < 4 else 0.95
    height = 0.2 + rows * panel + (rows - 1) * BETWEEN + below
    with paper_style():
        figure = Figure(figsize=(width, height))
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        wide = (width - 0.5 - (columns - 1) * 0.38) / columns
        # Fixed margins: a layout engine would take a fifth of the time.
        figure.subplots_adjust(
            left=0.44 / width,
            right=1 - 0.06 / width,
            top=1 - 0.2 / height,
            bottom=below / height,
            wspace=0.38 / wide,
            hspace=BETWEEN / panel,
        )
        for axis, curves in zip(axes, panels, strict=False):
            _draw(axis, curves, [(m, styles[m.short_name], grid.trials_of(m)) for m in methods])
        for axis in axes[::columns]:
            axis.set_ylabel('PSNR (dB)')
        for axis in axes[max(len(panels) - columns, 0) : len(panels)]:
            axis.set_xlabel(horizontal)
        for empty in axes[len(panels) :]:
            empty.set_axis_off()
        handles = [_legend_entry(grid, method, styles[method.short_name]) for method in methods]
        if spare:
            axes[-1].legend(handles=handles, loc='center')
        else:
            figure.legend(handles=handles, loc='lower center', ncols=across)
    return figure


def _draw(axis: Axes, panel: Panel, methods: list) -> None:
    low, high = math.inf, -math.inf
    for method, style, trials in methods:
        curves = panel.curves[[trial for trial in trials if trial in panel.curves]]
        if curves.empty:
            continue
        worst, best = curves.min(axis=1), curves.max(axis=1)
        if method.reset:
            worst = best = curves.mean(axis=1)
            _plot(axis, best, style, linewidth=0.9)
        else:
            _line(axis, curves.mean(axis=1), style)
            if curves.shape[1] > 1:
                band = {'color': style.color, 'alpha': 0.18, 'linewidth': 0}
                axis.fill_between(curves.index, worst, best, **band)
        low, high = min(low, worst.min()), max(high, best.max())
    for length in panel.lengths[:-1]:
        axis.axvline(length - 1, color='0.6', linewidth=0.6, linestyle=':')
    axis.set_title(panel.title)
    axis.set_xlim(0, max(panel.lengths[-1] - 1, 1))
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if low <= high:
        axis.set_ylim(*_padded(low, high))
        axis.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 3, 4, 5, 10]))  # one decimal
    else:
        axis.text(0.5, 0.5, 'no finished run', transform=axis.transAxes, ha='center')


def _line(axis: Axes, curve: pd.Series, style: Look) -> None:
    smooth = smoothed(curve)
    if smooth is not None:
        axis.plot(curve.index, curve, color=style.color, linewidth=0.4, alpha=0.5)
        curve = smooth
    _plot(axis, curve, style)


def _plot(axis: Axes, curve: pd.Series, style: Look, **options: Any) -> None:
    axis.plot(curve.index, curve, color=style.color, linestyle=style.line, **options)


def _padded(low: float, high: float) -> tuple[float, float]:
    span = max(high - low, MIN_SPAN_DB)
    middle = (low + high) / 2
    return middle - 0.56 * span, middle + 0.56 * span


def _legend_entry(grid: GridResults, method: Method, style: Look) -> Line2D:
    cells = [grid.cell(method, key) for key in grid.record.test_sets]
    label = method.short_name
    worst = min(cells, key=lambda cell: cell['seeds_done'])
    if worst['seeds_done'] == 0:
        label += f': {worst["status"]}' + ' in part' * any(cell['seeds_done'] for cell in cells)
    elif worst['status'] == 'partial':
        label += f': {worst["seeds_done"]} of {worst["seeds_planned"]} seeds'
    elif worst['seeds_planned'] > 1:
        label += f', {worst["seeds_planned"]} seeds'
    drawn = any(cell['seeds_done'] for cell in cells)
    return Line2D([], [], color=style.color, linestyle=style.line if drawn else '', label=label)
