"""Makes the whole report of a grid.

A report is a folder: the page ``index.html`` and the workbook ``results.xlsx``, and their content
as separate files in ``tables/``, ``figures/``, ``data/`` and ``cards/``.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import fail
from harness.runs.files import write_text
from reports.cards import write_cards
from reports.figures.drawers import Drawers, Drawn
from reports.figures.saved_images import SavedImages
from reports.html.page import write_page
from reports.html.tables import run_files
from reports.inputs import Inputs, checksum
from reports.outputs import Outputs
from reports.paper import wrong_names
from reports.results import GridResults, load_grid
from reports.stamps import Stamps
from reports.tables.files import Tables, make_tables, write_tables
from reports.tables.latex import latex_figures
from reports.tables.model import Table
from reports.tables.plain_text import plain_text

SUMMARY = ('main', 'strategies')  # tables that a terminal shows
FIRST = ('index.html', 'results.xlsx')  # what readers look at first


@dataclass
class Report:
    """A finished report.

    Attributes:
        folder: its folder.
        outputs: (description, path) of every file except figures; the formats of a table are one
            entry, and ``FIRST`` come first.
        figures: the figures, each with its files.
        summary_text: the most important tables, for a terminal.
        problems: one line for each output that could not be written, with the reason.
        notes: the problems, and one line for each run or evaluation that the tables could not use
            and for each ``paper`` name that is in no paper.
    """

    folder: Path = Path()
    outputs: list[tuple[str, Path]] = field(default_factory=list)
    figures: list[Drawn] = field(default_factory=list)
    summary_text: str = ''
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def places(self) -> list[tuple[str, Path]]:
        """(description, path) of the files to look at first, and of the folders of the others."""
        first = [(what, path) for what, path in self.outputs if path.name in FIRST]
        rest = {
            'tables': 'tables (LaTeX, Markdown, CSV)',
            'figures': f'{len(self.figures)} figures (PNG, PDF)',
            'data': 'numbers of every run and video (CSV)',
            'cards': 'a card for each method (JSON)',
        }
        folders = [(what, self.folder / name) for name, what in rest.items()]
        return first + [
            (what, folder)
            for what, folder in folders
            if any(folder in (path, *path.parents) for _, path in self.outputs)
        ]


def build_report(work_dir: str | Path, output: str | Path | None = None) -> Report:
    """Write tables and figures of a grid, finished or not.

    If one output fails, the others are still written. Outputs whose inputs have not changed are
    kept (see ``stamps``).

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
    outputs, drawn = Outputs(), list[Drawn]()
    stamps, inputs = Stamps(folder), Inputs(grid)
    drawing = (grid, images, folder / 'figures', stamps, inputs)
    drawers = outputs.attempt('figures', Drawers, *drawing)
    try:
        rest = _Rest(grid, images, folder, outputs, stamps, inputs.of(grid))
        summary = rest.tables()
        if drawers and not outputs.is_over:
            drawn, failures = drawers.results()
            for failed in failures:
                outputs.note(failed)
    finally:
        if drawers:
            drawers.stop()
    rest.page(drawn)
    if not outputs.is_over:
        files = [path for figure in drawn for path in figure.paths] + outputs.files
        outputs.attempt('the stamps of what is written', stamps.close, files)
    written = sorted(outputs.written, key=lambda what: (*FIRST, what[1].name).index(what[1].name))
    problems = outputs.problems
    return Report(folder, written, drawn, summary, problems, [*problems, *_notes(grid)])


class _Rest:
    """The report without its figures: the tables, and the page that shows everything."""

    def __init__(
        self,
        grid: GridResults,
        images: SavedImages,
        folder: Path,
        outputs: Outputs,
        stamps: Stamps,
        inputs: str,
    ):
        self._grid, self._images, self._folder = grid, images, folder
        self._outputs, self._stamps, self._inputs = outputs, stamps, inputs
        self._tables: Tables | None = None

    def tables(self) -> str:
        """Writes the tables and cards, or keeps them; returns the summary for a terminal."""
        kept = self._stamps.kept('tables', self._inputs)
        if kept:
            written = [(what, self._folder / name) for what, name in kept['outputs']]
            self._outputs.written += written
            return kept['summary']
        self._tables = make_tables(self._grid, self._outputs)
        write_tables(self._grid, self._tables, self._folder, self._outputs)
        cards = self._outputs.attempt('cards', write_cards, self._grid, self._folder / 'cards')
        if cards:
            self._outputs.add('result cards (JSON)', sorted(cards.glob('*.json')), cards)
        summary = _summary(self._tables.shown)
        if not self._outputs.problems:
            descriptions, paths = zip(*self._outputs.written, strict=True)
            written = [*zip(descriptions, self._relative(paths), strict=True)]
            about = dict(outputs=written, summary=summary)
            self._stamps.add('tables', self._inputs, self._outputs.files, **about)
        return summary

    def page(self, drawn: list[Drawn]) -> None:
        """Writes the page and the figures in LaTeX, or keeps them."""
        outputs, folder = self._outputs, self._folder
        work_dir = self._images.work_dir
        linked = os.path.relpath(work_dir, folder), run_files(self._grid, work_dir)
        state = self._images.state(self._grid.record.test_sets)
        described = [(f.what, f.caption, self._relative(f.paths), f.is_wide) for f in drawn]
        files = self._relative(path for _, path in outputs.written)
        inputs = checksum(self._inputs, linked, state, described, files)
        page, figures = folder / 'index.html', folder / 'figures/figures.tex'
        names = [('figures in LaTeX', figures), ('everything on one page', page)]
        if self._stamps.kept('page', inputs):
            outputs.written += names
            return
        before = len(outputs.problems)
        tables = self._tables or make_tables(self._grid, outputs)
        outputs.write('figures/figures.tex', names[0][0], _write_figures, drawn, figures)
        shown = (self._grid, self._images, tables.shown, list(outputs.written), drawn, folder)
        outputs.write('index.html', names[1][0], write_page, *shown)
        if len(outputs.problems) == before and not outputs.is_over:
            self._stamps.add('page', inputs, [figures, page])

    def _relative(self, paths: Iterable[Path]) -> list[str]:
        return [path.relative_to(self._folder).as_posix() for path in paths]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f'{folder} cannot be the folder of a report: {error.strerror}')


def _write_figures(drawn: list[Drawn], path: Path) -> Path:
    return write_text(path, latex_figures(drawn, path.parent))


def _summary(tables: list[Table]) -> str:
    return '\n'.join(plain_text(table) for table in tables if table.name in SUMMARY)


def _notes(grid: GridResults) -> list[str]:
    return [*wrong_names(grid), *grid.notes()]
