"""The list of the papers' figures that can be drawn from a grid, and writing them.

The papers' Figs. 1, 5 and 6 (PI-BPTT) and 1 to 5 (RISTN) are drawings or a teaser.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from harness.runs.files import write_text
from reports.figures import style
from reports.figures.drawers import Drawn
from reports.figures.papers import phenomena, ristn, strategies
from reports.figures.papers.choices import Lacks
from reports.figures.saved_images import SavedImages
from reports.outputs import Outputs
from reports.results import GridResults
from reports.tables.latex import latex_figures

FOLDER = 'paper_figures'


class Preset(NamedTuple):
    """A figure of a paper; ``draw`` raises :class:`Lacks` if the grid lacks what it shows."""

    paper: str
    number: int
    caption: str
    draw: Callable[[GridResults, SavedImages], Figure]

    @property
    def what(self) -> str:
        return f'{self.paper} Fig. {self.number}'

    @property
    def name(self) -> str:
        return f'{self.paper.lower().replace("-", "_")}_fig{self.number:02}'


_BEST = (
    'Frames in which PI improves {network} most ({videos} videos), with the difference of PSNR. '
    'The red rectangle in the ground truth (left), where the strategies differ most, is enlarged.'
)


def _best(number: int, network: str, short: bool) -> Preset:
    caption = _BEST.format(network=network, videos='short' if short else 'long')
    draw = partial(strategies.extreme_frames, network=network, short=short)
    return Preset('PI-BPTT', number, caption, draw)


def _of_grid(draw: Callable[[GridResults], Figure]) -> Callable[..., Figure]:
    return lambda grid, images: draw(grid)


PRESETS = (
    Preset(
        'PI-BPTT',
        2,
        'Effects of the video length and of texture density: stills with much and with less '
        'texture, super-resolved without a remedy at frame t, with the PSNR.',
        phenomena.length_and_texture,
    ),
    Preset(
        'PI-BPTT',
        3,
        'Effects of motion and of disappearing objects: windows that move by s LR pixels from '
        'frame to frame, last frame. Red: the area that all windows of the video share.',
        phenomena.motion,
    ),
    Preset(
        'PI-BPTT',
        4,
        'Effects of a change of brightness by gamma. Red: where the error is largest.',
        phenomena.brightness,
    ),
    _best(7, 'FRVSR', short=True),
    Preset(
        'PI-BPTT',
        8,
        'Frames of short videos in which PI loses most against RI, and the PSNR of the video; '
        'the frame shown is marked.',
        partial(strategies.extreme_frames, network='FRVSR', short=True, better=False),
    ),
    _best(9, 'FRVSR', short=False),
    _best(10, 'BasicVSR', short=True),
    _best(11, 'BasicVSR', short=False),
    Preset(
        'PI-BPTT',
        12,
        'Effect of the training set: a static video over time and its PSNR.',
        partial(strategies.training_sets, name='FRVSR'),
    ),
    Preset(
        'PI-BPTT',
        13,
        'Training time against accuracy for several R.',
        _of_grid(strategies.repeats),
    ),
    Preset('RISTN', 6, 'Networks for single images (Table 1), enlarged.', ristn.spatial),
    Preset('RISTN', 7, '"Calendar" of Vid4, enlarged.', partial(ristn.video, name='calendar')),
    Preset(
        'RISTN',
        8,
        'Temporal profiles of "Walk" of Vid4: one row of pixels, time downwards.',
        partial(ristn.profiles, name='walk'),
    ),
    Preset('RISTN', 9, '"Walk" of Vid4, enlarged.', partial(ristn.video, name='walk')),
    Preset(
        'RISTN',
        10,
        'Running time of a frame against PSNR on Vid4.',
        _of_grid(ristn.running_time),
    ),
)


class Written(NamedTuple):
    """The outcome of drawing the papers' figures.

    Attributes:
        drawn: the drawn figures.
        lacking: the figures that cannot be drawn, and what the grid lacks for each.
        problems: one line for each figure that failed for another reason.
    """

    drawn: list[Drawn]
    lacking: list[tuple[str, str]]
    problems: list[str]


def write_paper_figures(grid: GridResults, images: SavedImages, folder: Path) -> Written:
    """Writes every figure that the grid has the data for (PNG, PDF), and ``figures.tex``.

    Args:
        grid: the results.
        images: their pictures.
        folder: the output folder; it is created.
    """
    folder.mkdir(parents=True, exist_ok=True)
    outputs, drawn, lacking = Outputs(), [], []
    for preset in PRESETS:
        made = outputs.attempt(preset.what, _write, preset, grid, images, folder)
        if isinstance(made, Lacks):
            lacking.append((preset.what, str(made)))
        elif made:
            drawn.append(made)
    text = latex_figures(drawn, folder)
    outputs.attempt('figures.tex', write_text, folder / 'figures.tex', text)
    return Written(drawn, lacking, outputs.problems)


def _write(preset: Preset, grid: GridResults, images: SavedImages, folder: Path) -> Drawn | Lacks:
    try:
        figure = preset.draw(grid, images)
    except Lacks as lack:
        return lack
    wide = bool(figure.get_figwidth() > style.COLUMN_WIDTH)
    paths = style.save(figure, folder, preset.name)
    return Drawn(preset.what, preset.caption, paths, wide)
