"""The look of all figures: sizes of a two-column paper, and one colour for each strategy.

Colours are seaborn's ``colorblind`` palette; line styles and markers tell strategies apart in grey
as well.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import seaborn as sns
from matplotlib import colors, rc_context
from matplotlib.figure import Figure

from reports.files import replacing

COLUMN_WIDTH = 3.5  # inches
PAGE_WIDTH = 7.16  # inches
PNG_DPI = 200

RC = {
    **sns.axes_style('whitegrid'),
    **sns.plotting_context('paper'),
    'font.family': 'STIXGeneral',  # Times-like, comes with matplotlib
    'mathtext.fontset': 'stix',
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
    'figure.constrained_layout.use': True,
    'pdf.fonttype': 42,  # embed TrueType: publishers refuse Type 3
    'figure.dpi': PNG_DPI,
}

_COLORS = sns.color_palette('colorblind').as_hex()
# Key: strategy and whether it has frame-number conditioning. Value: colour and marker.
_LOOKS = {
    (None, False): (_COLORS[7], 'x'),
    ('RI', False): (_COLORS[3], 's'),
    ('RI', True): (_COLORS[1], 'D'),
    ('TBPTT', False): (_COLORS[4], '^'),
    ('TBPTT', True): (_COLORS[5], 'v'),
    ('PI', False): (_COLORS[0], 'o'),
    ('PI', True): (_COLORS[2], 'P'),
}
_LINES = ('-', (0, (4, 1.2)), (0, (1, 1)), (0, (5, 1, 1, 1)))


@dataclass(frozen=True)
class Look:
    """Colour, line style and marker of one method."""

    color: str
    line: str | tuple
    marker: str


def look(method, all_repeats: Iterable[float]) -> Look:
    """The look of a method, the same in every figure of one grid.

    Args:
        method: a row with ``strategy``, ``fc`` and ``repeats``.
        all_repeats: every R of the grid; larger ones get darker shades and other lines.
    """
    color, marker = _LOOKS[method.strategy, method.fc]
    if method.strategy is None:
        return Look(color, '--', marker)
    order = sorted({value for value in all_repeats if value == value})
    shaded = method.repeats in order and len(order) > 1
    index = order.index(method.repeats) if shaded else 0
    # FC starts with another line than no FC: the curves of the two often coincide.
    line = _LINES[(index + method.fc) % len(_LINES)]
    return Look(_shade(color, index / (len(order) - 1)) if shaded else color, line, marker)


def _shade(color: str, position: float) -> str:
    """Between 45 % towards white (position 0) and 45 % towards black (position 1)."""
    target = 1.0 if position < 0.5 else 0.0
    amount = 0.9 * abs(position - 0.5)
    return colors.to_hex([c + (target - c) * amount for c in colors.to_rgb(color)])


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write ``name.png`` and ``name.pdf``; return their paths."""
    paths = [folder / f'{name}.{suffix}' for suffix in ('png', 'pdf')]
    with rc_context(RC):
        # Laid out once here; otherwise each savefig would draw twice to lay out again.
        figure.get_layout_engine().execute(figure)
        figure.set_layout_engine('none')
        for path in paths:
            with replacing(path) as temporary:
                figure.savefig(temporary)
    return paths
