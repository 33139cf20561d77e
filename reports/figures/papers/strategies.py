"""PI-BPTT's Figs. 7 to 13: where PI helps, where it harms, and what it costs."""

from itertools import product
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from reports.figures.comparisons import draw_history, frame_grid
from reports.figures.papers.choices import (
    Case,
    Lacks,
    cases,
    network_like,
    sets_of_length,
    shown,
    trained,
)
from reports.figures.pictures import Column, Page, Window, frame_psnr, where_they_differ, wrapped
from reports.figures.saved_images import SavedImages
from reports.figures.scatter import heading
from reports.figures.style import PAGE_WIDTH, paper_style
from reports.figures.tradeoff import r_tradeoff
from reports.methods import Method
from reports.results import GridResults

GAP = 0.04
LABEL = 0.15
SIDE, SMALL = 1.25, 1.0  # inches of a part, without and with curves beside it
HISTORY = 1.8  # width of the curves
MOST_ROWS = 4


def extreme_frames(
    grid: GridResults, images: SavedImages, network: str, short: bool, better: bool = True
) -> Figure:
    """Draws Figs. 7 to 11: for each test set the frame where PI gains or loses most against RI.

    Args:
        grid: The results.
        images: Their pictures.
        network: Its name in the paper.
        short: Short videos or long ones.
        better: Where PI gains most; otherwise where it loses most, with the video's PSNR (Fig. 8).

    Raises:
        Lacks: The grid has no such frame.
    """
    for pair in _pairs(grid, network):
        found = _by_set(grid, images, pair, short, sign=1 if better else -1)
        if found:
            return _draw(grid, images, pair, found, history=not better)
    kind = 'a set of videos of at most 100 frames' if short else 'a set of longer videos'
    raise Lacks(f'a saved frame of {kind} where PI is {"better" if better else "worse"} than RI')


def training_sets(grid: GridResults, images: SavedImages, name: str) -> Figure:
    """Draws Fig. 12: one network on a static set over time, trained on two sets.

    Raises:
        Lacks: the grid lacks what the figure shows.
    """
    network = network_like(grid, name)
    own = [method for method in grid.plain_methods if method.network == network]
    for key in dict.fromkeys([grid.focus_set, *grid.record.test_sets]):
        for video in images.videos(key):
            pictured = (method for method in own if images.trial_of(method, key, video))
            if len({method.train_set for method in pictured}) > 1:
                figure = frame_grid(grid, images, network, key, video)
                if figure is not None:
                    return figure
    label = grid.record.networks[network]
    raise Lacks(f'pictures of one video (save_frames) by {label} trained on two sets')


def repeats(grid: GridResults) -> Figure:
    """Draws Fig. 13: training time against PSNR for several R.

    Raises:
        Lacks: the grid lacks what the figure shows.
    """
    figure = r_tradeoff(grid)
    if figure is None:
        raise Lacks('a network trained by PI with two R, and its times')
    return figure


def _pairs(grid: GridResults, name: str) -> list[tuple[Method, Method]]:
    """Returns pairs of RI and PI on the same training set; the first set and R come first."""
    network = network_like(grid, name)
    strategies = (trained(grid, network, strategy) for strategy in ('RI', 'PI'))
    return [(ri, pi) for ri, pi in product(*strategies) if ri.train_set == pi.train_set]


def _by_set(
    grid: GridResults, images: SavedImages, pair: tuple[Method, Method], short: bool, sign: int
) -> list[Case]:
    """Returns the most extreme case of each set, if its gain has this sign."""
    best: dict[str, Case] = {}
    for case in cases(grid, images, pair, sets_of_length(grid, short)):
        known = best.get(case.test_set)
        if sign * case.gain > (sign * known.gain if known else 0):
            best[case.test_set] = case
    return list(best.values())[:MOST_ROWS]


class _Layout(NamedTuple):
    """Inches: the side of a part, and the width that is left for the whole frame."""

    side: float
    whole: float

    def left(self, part: int) -> float:
        return self.whole + part * (self.side + GAP)


def _draw(
    grid: GridResults,
    images: SavedImages,
    pair: tuple[Method, Method],
    found: list[Case],
    history: bool,
) -> Figure:
    """A row per case: the whole frame, its enlarged part by method, and the curves of the video."""
    methods = sorted(pair, key=grid.methods.index)
    side = SMALL if history else SIDE
    width = PAGE_WIDTH - (HISTORY + 0.45 if history else 0)
    layout = _Layout(side, width - 3 * (side + GAP))
    step = side + 2 * LABEL + GAP
    with paper_style():
        page = Page(PAGE_WIDTH, 2 * LABEL + len(found) * step)
        title = heading(grid, methods[0].train_set, methods[0].network)
        page.text(layout.whole / 2, 2 * LABEL - 0.02, wrapped(title, layout.whole), va='bottom')
        for row, case in enumerate(found):
            top = 2 * LABEL + row * step
            place = (case.test_set, case.video)
            columns = shown(grid, images, methods, place, [case.frame])
            curves = grid.video_curves.get(place, pd.DataFrame())
            _draw_row(page, columns, case, layout, top, curves)
            label = grid.record.test_sets[case.test_set].label
            at_frame = f'{case.video} of {label}, t = {case.frame}: {case.gain:+.2f} dB'
            below = (layout.whole / 2, top + side + 0.02)
            page.text(*below, wrapped(at_frame, layout.whole), fontsize=6.5, linespacing=1.0)
            if history:
                axes = page.axes((width + 0.4, top + 0.02, HISTORY, side - 0.1))
                draw_history(axes, columns, curves, [case.frame])
        for part, column in enumerate(columns):
            name = f'w/ {column.name}' if column.method else column.name
            style = {'color': column.look.color, 'va': 'bottom', 'linespacing': 1.0}
            middle = layout.left(part) + side / 2
            page.text(middle, 2 * LABEL - 0.02, wrapped(name, side), **style)
    return page.figure


def _draw_row(
    page: Page,
    columns: list[Column],
    case: Case,
    layout: _Layout,
    top: float,
    curves: pd.DataFrame,
) -> None:
    truth, side = columns[0].picture(case.frame), layout.side
    window = _zoomed(columns, truth.shape)
    high = min(side, (layout.whole - GAP) * truth.shape[0] / truth.shape[1])
    wide = high * truth.shape[1] / truth.shape[0]
    place = ((layout.whole - wide) / 2, top + (side - high) / 2, wide, high)
    page.picture(place, truth)
    page.rectangle(place, window, truth.shape)
    for part, column in enumerate(columns):
        left = layout.left(part)
        page.picture((left, top, side, side), window.of(column.pictures[case.frame]))
        score = frame_psnr(curves, column.trial_id, case.frame)
        page.text(left + side / 2, top + side + 0.02, score, fontsize=6.5)


def _zoomed(columns: list[Column], shape: tuple) -> Window:
    height, width = shape[:2]
    side = min(height, width, max(min(height, width) // 3, 32))
    return where_they_differ(columns, side, side)
