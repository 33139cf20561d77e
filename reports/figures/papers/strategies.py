"""PI-BPTT's Figs. 7 to 13: what PI changes, where it does harm, and what it costs."""

import pandas as pd
from matplotlib import rc_context
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
from reports.figures.selection import full_name
from reports.figures.style import PAGE_WIDTH, RC
from reports.figures.tradeoff import r_tradeoff
from reports.methods import Method
from reports.results import GridResults

GAP = 0.04
LABEL = 0.15
HIGH = 1.25  # inches of a row
HISTORY = 2.0  # width of the curves
MOST_ROWS = 4


def best_frames(grid: GridResults, images: SavedImages, network: str, short: bool) -> Figure:
    """Figs. 7 and 9 to 11: of each set the frame where PI is most better than RI.

    Args:
        grid: the results.
        images: its pictures.
        network: its name in the paper.
        short: short videos, or long ones.

    Raises:
        Lacks: what the grid has not.
    """
    pair = _pair(grid, network)
    found = _by_set(grid, images, pair, short, sign=1)
    if not found:
        raise Lacks(f'a saved frame of {_kind(short)} where PI is better than RI')
    return _draw(grid, images, pair, found, history=False)


def worst_frames(grid: GridResults, images: SavedImages, network: str) -> Figure:
    """Fig. 8: of each set of short videos the frame where PI is most worse, beside its history.

    Raises:
        Lacks: what the grid has not.
    """
    pair = _pair(grid, network)
    found = _by_set(grid, images, pair, short=True, sign=-1)
    if not found:
        raise Lacks(f'a saved frame of {_kind(True)} where PI is worse than RI')
    return _draw(grid, images, pair, found, history=True)


def training_sets(grid: GridResults, images: SavedImages, name: str) -> Figure:
    """Fig. 12: one network on a static set along time, trained on one set and on another.

    Raises:
        Lacks: what the grid has not.
    """
    network = network_like(grid, name)
    if len({m.train_set for m in grid.plain_methods if m.network == network}) < 2:
        raise Lacks(f'{grid.record.networks[network]} trained on two sets')
    for key in [grid.focus_set, *grid.record.test_sets]:
        for video in images.videos(key):
            figure = frame_grid(grid, images, network, key, video)
            if figure is not None:
                return figure
    raise Lacks('saved pictures (save_frames)')


def repeats(grid: GridResults) -> Figure:
    """Fig. 13: training time against PSNR with changing R.

    Raises:
        Lacks: what the grid has not.
    """
    figure = r_tradeoff(grid)
    if figure is None:
        raise Lacks('a network trained by PI with two R, and its times')
    return figure


def _pair(grid: GridResults, name: str) -> tuple[Method, Method]:
    """RI and PI of a network on the same training set."""
    network = network_like(grid, name)
    ri = trained(grid, network, 'RI')[0]
    return ri, trained(grid, network, 'PI', ri.train_set)[0]


def _kind(short: bool) -> str:
    return 'a set of videos of at most 100 frames' if short else 'a set of longer videos'


def _by_set(grid, images, pair, short: bool, sign: int) -> list[Case]:
    """The most extreme case of each set, if it is on the side of ``sign``."""
    best: dict[str, Case] = {}
    for case in cases(grid, images, pair, sets_of_length(grid, short)):
        known = best.get(case.test_set)
        if sign * case.gain > (sign * known.gain if known else 0):
            best[case.test_set] = case
    return list(best.values())[:MOST_ROWS]


def _draw(grid, images, pair, found: list[Case], history: bool) -> Figure:
    methods = sorted(pair, key=grid.methods.index)
    width = PAGE_WIDTH - (HISTORY + 0.5 if history else 0)
    with rc_context(RC):
        page = Page(PAGE_WIDTH, 2 * LABEL + len(found) * (HIGH + LABEL + GAP))
        names = ['GT', *(f'w/ {method.short_name}' for method in methods)]
        whole = width - len(names) * (HIGH + GAP)  # what is left for the whole frame
        for at, name in enumerate(names):
            middle = whole + at * (HIGH + GAP) + HIGH / 2
            page.text(middle, 2 * LABEL - 0.02, wrapped(name, HIGH), va='bottom')
        page.text(
            whole / 2, 2 * LABEL - 0.02, full_name(grid, methods[0]).split(' w/ ')[0], va='bottom'
        )
        for row, case in enumerate(found):
            top = 2 * LABEL + row * (HIGH + LABEL + GAP)
            place = (case.test_set, case.video)
            columns = shown(grid, images, methods, place, [case.frame])
            curves = grid.video_curves.get(place, pd.DataFrame())
            window = _zoomed(columns)
            _draw_row(page, columns, window, case, (top, whole), curves)
            label = grid.record.test_sets[case.test_set].label
            at_frame = f'{case.video} of {label}, t = {case.frame}: {case.gain:+.2f} dB'
            page.text(whole / 2, top + HIGH + 0.02, wrapped(at_frame, whole), fontsize=6.5)
            if history:
                place = (width + 0.45, top + 0.02, HISTORY, HIGH - 0.3)
                draw_history(page.axes(place), columns, curves, [case.frame])
    return page.figure


def _zoomed(columns: list[Column]) -> Window:
    height, width = next(iter(columns[0].pictures.values())).shape[:2]
    side = min(height, width, max(min(height, width) // 3, 32))
    return where_they_differ(columns, side, side)


def _draw_row(page: Page, columns, window: Window, case: Case, corner, curves) -> None:
    top, whole = corner
    truth = columns[0].pictures[case.frame]
    high = min(HIGH, (whole - GAP) * truth.shape[0] / truth.shape[1])
    wide = high * truth.shape[1] / truth.shape[0]
    place = ((whole - wide) / 2, top + (HIGH - high) / 2, wide, high)
    page.picture(place, truth)
    page.rectangle(place, window, truth.shape)
    for at, column in enumerate(columns):
        left = whole + at * (HIGH + GAP)
        page.picture((left, top, HIGH, HIGH), window.of(column.pictures[case.frame]))
        score = frame_psnr(curves, column.trial_id, case.frame)
        page.text(left + HIGH / 2, top + HIGH + 0.02, score, fontsize=6.5)
