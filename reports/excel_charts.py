"""PSNR per frame as native line charts of a workbook."""

import math

import pandas as pd
from openpyxl.chart import LineChart, Reference
from openpyxl.worksheet.worksheet import Worksheet

from reports.results import GridResults
from reports.style import look

WIDTH, HEIGHT = 19.0, 8.5  # centimetres
ROWS, COLUMNS = 18, 12  # sheet cells that a chart of this size covers, with a margin


def curve_frame(grid: GridResults) -> pd.DataFrame:
    """PSNR (dB) by frame, mean over videos and seeds; columns (test set, training set, method)."""
    keys = ['test_set', 'train_set', 'network', 'method']
    wide = grid.curves.pivot_table(index='frame', columns=keys, values='psnr_y', sort=False)
    order = {key: number for number, key in enumerate(grid.plan.test_sets)}
    return wide[sorted(wide.columns, key=lambda column: order[column[0]])]


def add_charts(sheet: Worksheet, curves: Worksheet, grid: GridResults, wide: pd.DataFrame) -> None:
    """One chart a network, training set (down) and test set (across).

    Args:
        sheet: takes the charts.
        curves: holds ``wide`` below a header row, frame numbers in its first column.
        grid: the results.
        wide: of :func:`curve_frame`.
    """
    trained = grid.methods[grid.methods['train_set'] != '']
    groups = list(trained[['train_set', 'network']].drop_duplicates().itertuples(index=False))
    looks = {
        (method.train_set, method.network, method.method): look(method, grid.methods['repeats'])
        for method in grid.methods.itertuples()
    }
    for down, (train_set, network) in enumerate(groups):
        for across, (key, test_set) in enumerate(grid.plan.test_sets.items()):
            # '' is the training set of references, which are in every chart.
            places = [
                (at, column)
                for at, column in enumerate(wide.columns, start=2)
                if column[0] == key and (column[1:3] == (train_set, network) or not column[1])
            ]
            if not places:
                continue
            title = f'{grid.plan.networks[network]} trained on {grid.plan.train_sets[train_set]}'
            frames = max(test_set.videos.values())
            chart = _chart(f'{title}: {test_set.label}', frames)
            for at, column in places:
                _add_curve(chart, curves, at, frames, looks[column[1:]])
            _set_range(chart, wide[[column for _, column in places]])
            anchor = sheet.cell(2 + down * ROWS, 1 + across * COLUMNS).coordinate
            sheet.add_chart(chart, anchor)


def _chart(title: str, frames: int) -> LineChart:
    chart = LineChart()
    chart.title, chart.x_axis.title, chart.y_axis.title = title, 'Frame', 'PSNR (dB)'
    # Without this, Excel hides the axes of charts that openpyxl makes.
    chart.x_axis.delete = chart.y_axis.delete = False
    chart.y_axis.number_format = '0.0'
    chart.width, chart.height = WIDTH, HEIGHT
    chart.legend.position = 'b'
    chart.x_axis.tickLblSkip = chart.x_axis.tickMarkSkip = max(1, 10 * round(frames / 80))
    return chart


def _add_curve(chart: LineChart, curves: Worksheet, column: int, frames: int, style) -> None:
    last = 1 + frames  # below the header
    values = Reference(curves, min_col=column, min_row=1, max_row=last)
    chart.add_data(values, titles_from_data=True)
    chart.set_categories(Reference(curves, min_col=1, min_row=2, max_row=last))
    line = chart.series[-1]
    line.smooth = False
    line.graphicalProperties.line.width = 15000  # EMU, about 1.2 pt
    line.graphicalProperties.line.solidFill = style.color.lstrip('#').upper()
    line.graphicalProperties.line.dashStyle = 'dash' if style.line == '--' else 'solid'


def _set_range(chart: LineChart, values: pd.DataFrame) -> None:
    # Excel's own axis would begin at 0 dB.
    chart.y_axis.scaling.min = math.floor(values.min().min())
    chart.y_axis.scaling.max = math.ceil(values.max().max())
