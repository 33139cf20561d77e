"""Everything a grid's report consists of, made in one call."""

from dataclasses import dataclass, field
from pathlib import Path

from reports import render, tables
from reports.excel import write_workbook
from reports.figures import Drawers, Drawn
from reports.files import replacing, write_text
from reports.html.page import write_page
from reports.images import SavedImages
from reports.results import GridResults, load_grid


@dataclass
class Report:
    """What was written.

    Attributes:
        outputs: (description, path) of every file but those of the figures.
        figures: the figures, each with its files.
        summary_text: the main table for a terminal.
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
    report = Report(notes=grid.notes())
    with Drawers(grid, images, folder) as drawers:
        main, timing = tables.main_table(grid), tables.timing_table(grid)
        tradeoff = tables.tradeoff_table(grid)
        all_tables = [table for table in (main, timing, tradeoff) if table]
        report.summary_text = render.plain_text(main)
        report.outputs += _write_tables(grid, all_tables, folder)
        workbook = write_workbook(grid, main, timing, folder / 'results.xlsx')
        report.outputs.append(('Excel workbook', workbook))
        drawn = drawers.results()
    floats = write_text(folder / 'figures.tex', render.latex_figures(drawn))
    report.outputs.append((f'{len(drawn)} figures (PNG, PDF), in LaTeX', floats))
    report.figures = drawn
    page = write_page(grid, images, all_tables, report.outputs, drawn, folder)
    report.outputs.append(('everything on one page', page))
    return report


def _write_tables(grid: GridResults, all_tables: list[tables.Table], folder: Path):
    texts = [
        ('tables for \\input (LaTeX)', 'results.tex', render.latex_fragment(all_tables)),
        ('tables, a document', 'results_standalone.tex', render.latex_document(all_tables)),
        ('tables in Markdown', 'results.md', render.markdown(all_tables)),
    ]
    written = [(what, write_text(folder / name, text)) for what, name, text in texts]
    with replacing(folder / 'results.csv') as temporary:
        grid.cells.to_csv(temporary, index=False, float_format='%.6g')
    return [*written, ('every cell, tidy (CSV)', folder / 'results.csv')]
