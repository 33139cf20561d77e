"""Everything a grid's report consists of, made in one call."""

from dataclasses import dataclass, field
from pathlib import Path

from reports.figures.catalogue import Drawers, Drawn
from reports.figures.saved_images import SavedImages
from reports.files import write_text
from reports.html.page import write_page
from reports.results import load_grid
from reports.tables.files import write_tables
from reports.tables.latex import latex_figures


@dataclass
class Report:
    """What was written.

    Attributes:
        outputs: (description, path) of every file but those of the figures, the formats of one
            table together.
        figures: the figures, each with its files.
        summary_text: the most important tables for a terminal.
        notes: one line for each run or evaluation the tables could not use, with the reason.
    """

    outputs: list[tuple[str, Path]] = field(default_factory=list)
    figures: list[Drawn] = field(default_factory=list)
    summary_text: str = ''
    notes: list[str] = field(default_factory=list)


def build_report(work_dir: str | Path, output: str | Path | None = None) -> Report:
    """Write tables and figures of a grid, finished or not.

    Args:
        work_dir: work directory of the grid, which holds ``grid.json``.
        output: folder to write into; default ``work_dir/report``.

    Raises:
        ReportError: ``work_dir`` holds no usable ``grid.json``.
    """
    grid = load_grid(work_dir)
    images = SavedImages(Path(work_dir), grid)
    folder = Path(output) if output else Path(work_dir) / 'report'
    with Drawers(grid, images, folder) as drawers:
        tables = write_tables(grid, folder)
        drawn = drawers.results()
    report = Report([*tables.outputs], drawn, tables.summary_text, tables.notes)
    floats = write_text(folder / 'figures.tex', latex_figures(drawn))
    report.outputs.append((f'{len(drawn)} figures (PNG, PDF), in LaTeX', floats))
    page = write_page(grid, images, tables.tables, report.outputs, drawn, folder)
    report.outputs.append(('everything on one page', page))
    return report
