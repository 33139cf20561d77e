"""Helpers of figures that show pictures: reading columns of pictures, and placing them."""

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from reports.figures.saved_images import SavedImages, read_rgb
from reports.figures.selection import fewer, methods_of
from reports.figures.style import RED, Look, looks
from reports.methods import Method
from reports.results import GridResults

MOST_METHODS = 6  # beside the ground truth and one with resets
BICUBIC = 'Bicubic'
_BLACK = Look('black', '-', '')


Place = tuple[float, float, float, float]  # left, top, width, height in inches


class Column(NamedTuple):
    """A column of pictures.

    Attributes:
        name: Heading.
        look: The heading has its colour.
        pictures: (H, W, 3) uint8 by frame number or ``PROFILE``; None for missing ones.
        trial_id: The trial of the pictures; None for ground truth and bicubic interpolation.
        note: Why there are no pictures.
        method: The method of the pictures; None for ground truth and bicubic interpolation.
    """

    name: str
    look: Look
    pictures: dict[Any, np.ndarray | None]
    trial_id: str | None = None
    note: str = ''
    method: Method | None = None

    def picture(self, frame: int | str) -> np.ndarray:
        """Returns the picture of a frame that is known to have one."""
        picture = self.pictures[frame]
        assert picture is not None
        return picture


class Window(NamedTuple):
    """A part of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int

    def of(self, picture: np.ndarray | None) -> np.ndarray | None:
        if picture is None:
            return None
        return picture[self.top : self.top + self.height, self.left : self.left + self.width]


def pictured_methods(
    grid: GridResults, images: SavedImages, network: str, train_set: str, test_set: str
) -> list[Method]:
    """At most ``MOST_METHODS`` plain methods, and the first with resets that has pictures."""
    methods = methods_of(grid, network, train_set)
    plain = fewer([method for method in methods if method.is_plain], MOST_METHODS)
    resets = (method for method in methods if not method.is_plain)
    chosen = [*plain, *with_pictures(images, resets, test_set)[:1]]
    return sorted(chosen, key=grid.methods.index)


def with_pictures(images: SavedImages, methods: Iterable[Method], test_set: str) -> list[Method]:
    """The methods that have saved pictures of a test set."""
    videos = images.videos(test_set)
    return [m for m in methods if any(images.trial_of(m, test_set, video) for video in videos)]


def read_columns(
    grid: GridResults,
    images: SavedImages,
    methods: list[Method],
    test_set: str,
    video: str,
    frames: Sequence[int | str],
) -> list[Column]:
    """Reads the pictures of ground truth, bicubic interpolation and the methods, in display order.

    A grid's own untrained method called "Bicubic" replaces the interpolated pictures, because it
    has scores.
    """
    styles = looks(grid.all_methods, grid.record.strategies)
    truth = _pictures(images.reference('gt', test_set, video, f) for f in frames)
    columns = [Column('GT', _BLACK, dict(zip(frames, truth, strict=True)))]
    if BICUBIC not in {method.short_name for method in methods}:
        plain = _pictures(images.reference('bicubic', test_set, video, f) for f in frames)
        columns.append(Column(BICUBIC, _BLACK, dict(zip(frames, plain, strict=True))))
    for method in methods:
        trial_id = images.trial_of(method, test_set, video)
        found = _pictures(
            images.picture(trial_id, test_set, video, f) if trial_id else None for f in frames
        )
        status = grid.cell(method, test_set)['status']
        note = 'no picture' if status in ('done', 'partial') else status
        same = [_if_same_size(*pair) for pair in zip(found, truth, strict=True)]
        pictures = dict(zip(frames, same, strict=True))
        name = method.short_name
        columns.append(Column(name, styles[name], pictures, trial_id, note, method))
    return columns


def _pictures(paths: Iterable[Path | None]) -> list[np.ndarray | None]:
    return [read_rgb(path) if path else None for path in paths]


def _if_same_size(picture: np.ndarray | None, truth: np.ndarray | None) -> np.ndarray | None:
    """Returns None for a picture that was saved with another crop than the ground truth."""
    same = picture is not None and truth is not None and picture.shape == truth.shape
    return picture if same else None


def where_they_differ(columns: list[Column], height: int, width: int) -> Window:
    """Returns the window in which the methods' pictures differ most over all frames.

    With fewer than two methods it is the window with most texture in the ground truth.
    """
    frames = list(columns[0].pictures)
    energy = np.asarray(
        sum(_difference([column.pictures[frame] for column in columns]) for frame in frames)
    )
    sums = np.pad(energy.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    inside = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width]
    inside = inside + sums[:-height, :-width]
    top, left = np.unravel_index(inside.argmax(), inside.shape)
    return Window(int(top), int(left), height, width)


def _difference(pictures: list[np.ndarray | None]) -> np.ndarray | float:
    """Returns how much pictures differ, or the texture of the first if there are no two others."""
    grey = [picture.mean(axis=2) for picture in pictures if picture is not None]
    if pictures[0] is None:
        return 0.0
    others = grey[1:]
    return np.std(others, axis=0) if len(others) > 1 else np.hypot(*np.gradient(grey[0]))


def spread(frames: list[int], count: int) -> list[int]:
    """Returns at most ``count`` frames, evenly spaced, including the first and the last."""
    places = np.linspace(0, len(frames) - 1, min(count, len(frames)))
    return [frames[round(place)] for place in places]


def frame_psnr(curves: pd.DataFrame, trial_id: str | None, frame: int) -> str:
    """Formats the PSNR of a trial's frame; empty without a trial and for unscored frames."""
    scored = trial_id in curves and frame in curves.index
    return f'{curves.loc[frame, trial_id]:.2f} dB' if scored else ''


