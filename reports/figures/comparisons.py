"""Pictures side by side: parts of frames by method, and frames over time, with PSNR histories."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.figures.pictures import (
    Column,
    Page,
    Window,
    frame_psnr,
    pictured_methods,
    read_columns,
    spread,
    where_they_differ,
    with_pictures,
    wrapped,
)
from reports.figures.saved_images import SavedImages
from reports.figures.selection import drawn_methods, fewer
from reports.figures.style import PAGE_WIDTH, RED, paper_style
from reports.methods import Method
from reports.results import GridResults

LEFT = 2.0  # inches for the whole picture and the history
GAP = 0.04
LABEL = 0.15  # a line of text


def comparison(
    grid: GridResults, images: SavedImages, network: str, train_set: str, test_set: str, video: str
) -> Figure | None:
    """A part of ground truth, bicubic and each method at up to three frames, and the PSNR history.

    The red rectangle in the whole picture (left) shows which part: where the methods differ most
    over the frames shown. Each method is shown by its first seed with pictures; the PSNR below a
    part is that of its whole frame. None if the ground truth cannot be read.
    """
    frames = spread(images.frames(test_set, video), 3)
    methods = pictured_methods(grid, images, network, train_set, test_set)
    columns = read_columns(grid, images, methods, test_set, video, frames)
    truth = columns[0].pictures[frames[-1]]
    if truth is None:
        return None
    height, width = truth.shape[:2]
    side = min(height, width, int(np.clip(min(height, width) / 3, 32, 96)))
    window = where_they_differ(columns, side, side)
    curves = grid.video_curves.get((test_set, video), pd.DataFrame())
    with paper_style():
        return _draw_comparison(columns, window, curves, video)


def _draw_comparison(
    columns: list[Column], window: Window, curves: pd.DataFrame, video: str
) -> Figure:
    frames = list(columns[0].pictures)
    truth = columns[0].picture(frames[-1])
    first = LEFT + 0.3
    side = min(1.0, (PAGE_WIDTH - first) / len(columns) - GAP)
    names = [wrapped(column.name, side) for column in columns]
    head = LABEL * (1 + max(name.count('\n') for name in names))
    whole_high = min((LEFT - GAP) * truth.shape[0] / truth.shape[1], 1.6)
    whole_wide = whole_high * truth.shape[1] / truth.shape[0]
    height = max(head + len(frames) * (side + LABEL), whole_high + 1.5) + GAP
    page = Page(first + len(columns) * (side + GAP), height)
    whole = ((LEFT - whole_wide) / 2, head, whole_wide, whole_high)
    page.picture(whole, truth)
    page.rectangle(whole, window, truth.shape)
    page.text(LEFT / 2, head - 0.02, f'{video}, t = {frames[-1]} (GT)', va='bottom')
    top = head + whole_high + 0.12
    history = page.axes((0.43, top, LEFT - 0.43, height - top - 0.3))
    draw_history(history, columns, curves, frames)
    for row, frame in enumerate(frames):
        top = head + row * (side + LABEL)
        page.text(first - 0.08, top + side / 2, f't = {frame}', rotation=90, va='center')
        for at, column in enumerate(columns):
            left = first + at * (side + GAP)
            part = window.of(column.pictures[frame])
            page.picture((left, top, side, side), part, column.note)
            score = frame_psnr(curves, column.trial_id, frame)
            page.text(left + side / 2, top + side + 0.02, score, fontsize=6.5)
    for at, (name, column) in enumerate(zip(names, columns, strict=True)):
        middle = first + at * (side + GAP) + side / 2
        page.text(middle, head - 0.02, name, color=column.look.color, va='bottom', linespacing=1.0)
    return page.figure


def frame_grid(
    grid: GridResults, images: SavedImages, network: str, test_set: str, video: str
) -> Figure | None:
    """A row per training set and strategy, a column per frame, with the PSNR history, as Fig. 12.

    The rows of one strategy are adjacent, which shows the effect of the training set. Frames wider
    than 4:3 are cropped to where the rows differ most. None if the ground truth cannot be read.
    """
    frames = spread(images.frames(test_set, video), 5)
    methods = _one_a_strategy(grid, images, network, test_set)
    columns = read_columns(grid, images, methods, test_set, video, frames)
    truth = columns[0].pictures[frames[-1]]
    if truth is None:
        return None
    height, width = truth.shape[:2]
    window = where_they_differ(columns, height, min(width, 4 * height // 3))
    curves = grid.video_curves.get((test_set, video), pd.DataFrame())
    rows = [columns[0], *columns[-len(methods) :]]
    several = len({method.train_set for method in methods}) > 1
    sets = [grid.record.train_sets[method.train_set] if several else '' for method in methods]
    with paper_style():
        return _draw_grid(rows, ['', *sets], window, curves)


def _one_a_strategy(
    grid: GridResults, images: SavedImages, network: str, test_set: str
) -> list[Method]:
    """Returns a network's methods on all training sets, one per strategy and one with resets."""
    drawn = drawn_methods(grid)
    own = [m for m in drawn if m.network == network and m.is_trained] if network else drawn
    plain = [method for method in own if method.is_plain]
    kept = {
        method.short_name
        for train_set in {method.train_set for method in plain}
        for method in fewer([m for m in plain if m.train_set == train_set], 0)
    }
    resets = with_pictures(images, (m for m in own if not m.is_plain), test_set)
    kept |= {method.short_name for method in resets[:1]}
    order = list(dict.fromkeys(method.short_name for method in own))
    chosen = [method for method in own if method.short_name in kept]
    return sorted(chosen, key=lambda method: order.index(method.short_name))


