"""Everything a grid's report consists of, made in one call."""

from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import fail
from harness.runs.files import write_text
from reports.cards import write_cards
from reports.figures.drawers import Drawers, Drawn
from reports.figures.saved_images import SavedImages
from reports.html.page import write_page
from reports.outputs import Outputs
from reports.paper import wrong_names
from reports.results import GridResults, load_grid
from reports.tables.files import write_tables
from reports.tables.latex import latex_figures
from reports.tables.model import Table
from reports.tables.plain_text import plain_text

SUMMARY = ('main', 'strategies')  # tables that a terminal shows


@dataclass
class Report:
    """What was written.

    Attributes:
        outputs: (description, path) of every file but those of the figures, the formats of one
            table together.
        figures: the figures, each with its files.
        summary_text: the most important tables for a terminal.
        problems: one line for each output that could not be written, with the reason.
        notes: the problems, and one line for each run or evaluation the tables could not use and
            for each name of the papers that no paper has.
    """

    outputs: list[tuple[str, Path]] = field(default_factory=list)
    figures: list[Drawn] = field(default_factory=list)
    summary_text: str = ''
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def build_report(work_dir: str | Path, output: str | Path | None = None) -> Report:
    """Write tables and figures of a grid, finished or not.

    Each output is written by itself: one that fails costs none of the others.

    Args:
        work_dir: work directory of the grid, which holds ``grid.json``.
        output: folder to write into; default ``work_dir/report``.

    Raises:
        UserError: ``work_dir`` holds no usable ``grid.json``, or the folder cannot be made.
    """
    grid = load_grid(work_dir)
    images = SavedImages(Path(work_dir), grid)
    folder = Path(output) if output else Path(work_dir) / 'report'
    _make_folder(folder)
    outputs, drawn = Outputs(), []
    drawers = outputs.attempt('figures', Drawers, grid, images, folder)
    try:
        tables = write_tables(grid, folder, outputs)
        if drawers and not outputs.is_over:
            drawn, failures = drawers.results()
            for failed in failures:
                outputs.note(failed)
    finally:
        if drawers:
            drawers.stop()
    outputs.write('cards', 'result cards (JSON)', write_cards, grid, folder / 'cards')
    figures = f'{len(drawn)} figures (PNG, PDF), in LaTeX'
    outputs.write('figures.tex', figures, _write_figures, drawn, folder / 'figures.tex')
    page = (write_page, grid, images, tables, list(outputs.written), drawn, folder)
    outputs.write('index.html', 'everything on one page', *page)
    summary, notes = _summary(tables), _notes(grid)
    problems = outputs.problems
    return Report(outputs.written, drawn, summary, problems, [*problems, *notes])


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f'{folder} cannot be the folder of a report: {error.strerror}')


def _write_figures(drawn: list[Drawn], path: Path) -> Path:
    return write_text(path, latex_figures(drawn))


def _summary(tables: list[Table]) -> str:
    return '\n'.join(plain_text(table) for table in tables if table.name in SUMMARY)


def _notes(grid: GridResults) -> list[str]:
    return [*wrong_names(grid), *grid.notes()]
