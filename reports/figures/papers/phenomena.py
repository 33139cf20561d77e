"""PI-BPTT's Figs. 2 to 4: how length, texture, motion and brightness affect an unstable network."""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.figures.papers.choices import (
    Lacks,
    how_made,
    network_like,
    shown,
    stills_of,
    texture,
    videos_made_by,
    without_remedy,
)
from reports.figures.pictures import Column, Page, Window, frame_psnr, spread, wrapped
from reports.figures.saved_images import SavedImages, read_rgb
from reports.figures.style import PAGE_WIDTH, paper_style
from reports.results import GridResults

NETWORK = 'FRVSR'
MOST = 5  # pictures in a row
NAMES = 0.8  # inches
GAP = 0.04
LABEL = 0.15
_STEP = re.compile(r'(.*)_s(\d+)')  # names of ``dataset_tools sliding-window``


class Cell(NamedTuple):
    """A picture in a row, the text above and below it, and its red rectangle."""

    picture: np.ndarray
    above: str
    below: str = ''
    window: Window | None = None


def length_and_texture(grid: GridResults, images: SavedImages) -> Figure:
    """Draws Fig. 2: the stills with most and with least texture, over time.

    Raises:
        Lacks: the grid lacks what the figure shows.
    """
    method = without_remedy(grid, network_like(grid, NETWORK))
    stills = {}
    for place in stills_of(grid, images):
        frames = spread(images.frames(*place), MOST - 1)
        if len(frames) > 1:
            stills[place] = shown(grid, images, [method], place, frames)
    if len(stills) < 2:
        raise Lacks('saved pictures of two static videos at several frames')
    density = {place: texture(_first(columns[0])) for place, columns in stills.items()}
    ranked = sorted(stills, key=lambda place: density[place])
    rows = {}
    for title, place in (('dense texture', ranked[-1]), ('less texture', ranked[0])):
        truth, column = stills[place]
        cells = [Cell(_first(truth), 'GT')]
        for frame in column.pictures:
            score = _score(grid, place, column, frame)
            cells.append(Cell(column.picture(frame), f't = {frame}', score))
        rows[f'{title}: {place[1]}'] = cells
    return _draw(rows)


def motion(grid: GridResults, images: SavedImages) -> Figure:
    """Draws Fig. 3: last frames of sliding windows; red: the area that all windows share.

    Raises:
        Lacks: the grid lacks what the figure shows.
    """
    method = without_remedy(grid, network_like(grid, NETWORK))
    found: dict[str, dict[int, Cell]] = {}
    for key in grid.record.test_sets:
        for video in images.videos(key):
            name, frame = _STEP.fullmatch(video), images.frames(key, video)[-1]
            mask = images.reference('mask', key, video, frame)
            if name and mask:
                _, column = shown(grid, images, [method], (key, video), [frame])
                score, box = _score(grid, (key, video), column, frame), _box(mask)
                score = score if box else f'{score}, windows share no area'
                cell = Cell(column.picture(frame), f's = {name[2]}', score, box)
                found.setdefault(name[1], {})[int(name[2])] = cell
    rows = {name: [cells[s] for s in sorted(cells)] for name, cells in found.items()}
    rows = {name: cells for name, cells in rows.items() if len(cells) > 1}
    if not rows:
        raise Lacks(
            'saved pictures of one video of a set of sliding windows (vsr-data sliding-window, '
            'which makes masks) at two steps'
        )
    return _draw(rows)


def brightness(grid: GridResults, images: SavedImages) -> Figure:
    """Draws Fig. 4: the last frames of gamma videos; red: where the error is largest.

    Raises:
        Lacks: the grid lacks what the figure shows.
    """
    method = without_remedy(grid, network_like(grid, NETWORK))
    rows: dict[str, list[tuple[float, Cell]]] = {}
    for place in videos_made_by(grid, images, 'gamma'):
        made = how_made(grid.record.test_sets[place[0]], place[1])
        frame = images.frames(*place)[-1]
        columns = shown(grid, images, [method], place, [frame])
        picture = columns[1].picture(frame)
        side = min(picture.shape[:2]) // 3
        window = _worst(columns[0].picture(frame), picture, side)
        low, high = float(made['g_min']), float(made['g_max'])
        score = f't = {frame}, {_score(grid, place, columns[1], frame)}'
        cell = Cell(picture, f'γ from {low:.2f} to {high:.2f}', score, window)
        rows.setdefault(place[1], []).append((high / low, cell))
    if not rows:
        raise Lacks('saved pictures of a gamma video (vsr-data gamma)')
    ranked = {video: sorted(cells, key=lambda pair: pair[0]) for video, cells in rows.items()}
    return _draw({video: [cell for _, cell in cells] for video, cells in ranked.items()})


def _first(column: Column) -> np.ndarray:
    return column.picture(next(iter(column.pictures)))


def _score(grid: GridResults, place: tuple[str, str], column: Column, frame: int) -> str:
    curves = grid.video_curves.get(place, pd.DataFrame())
    return frame_psnr(curves, column.trial_id, frame)


def _box(path: Path) -> Window | None:
    """Returns the white rectangle of a mask; None if it is black."""
    mask = read_rgb(path)
    if mask is None or not mask.any():
        return None
    rows, columns = np.nonzero(mask[..., 0])
    top, left = int(rows.min()), int(columns.min())
    return Window(top, left, int(rows.max()) - top + 1, int(columns.max()) - left + 1)


def _worst(truth: np.ndarray, picture: np.ndarray, side: int) -> Window:
    """Returns the square in which a picture differs most from the ground truth."""
    error = np.square(picture.astype(float) - truth).mean(axis=2)
    sums = np.pad(error.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    inside = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    top, left = np.unravel_index(inside.argmax(), inside.shape)
    return Window(int(top), int(left), side, side)


def _draw(rows: dict[str, list[Cell]]) -> Figure:
    """Rows of pictures, each with its name on the left."""
    most = min(max(len(cells) for cells in rows.values()), MOST)
    wide = (PAGE_WIDTH - NAMES) / most - GAP
    shapes = [cells[0].picture.shape for cells in rows.values()]
    highs = [min(wide * shape[0] / shape[1], 1.8) for shape in shapes]
    with paper_style():
        page = Page(PAGE_WIDTH, sum(highs) + len(rows) * (2 * LABEL + GAP))
        top = LABEL
        for (name, cells), high in zip(rows.items(), highs, strict=True):
            page.text(NAMES / 2, top + high / 2, wrapped(name, NAMES), va='center')
            for at, cell in enumerate(cells[:MOST]):
                left, shape = NAMES + at * (wide + GAP), cell.picture.shape
                across = high * shape[1] / shape[0]
                place = (left + (wide - across) / 2, top, across, high)
                page.picture(place, cell.picture)
                if cell.window:
                    page.rectangle(place, cell.window, shape)
                page.text(left + wide / 2, top - 0.02, cell.above, va='bottom')
                page.text(left + wide / 2, top + high + 0.02, cell.below, fontsize=6.5)
            top += high + 2 * LABEL + GAP
    return page.figure
