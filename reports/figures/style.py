"""The look of all figures: sizes for a two-column paper, and one colour for each strategy.

Colours are seaborn's ``colorblind`` palette; line styles and markers distinguish strategies in grey
as well.
"""

import itertools
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache
from itertools import cycle
from pathlib import Path
from types import MappingProxyType
from typing import Any

from matplotlib import colors, rc_context
from matplotlib.figure import Figure

from harness.runs.files import replacing
from harness.runs.resets import Reset
from harness.strategies import Strategy
from reports.methods import Method

COLUMN_WIDTH = 3.5  # inches
PAGE_WIDTH = 7.16  # inches
PNG_DPI = 200

# Over seaborn's.
_SETTINGS: dict[str, Any] = {
    # Times-like, and one with more characters: both come with matplotlib
    'font.family': ['STIXGeneral', 'DejaVu Sans'],
    'text.parse_math': False,  # a label may contain dollars
    'font.size': 8,
    'axes.titlesize': 8,
    'axes.labelsize': 8,
    'xtick.labelsize': 7,
    'ytick.labelsize': 7,
    'legend.fontsize': 7.5,
    'legend.frameon': False,
    'legend.handlelength': 2.4,
    'lines.linewidth': 1.1,
    'axes.linewidth': 0.6,
    'axes.grid': True,
    'axes.axisbelow': True,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'grid.color': '0.9',
    'grid.linewidth': 0.5,
    'xtick.major.width': 0.6,
    'ytick.major.width': 0.6,
    'xtick.major.size': 2.5,
    'ytick.major.size': 2.5,
    'pdf.fonttype': 42,  # embed TrueType: publishers refuse Type 3
    'image.composite_image': False,  # keep pictures separate in the PDF
    'figure.dpi': PNG_DPI,
}

_COLORS = (
    *('#0173b2', '#de8f05', '#029e73', '#d55e00', '#cc78bc'),
    *('#ca9161', '#fbafe4', '#949494', '#ece133', '#56b4e9'),
)
RED = '#e3120b'  # the rectangle around the enlarged part
# For a grid's own strategies without a colour, in their order (Tol's muted palette).
_OWN_COLORS = ('#332288', '#44aa99', '#cc6677', '#117733', '#aa4499')
_OWN_MARKERS = ('p', 'h', '<', '>', 'd')
_NETWORK_MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X', '*', 'p', 'h')
_LINES = ('-', (0, (4, 1.2)), (0, (1, 1)), (0, (5, 1, 1, 1)))
# For variants of a run: resets in their order, best checkpoint.
_RESET_LINES = ((0, (3, 1)), (0, (1, 0.8)), (0, (6, 1)))
_BEST_LINE = (0, (8, 2, 1, 2))


# Untrained references, in their order.
_REFERENCES = ((_COLORS[7], '--', 'x'), ('#4d4d4d', '-.', '+'), ('#b5b5b5', ':', '*'))


@dataclass(frozen=True)
class Look:
    """Colour, line style and marker of one method."""

    color: str
    line: Any  # of Matplotlib: a string or a tuple of dashes
    marker: str


@cache
def settings() -> dict[str, Any]:
    """matplotlib's settings for all figures."""
    import seaborn as sns  # takes a second, and a report that is kept draws nothing

    return {**sns.axes_style('whitegrid'), **sns.plotting_context('paper'), **_SETTINGS}


def paper_style(changes: Mapping[str, Any] = MappingProxyType({})) -> AbstractContextManager:
    """In it figures are drawn with our settings, but for these changes."""
    drawn: dict[Any, Any] = {**settings(), **changes}
    return rc_context(drawn)