def _draw_grid(rows: list[Column], sets: list[str], window: Window, curves: pd.DataFrame) -> Figure:
    frames = list(rows[0].pictures)
    names, history = 0.85, 1.4
    wide = min(1.0, (PAGE_WIDTH - names - history - 0.5) / len(frames) - GAP)
    high = min(wide * window.height / window.width, 6.0 / len(rows))
    wide = high * window.width / window.height
    end = names + len(frames) * (wide + GAP)  # where the pictures end
    step = high + GAP
    page = Page(PAGE_WIDTH, LABEL + len(rows) * step + 0.32)
    histories = []
    for at, frame in enumerate(frames):
        page.text(names + at * (wide + GAP) + wide / 2, 0.02, f't = {frame}')
    for row, (column, train_set) in enumerate(zip(rows, sets, strict=True)):
        top = LABEL + row * step
        name = wrapped(column.name, names)
        name = f'{name}\non {train_set}' if train_set else name
        options = {'color': column.look.color, 'ha': 'right', 'va': 'center'}
        page.text(names - 0.08, top + high / 2, name, **options)
        for at, frame in enumerate(frames):
            place = (names + at * (wide + GAP), top, wide, high)
            page.picture(place, window.of(column.pictures[frame]), column.note)
        if row:
            axes = page.axes((end + 0.45, top + 0.02, PAGE_WIDTH - end - 0.5, high - 0.04))
            draw_history(axes, [column], curves, frames)
            histories.append(axes)
    _share_scales(histories, curves, rows)
    return page.figure


def _share_scales(histories: list[Axes], curves: pd.DataFrame, rows: list[Column]) -> None:
    """One y scale for all histories; frame numbers below the last one only."""
    shown = [column.trial_id for column in rows if column.trial_id in curves]
    for number, axes in enumerate(histories):
        if shown:
            low, high = curves[shown].min(axis=None), curves[shown].max(axis=None)
            axes.set_ylim(low - 0.05 * (high - low) - 0.1, high + 0.05 * (high - low) + 0.1)
        axes.yaxis.set_major_locator(MaxNLocator(3))
        last = number == len(histories) - 1
        axes.tick_params(labelbottom=last, labelsize=6.5)
        axes.set(xlabel=axes.get_xlabel() if last else '')
        axes.set(ylabel=axes.get_ylabel() if number == len(histories) // 2 else '')


def draw_history(
    axes: Axes, columns: list[Column], curves: pd.DataFrame, frames: Iterable[int]
) -> None:
    """PSNR of the trials shown against the frame number; the frames shown are marked."""
    for frame in frames:
        axes.axvline(frame, color=RED, linewidth=0.6, linestyle=':')
    for column in columns:
        if column.trial_id in curves:
            style = column.look
            axes.plot(
                curves[column.trial_id], color=style.color, linestyle=style.line, linewidth=0.9
            )
    axes.margins(x=0.03)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.set_xlabel('Frame number', fontsize=7, labelpad=1)
    axes.set_ylabel('PSNR (dB)', fontsize=7, labelpad=2)