def wrapped(name: str, inches: float) -> str:
    """Wraps a name for 7-point text of a given width; words stay whole."""
    return '\n'.join(textwrap.wrap(name, max(round(18 * inches), 9), break_long_words=False))


class Page:
    """A figure on which pictures, text and axes are placed in inches from its top left corner.

    All pictures share one Axes: one for each would take most of the drawing time.
    """

    def __init__(self, width: float, height: float) -> None:
        self.figure = Figure(figsize=(width, height))
        self._width, self._height = width, height
        self._back = self.figure.add_axes((0, 0, 1, 1))
        self._back.set(xlim=(0, width), ylim=(height, 0), autoscale_on=False)
        self._back.set_axis_off()

    def picture(self, place: Place, picture: np.ndarray | None, note: str = 'missing') -> None:
        """Draws a picture with a thin frame; a grey field with ``note`` if there is none."""
        left, top, width, height = place
        frame: dict[str, Any] = {'edgecolor': '0.3', 'linewidth': 0.4, 'zorder': 3}
        fill = 'none' if picture is not None else '0.92'
        self._back.add_patch(Rectangle(place[:2], width, height, facecolor=fill, **frame))
        if picture is None:
            self.text(left + width / 2, top + height / 2, note, va='center', style='italic')
            return
        extent = (left, left + width, top + height, top)
        self._back.imshow(picture, extent=extent, aspect='auto', interpolation='nearest')

    def rectangle(self, place: Place, window: Window, shape: tuple) -> None:
        """Draws a red rectangle around a window of the picture of the given shape at ``place``."""
        left, top, width, height = place
        x, y = width / shape[1], height / shape[0]
        corner = (left + window.left * x, top + window.top * y)
        size = (window.width * x, window.height * y)
        style: dict[str, Any] = {'edgecolor': RED, 'linewidth': 1.2, 'facecolor': 'none'}
        self._back.add_patch(Rectangle(corner, *size, zorder=4, **style))

    def text(self, x: float, top: float, text: str, **options: Any) -> None:
        """Writes 7-point text, by default below (``va``) and centred on (``ha``) a point."""
        options = {'ha': 'center', 'va': 'top', 'fontsize': 7, 'zorder': 5, **options}
        self._back.text(x, top, text, **options)

    def axes(self, place: Place) -> Axes:
        """Adds axes for a curve."""
        left, top, width, height = place
        bottom = self._height - top - height
        size = (width / self._width, height / self._height)
        return self.figure.add_axes((left / self._width, bottom / self._height, *size))
