"""Temporal profiles: one row of pixels over time, ground truth and methods side by side."""

from matplotlib.figure import Figure

from reports.figures.pictures import Column, Page, pictured_methods, read_columns, wrapped
from reports.figures.saved_images import PROFILE, SavedImages
from reports.figures.style import PAGE_WIDTH, paper_style
from reports.results import GridResults

MOST_VIDEOS = 3
HIGH = 1.35  # inches of a profile, whatever its number of frames
GAP = 0.04
LABEL = 0.15
NAMES = 0.42


def temporal_profiles(
    grid: GridResults, images: SavedImages, network: str, train_set: str, test_set: str
) -> Figure | None:
    """Profiles of up to three videos (rows), as RISTN's Fig. 8; time runs downwards.

    A stable method's profile of a static video has straight vertical lines; flicker gives rough
    lines, a collapse changes its colours downwards. None if no video has profiles.
    """
    methods = pictured_methods(grid, images, network, train_set, test_set)
    lengths = grid.record.test_sets[test_set].videos
    rows: dict[str, list[Column]] = {}
    for video in lengths:
        columns = read_columns(grid, images, methods, test_set, video, [PROFILE])
        if columns[0].pictures[PROFILE] is not None and len(rows) < MOST_VIDEOS:
            rows[video] = columns
    if not rows:
        return None
    count = len(columns)
    wide = min(1.4, (PAGE_WIDTH - NAMES) / count - GAP)
    names = [wrapped(column.name, wide) for column in columns]
    head = LABEL * (1 + max(name.count('\n') for name in names))
    with paper_style():
        page = Page(NAMES + count * (wide + GAP), head + len(rows) * (HIGH + GAP))
        for row, (video, columns) in enumerate(rows.items()):
            top = head + row * (HIGH + GAP)
            page.text(0.1, top + HIGH / 2, f'{video}, frame', rotation=90, va='center')
            at_frame = {'ha': 'right', 'fontsize': 6.5}
            page.text(NAMES - 0.04, top + 0.01, '0', **at_frame)
            last = str(lengths[video] - 1)
            page.text(NAMES - 0.04, top + HIGH - 0.01, last, va='bottom', **at_frame)
            for at, column in enumerate(columns):
                place = (NAMES + at * (wide + GAP), top, wide, HIGH)
                page.picture(place, column.pictures[PROFILE], column.note)
        for at, (name, column) in enumerate(zip(names, columns, strict=True)):
            middle = NAMES + at * (wide + GAP) + wide / 2
            style = {'color': column.look.color, 'va': 'bottom', 'linespacing': 1.0}
            page.text(middle, head - 0.02, name, **style)
    return page.figure
