"""PSNR per frame as native line charts of a workbook."""

import math

import pandas as pd
from openpyxl.chart import LineChart, Reference, Series
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText
from openpyxl.drawing.text import CharacterProperties, Paragraph, ParagraphProperties
from openpyxl.worksheet.worksheet import Worksheet

from reports.figures.selection import drawn_methods
from reports.figures.style import looks
from reports.results import GridResults

WIDTH, HEIGHT = 19.0, 8.5  # centimetres
ROWS, COLUMNS = 18, 12  # sheet cells that a chart of this size covers, with a margin


def curve_frame(grid: GridResults) -> pd.DataFrame:
    """PSNR (dB) by frame, mean over videos and seeds; columns (test set, training set, method)."""
    keys = ['test_set', 'train_set', 'network', 'method']
    wide = grid.curves.pivot_table(index='frame', columns=keys, values='psnr_y', sort=False)
    methods = grid.methods[keys[1:]].itertuples(index=False, name=None)
    ordered = [(test_set, *m) for m in methods for test_set in grid.plan.test_sets]
    order = list(grid.plan.test_sets)
    found = [column for column in ordered if column in wide.columns]
    return wide[sorted(found, key=lambda column: order.index(column[0]))]


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
    methods = {(m.train_set, m.network, m.method): m for m in drawn_methods(grid)}
    styles = looks(grid.methods)
    for down, (train_set, network) in enumerate(groups):
        for across, (key, test_set) in enumerate(grid.plan.test_sets.items()):
            # '' is the training set of references, which are in every chart.
            places = [
                (at, column)
                for at, column in enumerate(wide.columns, start=2)
                if column[0] == key
                and column[1:] in methods
                and (column[1:3] == (train_set, network) or not column[1])
            ]
            if not places:
                continue
            title = f'{grid.plan.networks[network]} trained on {grid.plan.train_sets[train_set]}'
            frames = max(test_set.videos.values())
            chart = _chart(f'{title}: {test_set.label}', frames)
            for at, column in places:
                method = methods[column[1:]]
                _add_curve(chart, curves, at, frames, method, styles[method.variant])
            _set_range(chart, wide[[column for _, column in places]])
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


def _add_curve(chart: LineChart, curves: Worksheet, column: int, frames: int, method, style):
    last = 1 + frames  # below the header
    values = Reference(curves, min_col=column, min_row=2, max_row=last)
    line = Series(values, title=method.variant)
    line.smooth = False
    line.graphicalProperties.line.width = 15000  # EMU, about 1.2 pt
    line.graphicalProperties.line.solidFill = style.color.lstrip('#').upper()
    dash = 'sysDash' if method.reset_every > 0 else 'dash' if style.line == '--' else 'solid'
    line.graphicalProperties.line.dashStyle = dash
    chart.series.append(line)
    chart.set_categories(Reference(curves, min_col=1, min_row=2, max_row=last))


def _set_range(chart: LineChart, values: pd.DataFrame) -> None:
    # Excel's own axis would begin at 0 dB.
    chart.y_axis.scaling.min = math.floor(values.min().min() - 0.5)
    chart.y_axis.scaling.max = math.ceil(values.max().max() + 0.5)
