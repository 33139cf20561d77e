"""All files of a report but the figures and the page: tables in every format, CSVs, the workbook.

Every number in a table names its runs (column ``runs`` of ``tables/<name>.csv``), and
``data/evaluations.csv`` names the CSV file of each run and test set.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from harness.runs.files import replacing, write_text
from reports.differences import COLUMNS, differences
from reports.excel.workbook import write_workbook
from reports.outputs import Outputs
from reports.paper import OURS, compare
from reports.paper_values import NUMBER, read_values
from reports.results import GridResults
from reports.robustness import robustness
from reports.tables import latex, markdown
from reports.tables.differences import differences_table
from reports.tables.model import Table
from reports.tables.papers import paper_tables, sets_table
from reports.tables.robustness import robustness_table
from reports.tables.signs import signs_table
from reports.tables.siunitx import latex_siunitx
from reports.tables.standard import all_tables


class Tables(NamedTuple):
    """All tables of a grid.

    Attributes:
        shown: as reports show them, in their order.
        pairs: paired differences between strategies.
        comparison: the papers' numbers beside ours.
    """

    shown: list[Table]
    pairs: pd.DataFrame
    comparison: pd.DataFrame


def make_tables(grid: GridResults, outputs: Outputs) -> Tables:
    """Makes all tables; what fails is told to ``outputs``."""
    pairs = outputs.attempt('paired differences', differences, grid)
    pairs = pd.DataFrame(columns=COLUMNS) if pairs is None else pairs
    comparison = outputs.attempt("the papers' numbers beside ours", compare, grid)
    if comparison is None:
        comparison = read_values().reindex(columns=[*read_values(), *OURS])
    shown = [
        *all_tables(grid, outputs),
        outputs.attempt('table robustness', robustness_table, grid),
        outputs.attempt('table signs', signs_table, grid),
        outputs.attempt('table differences', differences_table, grid, pairs),
        outputs.attempt('table sets', sets_table, grid, comparison),
        *(outputs.attempt("the papers' tables", paper_tables, comparison) or []),
    ]
    return Tables([table for table in shown if table is not None], pairs, comparison)


def write_tables(grid: GridResults, tables: Tables, folder: Path, outputs: Outputs) -> None:
    """Writes the workbook into ``folder``, texts into ``tables/`` and CSVs into ``data/``."""
    path = folder / 'results.xlsx'
    workbook = (write_workbook, grid, tables.shown, tables.comparison, tables.pairs, path)
    outputs.write(path.name, 'tables, charts, curves: Excel', *workbook)
    _write_texts(tables.shown, folder, outputs)
    frames = {
        'results.csv': ('every cell', lambda: grid.cells),
        'evaluations.csv': ('every run and test set', lambda: _of_trials(grid, grid.evaluations)),
        'videos.csv': ('every video', lambda: _of_trials(grid, grid.videos)),
        'differences.csv': ('paired differences', lambda: tables.pairs),
        'robustness.csv': ('stability as robustness', lambda: robustness(grid)),
        'paper_comparison.csv': (
            "the papers' numbers",
            lambda: tables.comparison[[*NUMBER, *OURS]],
        ),
        'runs.csv': ('every run', lambda: grid.runs),
    }
    for name, (what, make) in frames.items():
        where = f'data/{name}'
        outputs.write(
            where, f'{what} (CSV)', lambda p, make=make: _write_csv(make(), p), folder / where
        )


def _of_trials(grid: GridResults, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of trials with their run and how it was evaluated."""
    axes = grid.trials[['trial_id', 'run_id', 'reset_every', 'checkpoint']]
    return axes.merge(frame, on='trial_id')


def _write_texts(tables: list[Table], folder: Path, outputs: Outputs) -> None:
    texts = [
        ('results.tex', 'tables for \\input (LaTeX)', latex.latex_fragment),
        ('results_standalone.tex', 'tables, a document', latex.latex_document),
        ('results_siunitx.tex', 'the same with siunitx columns', latex_siunitx),
        ('results.md', 'tables in Markdown', markdown.markdown),
    ]
    for name, what, make in texts:
        name = f'tables/{name}'
        outputs.write(name, what, _write_tables_as, make, tables, folder / name)
    for table in tables:
        name = f'tables/{table.name}'
        formats: dict[str, Callable[[Path], Path]] = {
            'tex': partial(_write_tables_as, latex.latex_fragment, [table]),
            'md': partial(_write_tables_as, markdown.markdown, [table]),
            'csv': partial(_write_tidy, table),
        }
        paths = [
            outputs.attempt(f'{name}.{end}', write, folder / f'{name}.{end}')
            for end, write in formats.items()
        ]
        written = [path for path in paths if path]
        if written:
            suffixes = ' '.join(path.suffix for path in written)
            outputs.add(f'  {table.name} ({suffixes})', written)


def _write_tables_as(make: Callable[[list[Table]], str], tables: list[Table], path: Path) -> Path:
    return write_text(path, make(tables))


def _write_tidy(table: Table, path: Path) -> Path:
    return _write_csv(table.tidy(), path)


def _write_csv(frame: pd.DataFrame, path: Path) -> Path:
    """Write a CSV in which no text can act as a formula where spreadsheets open it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = frame.rename(columns=_no_formula)
    texts = frame.select_dtypes(object)
    with replacing(path) as temporary:
        frame.assign(**{name: texts[name].map(_no_formula) for name in texts}).to_csv(
            temporary, index=False, float_format='%.6g'
        )
    return path


def _no_formula(value: object) -> object:
    if not isinstance(value, str) or not value.startswith(('=', '+', '-', '@')):
        return value
    return value if _is_number(value) else f"'{value}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