def looks(methods: Sequence[Method], strategies: Mapping[str, Strategy]) -> dict[str, Look]:
    """Returns short name -> look, the same in all figures, networks and training sets of a grid.

    Args:
        methods: all methods of the grid. Larger R and later options get darker shades and other
            lines, resets and other checkpoints other lines.
        strategies: all strategies of the grid.
    """
    levels = _levels(methods)
    resets = sorted({method.reset for method in methods if method.reset})
    if not any(method.is_trained for method in methods):
        return _looks_of_networks(methods, resets)
    references = dict.fromkeys(m.short_name for m in methods if not m.is_trained)
    untrained = dict(zip(references, cycle(_REFERENCES), strict=False))
    looks_of = _looks_of_strategies(strategies)
    return {
        m.short_name: _look_of_variant(_strategy_look(m, levels, looks_of), m, resets)
        if m.is_trained
        else Look(*untrained[m.short_name])
        for m in methods
    }


def _looks_of_networks(methods: Sequence[Method], resets: list[Reset]) -> dict[str, Look]:
    """Returns looks by network, for grids in which nothing is trained."""
    networks = dict.fromkeys(method.network for method in methods)
    given = dict(zip(networks, cycle(zip(_COLORS, _NETWORK_MARKERS, strict=True)), strict=False))
    return {
        m.short_name: _look_of_variant(
            Look(given[m.network][0], '-', given[m.network][1]), m, resets
        )
        for m in methods
    }


def _looks_of_strategies(strategies: Mapping[str, Strategy]) -> dict[tuple[str, bool], tuple]:
    """(Strategy, FC) -> colour and marker."""
    found, own = {}, cycle(zip(_OWN_COLORS, _OWN_MARKERS, strict=True))
    for name, strategy in strategies.items():
        given = zip(strategy.colors, strategy.markers, strict=True)
        for fc, (color, marker) in zip((False, True), given, strict=True):
            other_color, other_marker = ('', '') if color and marker else next(own)
            found[name, fc] = (color or other_color, marker or other_marker)
    return found


def _levels(methods: Sequence[Method]) -> dict[str | None, list[tuple]]:
    """Returns strategy -> (R, options) of its methods; an R has one shade in all strategies."""
    repeats = sorted({method.repeats for method in methods if method.repeats is not None})
    options: dict[str | None, dict[tuple, None]] = {}
    for method in methods:
        options.setdefault(method.strategy, {})[method.options] = None
    return {
        m.strategy: list(itertools.product(repeats if m.repeats else [None], options[m.strategy]))
        for m in methods
    }


def _strategy_look(method: Method, levels: dict[str | None, list[tuple]], looks_of: dict) -> Look:
    color, marker = looks_of[method.strategy, method.fc]
    own = levels[method.strategy]
    shaded, index = len(own) > 1, own.index((method.repeats, method.options))
    # FC starts with another line style, because its curve often coincides with that without.
    line = _LINES[(index + method.fc) % len(_LINES)]
    color = _shade(color, index / (len(own) - 1)) if shaded else color
    return Look(color, line, marker)


def _look_of_variant(look: Look, method: Method, resets: list[Reset]) -> Look:
    if method.checkpoint != 'last':
        return replace(look, line=_BEST_LINE)
    if method.reset:
        return replace(look, line=_RESET_LINES[resets.index(method.reset) % len(_RESET_LINES)])
    return look


def _shade(color: str, position: float) -> str:
    """Between 25 % towards white (position 0) and 55 % towards black (position 1)."""
    amount = 0.8 * position - 0.25
    target = 1.0 if amount < 0 else 0.0
    red, green, blue = (c + (target - c) * abs(amount) for c in colors.to_rgb(color))
    return colors.to_hex((red, green, blue))


def lay_out(figure: Figure) -> None:
    """Applies the figure's layout engine, so that the places of its axes are final."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write ``name.png`` and ``name.pdf``; return their paths.

    Args:
        figure: the figure.
        folder: the output folder; it is created.
        name: name of the files, which may include a folder.
    """
    paths = [folder / f'{name}.{suffix}' for suffix in ('png', 'pdf')]
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    with paper_style():
        if figure.get_layout_engine():
            # Done once here, because otherwise each savefig would draw twice to do it again.
            lay_out(figure)
            figure.set_layout_engine('none')
        for path in paths:
            with replacing(path) as temporary:
                figure.savefig(temporary)
    return paths
