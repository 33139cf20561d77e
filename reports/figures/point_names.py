"""Places names next to the points of a scatter plot where they cover nothing."""

from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

# Offsets in points and alignments, tried in this order.
_PLACES = [
    (dx, dy, 'left' if dx > 0 else 'right' if dx < 0 else 'center', va)
    for reach in (1, 2, 3)
    for dx, dy, va in (
        (4 * reach, 3 * reach, 'bottom'),
        (-4 * reach, 3 * reach, 'bottom'),
        (4 * reach, -3 * reach, 'top'),
        (-4 * reach, -3 * reach, 'top'),
        (0, 5 * reach, 'bottom'),
        (0, -5 * reach, 'top'),
    )
]
_MARKER = 3.5  # half the size of a marker, in points


class Point(NamedTuple):
    """A point in data coordinates with its name; a point without a name is only kept clear."""

    x: float
    y: float
    name: str
    color: str


def name_points(axis: Axes, points: list[Point], size: float = 7) -> None:
    """Write each name beside its point, clear of markers, other names and the axes' edges.

    The axes' positions and limits must be final. A name without a free place gets the first place
    tried.
    """
    figure = axis.get_figure(root=True)
    assert figure is not None
    renderer = FigureCanvasAgg(figure).get_renderer()
    inside = axis.get_window_extent(renderer)
    reach = _MARKER * figure.dpi / 72
    centres = [axis.transData.transform((point.x, point.y)) for point in points]
    taken = [Bbox([centre - reach, centre + reach]) for centre in centres]
    for point, centre in zip(points, centres, strict=True):
        if not point.name or not inside.contains(*centre):
            continue
        for text in (_write(axis, point, place, size) for place in _PLACES):
            box = _extent(text, renderer)
            if _within(box, inside) and not any(box.overlaps(other) for other in taken):
                break
            text.remove()
        else:
            box = _extent(_write(axis, point, _PLACES[0], size), renderer)
        taken.append(box)


def _write(axis: Axes, point: Point, place: tuple, size: float) -> Annotation:
    dx, dy, ha, va = place
    text = axis.annotate(
        point.name,
        (point.x, point.y),
        xytext=(dx, dy),
        textcoords='offset points',
        ha=ha,
        va=va,
        fontsize=size,
        color=point.color,
        # A leader where the name is not right beside its point.
        arrowprops=_leader(point.color) if abs(dx) + abs(dy) > 8 else None,
    )
    text.set_in_layout(False)  # it was placed for the current position of the axes
    return text


def _extent(text: Annotation, renderer: RendererBase) -> Bbox:
    """Returns the box of the words alone; the annotation's own box includes its leader."""
    text.update_positions(renderer)
    return Text.get_window_extent(text, renderer)


def _leader(color: str) -> dict:
    return {'arrowstyle': '-', 'color': color, 'linewidth': 0.4, 'shrinkA': 0, 'shrinkB': 2}


def _within(box: Bbox, outer: Bbox) -> bool:
    return outer.x0 <= box.x0 and box.x1 <= outer.x1 and outer.y0 <= box.y0 and box.y1 <= outer.y1
