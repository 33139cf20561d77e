"""RISTN's Figs. 6 to 10: its networks and baselines side by side."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from reports.figures.papers.choices import Lacks, shown
from reports.figures.pictures import Column, Page, frame_psnr, where_they_differ, wrapped
from reports.figures.point_names import Point, name_points
from reports.figures.running_time import scale_time
from reports.figures.saved_images import PROFILE, SavedImages
from reports.figures.style import COLUMN_WIDTH, PAGE_WIDTH, lay_out, paper_style
from reports.methods import Method
from reports.results import GridResults

#: in the order of the paper's tables; their names there
TABLE_1 = ('Bic', 'DRCN', 'DSRN', 'RDN', 'IB', 'RB', 'RIB')
BASELINES = ('Bic', 'VSRNet', 'STCN', 'VESPCN', 'SPMC', 'LapSRN', 'BRCN', 'RDN', 'Liu et al.')
TABLE_2 = (*BASELINES, 'RISTN-NF', 'RISTN-DF', 'RISTN')
GAP = 0.04
LABEL = 0.15
ACROSS = 5  # pictures in a row


def spatial(grid: GridResults, images: SavedImages) -> Figure:
    """Fig. 6: a part of an image by the networks of Table 1.

    Raises:
        Lacks: the grid lacks what the figure shows.
    """
    for key, test_set in grid.record.test_sets.items():
        if test_set.paper == 'Set5' and images.videos(key):
            return _parts(grid, images, TABLE_1, (key, images.videos(key)[0]))
    raise Lacks("saved pictures of a test set with paper='Set5'")


def video(grid: GridResults, images: SavedImages, name: str) -> Figure:
    """Figs. 7 and 9: a part of a frame of a video of Vid4 by the networks of Table 2.

    Raises:
        Lacks: the grid lacks what the figure shows.
    """
    return _parts(grid, images, TABLE_2, _place(grid, images, name))


def profiles(grid: GridResults, images: SavedImages, name: str) -> Figure:
    """Fig. 8: a row of pixels of a video of Vid4 over time (downwards), by method.

    Raises:
        Lacks: the grid lacks what the figure shows.
    """
    place = _place(grid, images, name)
    columns = _columns(grid, images, TABLE_2, place, [PROFILE])
    return _draw(columns, [column.pictures[PROFILE] for column in columns], [''] * len(columns))


def running_time(grid: GridResults) -> Figure:
    """Fig. 10: running time of a frame against PSNR on Vid4, by network.

    Raises:
        Lacks: the grid lacks what the figure shows.
    """
    sets = [key for key, test_set in grid.record.test_sets.items() if test_set.paper == 'Vid4']
    if not sets:
        raise Lacks("a test set with paper='Vid4'")
    points = []
    for name, method in _methods(grid, TABLE_2).items():
        times = grid.runs[grid.runs['run_id'].isin(grid.trials_of(method))]['inference_ms']
        score = grid.cell(method, sets[0])['psnr_y']
        if times.notna().any() and pd.notna(score):
            points.append(Point(float(times.mean()), float(score), name, 'black'))
    if len(points) < 2:
        raise Lacks('two networks of Table 2 that are evaluated on Vid4')
    with paper_style():
        figure = Figure(figsize=(COLUMN_WIDTH, 2.4), layout='constrained')
        axis = figure.subplots()
        axis.plot([p.x for p in points], [p.y for p in points], 'o', color='black', markersize=4)
        axis.set(xlabel='Running time per frame (ms)', ylabel='PSNR (dB)')
        scale_time(axis, pd.Series([point.x for point in points]))
        axis.margins(x=0.25, y=0.15)
        lay_out(figure)
        name_points(axis, points)
    return figure


def _place(grid: GridResults, images: SavedImages, name: str) -> tuple[str, str]:
    for key, test_set in grid.record.test_sets.items():
        for found in images.videos(key):
            if test_set.paper == 'Vid4' and found.lower() == name:
                return key, found
    raise Lacks(f"saved pictures of the video {name!r} of a test set with paper='Vid4'")


def _methods(grid: GridResults, names: tuple[str, ...]) -> dict[str, Method]:
    """The first plain method of each network that has one of a table's names, in its order."""
    found: dict[str, Method] = {}
    for name in names:
        for method in grid.plain_methods:
            if grid.record.papers.get(method.network) == name:
                found.setdefault(name, method)
    return found


def _columns(
    grid: GridResults,
    images: SavedImages,
    names: tuple[str, ...],
    place: tuple[str, str],
    frames: Sequence[int | str],
) -> list[Column]:
    """Ground truth and the table's networks that have pictures, under the paper's names."""
    columns = []
    for name, method in _methods(grid, names).items():
        try:
            truth, column = shown(grid, images, [method], place, frames)
        except Lacks:
            continue
        columns.append(column._replace(name=name))
    if len(columns) < 2:
        raise Lacks(f'pictures of {place[1]} by two of {", ".join(names)}')
    return [*columns, truth]


def _parts(
    grid: GridResults, images: SavedImages, names: tuple[str, ...], place: tuple[str, str]
) -> Figure:
    frame = images.frames(*place)[-1]
    columns = _columns(grid, images, names, place, [frame])
    height, width = columns[-1].picture(frame).shape[:2]
    side = min(height, width, max(min(height, width) // 4, 48))
    window = where_they_differ([columns[-1], *columns[:-1]], side, side)
    curves = grid.video_curves.get(place, pd.DataFrame())
    scores = [frame_psnr(curves, column.trial_id, frame) for column in columns]
    return _draw(columns, [window.of(column.pictures[frame]) for column in columns], scores)


def _draw(columns: list[Column], pictures: list, below: list[str]) -> Figure:
    """Rows of pictures with names above and what is ``below`` them."""
    across = min(ACROSS, len(columns))
    rows = -(-len(columns) // across)
    side = PAGE_WIDTH / ACROSS - GAP
    step = side + 2 * LABEL + GAP
    with paper_style():
        page = Page(across * (side + GAP), rows * step)
        for at, (column, picture, text) in enumerate(zip(columns, pictures, below, strict=True)):
            left, top = at % across * (side + GAP), at // across * step + LABEL
            page.picture((left, top, side, side), picture)
            page.text(left + side / 2, top - 0.02, wrapped(column.name, side), va='bottom')
            page.text(left + side / 2, top + side + 0.02, text, fontsize=6.5)
    return page.figure
