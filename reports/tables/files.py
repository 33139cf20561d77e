"""All files of a report but the figures: tables in every format, tidy CSVs, the workbook.

Every number in a table names its runs (column ``runs`` of ``tables/<name>.csv``), and
``evaluations.csv`` names the CSV file of each run and test set.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from reports.differences import differences
from reports.excel.workbook import write_workbook
from reports.files import replacing, write_text
from reports.paper import NUMBER, OURS, compare, wrong_names
from reports.results import GridResults
from reports.tables import latex, markdown, plain_text
from reports.tables.differences import differences_table
from reports.tables.model import Table
from reports.tables.papers import paper_tables, sets_table
from reports.tables.standard import all_tables

SUMMARY = ('main', 'strategies')  # tables that a terminal shows


@dataclass(frozen=True)
class TableFiles:
    """What was written.

    Attributes:
        tables: all of them, in their order.
        outputs: (description, path) of the files; the formats of one table together.
        summary_text: the most important tables for a terminal.
        notes: one line for each run or evaluation that is missing, and for each mistake in the
            names of the paper's networks and sets.
    """

    tables: list[Table]
    outputs: list[tuple[str, Path]]
    summary_text: str
    notes: list[str]


def write_tables(grid: GridResults, folder: Path) -> TableFiles:
    """Write everything into ``folder``."""
    pairs, comparison = differences(grid), compare(grid)
    tables = [
        *all_tables(grid),
        *filter(None, [differences_table(grid, pairs)]),
        sets_table(grid, comparison),
        *paper_tables(comparison),
    ]
    frames = {
        'results.csv': ('every cell', grid.cells),
        'evaluations.csv': ('every run and test set', _with_variant(grid, grid.evaluations)),
        'videos.csv': ('every video', _with_variant(grid, grid.videos)),
        'differences.csv': ('paired differences', pairs),
        'paper_comparison.csv': ("the papers' numbers", comparison[[*NUMBER, *OURS]]),
        'runs.csv': ('every run', grid.runs),
    }
    outputs = _write_texts(tables, folder)
    outputs += [
        (f'{what} (CSV)', _write_csv(frame, folder / name))
        for name, (what, frame) in frames.items()
    ]
    workbook = write_workbook(grid, tables, comparison, pairs, folder / 'results.xlsx')
    shown = [plain_text.plain_text(table) for table in tables if table.name in SUMMARY]
    return TableFiles(
        tables,
        [*outputs, ('Excel workbook', workbook)],
        '\n'.join(shown),
        [*wrong_names(grid), *grid.notes()],
    )


def _with_variant(grid: GridResults, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of trials with their run and how it was evaluated."""
    axes = grid.trials[['trial_id', 'run_id', 'reset_every', 'checkpoint']]
    return axes.merge(frame, on='trial_id')


def _write_texts(tables: list[Table], folder: Path) -> list[tuple[str, Path]]:
    texts = [
        ('tables for \\input (LaTeX)', 'results.tex', latex.latex_fragment(tables)),
        ('tables, a document', 'results_standalone.tex', latex.latex_document(tables)),
        ('tables in Markdown', 'results.md', markdown.markdown(tables)),
    ]
    written = [(what, write_text(folder / name, text)) for what, name, text in texts]
    for table in tables:
        path = folder / f'tables/{table.name}.tex'
        write_text(path, latex.latex_fragment([table]))
        write_text(path.with_suffix('.md'), markdown.markdown([table]))
        _write_csv(table.tidy(), path.with_suffix('.csv'))
        written.append((f'  {table.name} (.tex .md .csv)', path))
    return written


def _write_csv(frame: pd.DataFrame, path: Path) -> Path:
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False, float_format='%.6g')
    return path
