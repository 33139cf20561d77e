"""Running time against accuracy."""

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullFormatter, ScalarFormatter

from reports.figures.point_names import Point, name_points
from reports.figures.scatter import draw_points, over_seeds, score_columns, scored_runs
from reports.figures.style import COLUMN_WIDTH, PAGE_WIDTH, Look, lay_out, looks, paper_style
from reports.results import GridResults

MANY = 3.0  # a time axis that spans more than this factor is logarithmic


def psnr_vs_time(grid: GridResults) -> Figure | None:
    """Inference time per frame against PSNR, a row per training set, as RISTN's Fig. 10.

    Left: mean over all test sets; right: the set where instability shows first. Points are means
    over seeds, bars run from the worst to the best seed; a grey line joins a network's strategies.
    None if no finished run has a time.
    """
    runs = scored_runs(grid, 'inference_ms')
    if runs.empty:
        return None
    columns = score_columns(grid)
    train_sets = [key for key in runs['train_set'].unique() if key] or ['']
    names = list(dict.fromkeys(runs['short_name']))
    styles = looks(grid.all_methods, grid.record.strategies)
    width, across = (PAGE_WIDTH, 6) if len(columns) > 1 else (COLUMN_WIDTH, 3)
    height = 2.1 * len(train_sets) + 0.18 * math.ceil(len(names) / across)
    with paper_style():
        figure = Figure(figsize=(width, height), layout='constrained')
        axes = figure.subplots(len(train_sets), len(columns), squeeze=False)
        named = []
        for row, train_set in zip(axes, train_sets, strict=True):
            # Untrained references belong to every training set.
            own = runs[runs['train_set'].isin([train_set, ''])]
            trained_on = grid.record.train_sets[train_set] if len(train_sets) > 1 else ''
            for axis, (column, title) in zip(row, columns.items(), strict=True):
                named.append(
                    (axis, _panel(axis, own.dropna(subset=[column]), column, grid, styles))
                )
                title = f'trained on {trained_on}: {title}' if trained_on else title
                axis.set_title(title[:1].upper() + title[1:])
            row[0].set_ylabel('PSNR (dB)')
        for axis in axes[-1]:
            axis.set_xlabel('Running time per frame (ms)')
        marks = [_mark(name, styles[name]) for name in names]
        figure.legend(handles=marks, loc='outside lower center', ncols=across, columnspacing=1.2)
        lay_out(figure)
        for axis, points in named:
            name_points(axis, points)
    return figure


def _panel(axis: Axes, runs: pd.DataFrame, column: str, grid: GridResults, styles: dict) -> list:
    """Draw the points; return them, each network's best one with its name."""
    names = []
    for network, group in runs.groupby('network', sort=False):
        stats = over_seeds(group, column)
        line = stats.sort_values('time')
        axis.plot(line['time'], line['mean'], color='0.75', linewidth=0.8, zorder=1)
        draw_points(axis, stats, styles)
        best = stats['mean'].idxmax()
        for point in stats.itertuples():
            name = grid.record.networks[network] if point.Index == best else ''
            names.append(Point(point.time, point.mean, name, 'black'))
    scale_time(axis, runs['time'])
    axis.margins(x=0.2, y=0.12)
    axis.yaxis.set_major_locator(MaxNLocator(5))
    return names


def scale_time(axis: Axes, times: pd.Series) -> None:
    """Makes a time axis logarithmic if the times span much."""
    if len(times) and times.max() > MANY * times.min():
        axis.set_xscale('log')
        axis.xaxis.set_major_formatter(ScalarFormatter())
        axis.xaxis.set_minor_formatter(NullFormatter())


def _mark(name: str, style: Look) -> Line2D:
    return Line2D([], [], color=style.color, marker=style.marker, linestyle='', label=name)
