"""Draws the frames of a video of results."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont
from PIL.ImageFont import FreeTypeFont

from harness.errors import fail
from reports.figures.style import paper_style
from reports.video.frames import Panel

WIDEST, LABEL, CURVE, MARGIN = 1920, 30, 190, 8  # pixels
_FADED = 0.2
_SWEEP = 120  # frames in which the wipe goes there and back


@dataclass(frozen=True)
class Clip:
    """What is shown.

    Attributes:
        panels: the pictures.
        title: above the curves.
        numbers: of the frames.
        layout: ``side-by-side``, or ``wipe`` of the first two.
    """

    panels: list[Panel]
    title: str
    numbers: range
    layout: str


def compose(clip: Clip) -> Iterator[np.ndarray]:
    """Yields the frames of the video, (H, W, 3) uint8, with even height and width.

    Raises:
        UserError: a wipe needs two pictures.
    """
    if clip.layout == 'wipe' and len(clip.panels) < 2:
        fail('--layout wipe: needs two methods')
    shown = clip.panels[:2] if clip.layout == 'wipe' else clip.panels
    columns = 1 if clip.layout == 'wipe' else len(shown)
    height, width = shown[0].picture(0).shape[:2]
    scale = min((WIDEST - MARGIN) / columns - MARGIN, 3 * width) / width
    size = (round(width * scale), round(height * scale))
    full, faded, axis = _curves(clip, shown, columns * (size[0] + MARGIN) + MARGIN)
    font = ImageFont.truetype(font_manager.findfont('DejaVu Sans'), 15)
    for at, number in enumerate(clip.numbers):
        pictures = [_resized(panel.picture(number), size) for panel in shown]
        if clip.layout == 'wipe':
            pictures = [_wiped(pictures[0], pictures[1], at)]
        x = axis(number)
        strip = np.concatenate([full[:, :x], faded[:, x:]], axis=1)
        strip[:, max(x - 1, 0) : x + 1] = 90
        yield _page(pictures, strip, _labels(clip, shown, number), font)


def _resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def _wiped(left: np.ndarray, right: np.ndarray, at: int) -> np.ndarray:
    """Joins two pictures at a boundary that moves from left to right and back."""
    phase = at % _SWEEP / (_SWEEP / 2)
    x = round((phase if phase <= 1 else 2 - phase) * left.shape[1])
    both = np.concatenate([left[:, :x], right[:, x:]], axis=1)
    both[:, max(x - 1, 0) : x + 1] = 255
    return both


def _labels(clip: Clip, shown: list[Panel], number: int) -> list[str]:
    names = [
        f'{p.shown.name}: {p.psnr[number]:.2f} dB' if number in p.psnr.index else p.shown.name
        for p in shown
    ]
    if clip.layout == 'wipe':
        return [f'frame {number}   {names[0]}  |  {names[1]}']
    return [f'frame {number}   {names[0]}', *names[1:]]


def _page(
    pictures: list[np.ndarray], strip: np.ndarray, labels: list[str], font: FreeTypeFont
) -> np.ndarray:
    height, width = pictures[0].shape[:2]
    page = np.full((LABEL + height + strip.shape[0], strip.shape[1], 3), 255, np.uint8)
    for column, picture in enumerate(pictures):
        left = MARGIN + column * (width + MARGIN)
        page[LABEL : LABEL + height, left : left + width] = picture
    page[LABEL + height :] = strip
    image = Image.fromarray(page)
    draw = ImageDraw.Draw(image)
    for column, label in enumerate(labels):
        while len(label) > 4 and draw.textlength(label, font) > width:
            label = f'{label[:-2]}\u2026'
        draw.text((MARGIN + column * (width + MARGIN), 6), label, 'black', font)
    page = np.asarray(image)
    return np.pad(page, [(0, size % 2) for size in page.shape[:2]] + [(0, 0)], mode='edge')


def _curves(
    clip: Clip, shown: list[Panel], width: int
) -> tuple[np.ndarray, np.ndarray, Callable[[int], int]]:
    """The curves drawn in full and faded, (CURVE, width, 3), and frame number -> pixel column."""
    first, last = clip.numbers[0], clip.numbers[-1]
    with paper_style():
        figure = Figure(figsize=(width / 100, CURVE / 100), dpi=100)
        canvas, axes = FigureCanvasAgg(figure), figure.add_axes((0, 0, 1, 1))
        axes.set_position((60 / width, 42 / CURVE, 1 - 80 / width, 1 - 70 / CURVE))
        axes.set(xlim=(first, max(last, first + 1)), xlabel='Frame number', ylabel='PSNR (dB)')
        axes.set_title(clip.title)
        lines = []
        for panel in shown:
            part = panel.psnr[(panel.psnr.index >= first) & (panel.psnr.index <= last)]
            if len(part):
                color = panel.shown.color
                lines += axes.plot(part.index, part, color=color, label=panel.shown.name)
        if lines:
            axes.legend(loc='lower left', ncols=4)
        drawn = []
        for alpha in (1.0, _FADED):
            for line in lines:
                line.set_alpha(alpha)
            canvas.draw()
            drawn.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())
        to_pixels = axes.transData.transform
    full, faded = drawn
    return full, faded, lambda number: int(np.clip(round(to_pixels((number, 0))[0]), 0, width))
