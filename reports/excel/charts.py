"""PSNR per frame as native line charts of a workbook."""

import math

import pandas as pd
from openpyxl.chart import LineChart, Reference, Series
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText
from openpyxl.drawing.text import CharacterProperties, Paragraph, ParagraphProperties
from openpyxl.worksheet.worksheet import Worksheet

from reports.figures.selection import methods_of, networks_and_sets
from reports.figures.style import Look, looks
from reports.methods import KEY, Method
from reports.results import GridResults

WIDTH, HEIGHT = 19.0, 8.5  # centimetres
ROWS, COLUMNS = 18, 12  # sheet cells that a chart of this size covers, with a margin


def curve_frame(grid: GridResults) -> pd.DataFrame:
    """PSNR (dB) by frame, mean over videos and seeds; columns (test set, training set, method)."""
    keys = ['test_set', *KEY]
    wide = grid.curves.pivot_table(index='frame', columns=keys, values='psnr_y', sort=False)
    ordered = [(test_set, *m.key) for test_set in grid.record.test_sets for m in grid.methods]
    return wide[[column for column in ordered if column in wide.columns]]


def add_charts(sheet: Worksheet, curves: Worksheet, grid: GridResults, wide: pd.DataFrame) -> None:
    """One chart per network, training set (down) and test set (across).

    Args:
        sheet: takes the charts.
        curves: holds ``wide`` below a header row, frame numbers in its first column.
        grid: the results.
        wide: of :func:`curve_frame`.
    """
    styles = looks(grid.methods, grid.record.strategies)
    places = {column: at for at, column in enumerate(wide.columns, start=2)}
    for down, (network, train_set) in enumerate(networks_and_sets(grid)):
        methods = methods_of(grid, network, train_set)
        for across, (key, test_set) in enumerate(grid.record.test_sets.items()):
            found = {m: (key, *m.key) for m in methods if (key, *m.key) in places}
            if not found:
                continue
            title = 'All networks'
            if network:
                trained = f'trained on {grid.record.train_sets[train_set]}'
                title = f'{grid.record.networks[network]} {trained}'
            frames = max(test_set.videos.values())
            chart = _chart(f'{title}: {test_set.label}', frames)
            for method, column in found.items():
                look = styles[method.short_name]
                _add_curve(chart, curves, places[column], frames, method, look)
            _set_range(chart, wide[list(found.values())])
            anchor = sheet.cell(2 + down * ROWS, 1 + across * COLUMNS).coordinate
            sheet.add_chart(chart, anchor)


def _chart(title: str, frames: int) -> LineChart:
    chart = LineChart()
    chart.title, chart.x_axis.title, chart.y_axis.title = title, 'Frame', 'PSNR (dB)'
    # Without these, Excel hides the axes of charts that openpyxl makes and writes over them.
    chart.x_axis.delete = chart.y_axis.delete = False
    for part in (chart.title, chart.x_axis.title, chart.y_axis.title, chart.legend):
        part.overlay = False
    for part, size in ((chart.title, 12), (chart.x_axis.title, 10), (chart.y_axis.title, 10)):
        part.tx.rich.p[0].pPr = _font(size)
    chart.legend.txPr = RichText(p=[Paragraph(pPr=_font(9), endParaRPr=CharacterProperties())])
    grey = GraphicalProperties()
    grey.line.solidFill = 'D9D9D9'
    chart.y_axis.majorGridlines.spPr = grey
    chart.y_axis.number_format = '0.0'
    chart.width, chart.height = WIDTH, HEIGHT
    chart.x_axis.tickLblSkip = chart.x_axis.tickMarkSkip = max(1, 10 * round(frames / 80))
    return chart


def _font(points: int) -> ParagraphProperties:
    return ParagraphProperties(defRPr=CharacterProperties(sz=100 * points))


def _add_curve(
    chart: LineChart, curves: Worksheet, column: int, frames: int, method: Method, look: Look
) -> None:
    last = 1 + frames  # below the header
    values = Reference(curves, min_col=column, min_row=2, max_row=last)
    line = Series(values, title=method.short_name)
    line.smooth = False
    line.graphicalProperties.line.width = 15000  # EMU, about 1.2 pt
    line.graphicalProperties.line.solidFill = look.color.lstrip('#').upper()
    dash = 'sysDash' if method.reset else 'dash' if look.line == '--' else 'solid'
    line.graphicalProperties.line.dashStyle = dash
    chart.series.append(line)
    chart.set_categories(Reference(curves, min_col=1, min_row=2, max_row=last))


def _set_range(chart: LineChart, values: pd.DataFrame) -> None:
    # Excel's own axis would begin at 0 dB.
    chart.y_axis.scaling.min = math.floor(values.min().min() - 0.5)
    chart.y_axis.scaling.max = math.ceil(values.max().max() + 0.5)
