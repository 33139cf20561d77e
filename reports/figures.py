"""PSNR against frame number, and the heat map of drift. The R trade-off is in ``tradeoff``."""

import math

import numpy as np
import seaborn as sns
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import AsinhNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reports.captions import describe
from reports.results import GridResults
from reports.style import COLUMN_WIDTH, PAGE_WIDTH, RC, look

MIN_SPAN_DB = 1.0  # a y axis never shows less than this, so that noise does not look like a trend


def psnr_vs_frame(grid: GridResults, network: str, train_set: str) -> Figure:
    """All strategies of one network, one panel a test set; untrained references in dashed grey.

    Lines are means over videos, then seeds; bands run from the worst to the best seed. Where videos
    differ in length, a dotted line marks the end of each, since the mean changes there.
    """
    methods = _with_references(grid, network, train_set)
    keys = list(grid.plan.test_sets)
    columns = {1: 1, 2: 2, 4: 2}.get(len(keys), 3)
    rows = math.ceil(len(keys) / columns)
    spare = rows * columns - len(keys)
    width, across = (COLUMN_WIDTH, 2) if columns == 1 else (PAGE_WIDTH, 4)
    below = 0.1 if spare else 0.1 + 0.18 * math.ceil(len(methods) / across)
    with rc_context(RC):
        figure = Figure(figsize=(width, 1.75 * rows + below))
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for panel, key in zip(axes, keys, strict=False):
            _frame_panel(panel, grid, methods, key)
        for panel in axes[::columns]:
            panel.set_ylabel('PSNR (dB)')
        for empty in axes[len(keys) :]:
            empty.set_axis_off()
        handles = [_legend_entry(grid, method) for method in methods]
        if spare:
            axes[-1].legend(handles=handles, loc='center')
        else:
            figure.legend(handles=handles, loc='outside lower center', ncols=across)
    return figure


def _with_references(grid: GridResults, network: str, train_set: str) -> list:
    own = (grid.methods['network'] == network) & (grid.methods['train_set'] == train_set)
    # "" is the training set of untrained references, which are drawn beside every network.
    chosen = own | (grid.methods['train_set'] == '')
    return list(grid.methods[chosen].itertuples())


def _frame_panel(panel: Axes, grid: GridResults, methods: list, key: str) -> None:
    test_set = grid.plan.test_sets[key]
    low, high = math.inf, -math.inf
    for method in methods:
        curve = _seed_curves(grid, method, key)
        if curve.empty:
            continue
        style = look(method, grid.methods['repeats'])
        worst, best = curve.min(axis=1), curve.max(axis=1)
        panel.plot(curve.index, curve.mean(axis=1), color=style.color, linestyle=style.line)
        if curve.shape[1] > 1:
            panel.fill_between(curve.index, worst, best, color=style.color, alpha=0.18, linewidth=0)
        low, high = min(low, worst.min()), max(high, best.max())
    lengths = sorted(set(test_set.videos.values()))
    for length in lengths[:-1]:
        panel.axvline(length - 1, color='0.6', linewidth=0.6, linestyle=':')
    panel.set_title(describe(test_set))
    panel.set_xlim(0, max(lengths[-1] - 1, 1))
    panel.set_xlabel('Frame number')
    panel.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if low <= high:
        panel.set_ylim(*_padded(low, high))
        panel.yaxis.set_major_locator(MaxNLocator(5))
    else:
        panel.text(0.5, 0.5, 'no finished run', transform=panel.transAxes, ha='center')


def _seed_curves(grid: GridResults, method, key: str):
    """PSNR by frame (rows) and run (columns)."""
    curves = grid.curves
    same = (
        (curves['network'] == method.network)
        & (curves['train_set'] == method.train_set)
        & (curves['method'] == method.method)
        & (curves['test_set'] == key)
    )
    return curves[same].pivot(index='frame', columns='run_id', values='psnr_y')


def _padded(low: float, high: float) -> tuple[float, float]:
    span = max(high - low, MIN_SPAN_DB)
    middle = (low + high) / 2
    return middle - 0.56 * span, middle + 0.56 * span


def _legend_entry(grid: GridResults, method) -> Line2D:
    style = look(method, grid.methods['repeats'])
    cells = grid.cells[
        (grid.cells['method'] == method.method)
        & (grid.cells['network'] == method.network)
        & (grid.cells['train_set'] == method.train_set)
    ]
    label = method.variant
    worst = cells.sort_values('seeds_done').iloc[0]
    if worst['seeds_done'] == 0:
        label += f': {worst["status"]}' + ('' if (cells['seeds_done'] == 0).all() else ' in part')
    elif worst['status'] == 'partial':
        label += f': {worst["seeds_done"]} of {worst["seeds_planned"]} seeds'
    elif worst['seeds_planned'] > 1:
        label += f', {worst["seeds_planned"]} seeds'
    drawn = cells['seeds_done'].any()
    return Line2D([], [], color=style.color, linestyle=style.line if drawn else '', label=label)


def drift_map(grid: GridResults) -> Figure:
    """Heat map of drift (dB, last 50 minus first 50 frames): methods x long test sets."""
    keys, methods = grid.long_sets, list(grid.methods.itertuples())
    cells = grid.cells.set_index(['train_set', 'network', 'method', 'test_set'])
    rows = [[(m.train_set, m.network, m.method, key) for key in keys] for m in methods]
    drift = np.array([[cells.loc[place, 'drift'] for place in row] for row in rows])
    status = [[cells.loc[place, 'status'] for place in row] for row in rows]
    limit = max(1.0, np.nanmax(np.abs(drift), initial=0.0))
    with rc_context(RC | {'axes.grid': False}):
        figure = Figure(figsize=(COLUMN_WIDTH, 0.75 + 0.19 * len(rows)))
        axes = figure.subplots()
        # Asinh: a collapse by 15 dB must not wash out the difference between 0 and -0.5 dB.
        norm = AsinhNorm(linear_width=0.5, vmin=-limit, vmax=limit)
        sns.heatmap(
            drift,
            cmap='RdBu',
            norm=norm,
            annot=_cell_labels(drift, status),
            fmt='',
            annot_kws={'fontsize': 7},
            cbar=False,
            mask=np.zeros_like(drift, bool),
            xticklabels=[grid.plan.test_sets[key].label for key in keys],
            yticklabels=[_row_label(grid, method) for method in methods],
            ax=axes,
        )
        axes.set_facecolor('0.92')
        axes.tick_params(length=0, rotation=0)
        partial = any('partial' in row for row in status)
        axes.set_title(
            'Drift (dB): last 50 minus first 50 frames' + ('\n~ not all seeds done' * partial)
        )
    return figure


def _cell_labels(drift: np.ndarray, status: list[list[str]]) -> np.ndarray:
    """Signed numbers, ``~`` where seeds are missing, or why a cell is empty."""
    labels = np.empty(drift.shape, object)
    for place, value in np.ndenumerate(drift):
        state = status[place[0]][place[1]]
        mark = '~' if state == 'partial' else ''
        labels[place] = state if math.isnan(value) else f'{value:+.2f}{mark}'.replace('-', '\u2212')
    return labels


def _row_label(grid: GridResults, method) -> str:
    several = grid.runs.loc[grid.runs['train_set'] != '', 'train_set'].nunique() > 1
    train = grid.plan.train_sets.get(method.train_set, '') if several else ''
    return f'{method.method}, {train}' if train else method.method
