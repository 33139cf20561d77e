"""Heat map of drift: methods x videos."""

import math
from itertools import groupby

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import AsinhNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from reports.figures.selection import drawn_methods, full_name
from reports.figures.style import COLUMN_WIDTH, PAGE_WIDTH, paper_style
from reports.methods import Method
from reports.results import LONG, WINDOW, GridResults

CELL_WIDTH = 0.42  # inches, enough for a number
ROW_HEIGHT = 0.17
NAME_WIDTH = 1.5
WORST_DB = 10.0  # end of the colour scale


def drift_map(grid: GridResults) -> Figure | None:
    """Drift (dB, mean of the last 50 minus mean of the first 50 frames), mean over seeds.

    A row per method, a column per video of at least 100 frames, grouped by test set. Numbers are
    written where they fit. None if no video is that long.
    """
    places = [
        (key, video)
        for key, test_set in grid.record.test_sets.items()
        for video, frames in test_set.videos.items()
        if frames >= LONG
    ]
    if not places:
        return None
    methods = drawn_methods(grid)
    drift = _drift(grid, methods, places)
    status = _status(grid, methods, places)
    width = COLUMN_WIDTH if NAME_WIDTH + CELL_WIDTH * len(places) <= COLUMN_WIDTH else PAGE_WIDTH
    numbers = NAME_WIDTH + CELL_WIDTH * len(places) <= PAGE_WIDTH
    with paper_style({'axes.grid': False}):
        figure = Figure(figsize=(width, 1.6 + ROW_HEIGHT * len(methods)), layout='constrained')
        axes = figure.subplots()
        _heat(axes, drift, status, numbers)
        names = [full_name(grid, method) for method in methods]
        axes.set_yticks(np.arange(len(methods)) + 0.5, names, rotation=0)
        axes.set_xticks(np.arange(len(places)) + 0.5, [video for _, video in places])
        axes.tick_params('x', rotation=45)
        for label in axes.get_xticklabels():
            label.set(ha='right', rotation_mode='anchor')
        axes.tick_params(length=0)
        _group(axes, grid, places, methods)
        _color_bar(figure, axes, bool((status == 'partial').any()))
    return figure


def _color_bar(figure: Figure, axes: Axes, partial: bool) -> None:
    bar = figure.colorbar(
        ScalarMappable(_norm(), 'RdBu'),
        ax=axes,
        orientation='horizontal',
        aspect=40,
        shrink=0.7,
        pad=0.01,
        extend='both',
        ticks=[-10, -3, -1, -0.3, 0, 0.3, 1, 3, 10],
        format=FuncFormatter(lambda value, _: _signed(value, 'g')),
    )
    marks = '; ~: not all seeds done' if partial else ''
    bar.set_label(f'Drift (dB): last {WINDOW} minus first {WINDOW} frames{marks}')
    bar.outline.set_visible(False)
    bar.minorticks_off()


def _drift(grid: GridResults, methods: list[Method], places: list[tuple[str, str]]) -> np.ndarray:
    """Mean over the finished seeds, NaN where there is none; a row per method."""
    drift = grid.videos.pivot(index='trial_id', columns=['test_set', 'video'], values='drift')
    rows = [drift.reindex(grid.trials_of(method)).mean() for method in methods]
    return np.array([row.reindex(places).to_numpy() for row in rows])


def _status(grid: GridResults, methods: list[Method], places: list) -> np.ndarray:
    return np.array([[grid.cell(m, key)['status'] for key, _ in places] for m in methods])


def _norm() -> AsinhNorm:
    # Asinh, so that 0 and -0.5 dB differ visibly beside a collapse of 15 dB.
    return AsinhNorm(linear_width=0.4, vmin=-WORST_DB, vmax=WORST_DB, clip=True)


def _heat(axes: Axes, drift: np.ndarray, status: np.ndarray, numbers: bool) -> None:
    labels = np.full(drift.shape, '', object)
    for place, value in np.ndenumerate(drift):
        mark = '~' if status[place] == 'partial' else ''
        if numbers and not math.isnan(value):
            labels[place] = _signed(value, '.2f') + mark
        elif mark:
            labels[place] = mark
    import seaborn as sns  # see style.settings

    sns.heatmap(
        drift,
        cmap='RdBu',
        norm=_norm(),
        annot=labels,
        fmt='',
        annot_kws={'fontsize': 7},
        cbar=False,
        mask=np.zeros_like(drift, bool),
        ax=axes,
    )
    axes.set_facecolor('0.92')
    for row, states in enumerate(status):
        _name_gaps(axes, row, np.isnan(drift[row]), states)


def _name_gaps(axes: Axes, row: int, empty: np.ndarray, states: np.ndarray) -> None:
    """Label each group of adjacent empty cells once with the reason."""
    reasons = [state if gap else '' for gap, state in zip(empty, states, strict=True)]
    start = 0
    for reason, cells in groupby(reasons):
        end = start + len(list(cells))
        axes.text((start + end) / 2, row + 0.5, reason, style='italic', ha='center', va='center')
        start = end


def _group(axes: Axes, grid: GridResults, places: list, methods: list[Method]) -> None:
    """Names of the test sets above their videos, and white rules between groups."""
    keys = pd.Series([key for key, _ in places])
    for key, columns in keys.groupby(keys, sort=False):
        start, end = columns.index[0], columns.index[-1] + 1
        axes.text((start + end) / 2, -0.25, grid.record.test_sets[key].label, ha='center')
        if end < len(places):
            axes.axvline(end, color='white', linewidth=2.5)
    for row, (above, below) in enumerate(zip(methods, methods[1:], strict=False), start=1):
        if (above.train_set, above.network) != (below.train_set, below.network):
            axes.axhline(row, color='white', linewidth=2.5)


def _signed(value: float, digits: str) -> str:
    text = f'{value:+{digits}}'
    return text[1:] if not float(text) else text.replace('-', '\u2212')
