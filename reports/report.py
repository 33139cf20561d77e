"""Everything a grid's report consists of, made in one call."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from reports import figures, render, style
from reports.differences import differences, differences_table
from reports.excel import write_workbook
from reports.files import replacing, write_text
from reports.paper import compare, wrong_names
from reports.paper_tables import paper_tables, sets_table
from reports.results import GridResults, load_grid
from reports.table_model import Table
from reports.tables import all_tables
from reports.tradeoff import r_tradeoff

SUMMARY = ('main', 'strategies')  # tables that the terminal shows


@dataclass
class Report:
    """What was written.

    Attributes:
        outputs: (description, path) of every file, the formats of one table together.
        summary_text: the most important tables for a terminal.
        notes: one line for each run or evaluation the tables could not use, with the reason.
    """

    outputs: list[tuple[str, Path]] = field(default_factory=list)
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
    folder = Path(output) if output else Path(work_dir) / 'report'
    report = Report(notes=[*wrong_names(grid), *grid.notes()])
    pairs, comparison = differences(grid), compare(grid)
    tables = [
        *all_tables(grid),
        *filter(None, [differences_table(grid, pairs)]),
        sets_table(grid, comparison),
        *paper_tables(comparison),
    ]
    shown = [table for table in tables if table.name in SUMMARY]
    report.summary_text = '\n'.join(map(render.plain_text, shown))
    report.outputs += _write_tables(tables, folder)
    report.outputs += _write_frames(grid, pairs, comparison, folder)
    workbook = write_workbook(grid, tables, comparison, pairs, folder / 'results.xlsx')
    report.outputs.append(('Excel workbook', workbook))
    report.outputs += _write_figures(grid, folder)
    return report


def _write_tables(tables: list[Table], folder: Path) -> list[tuple[str, Path]]:
    texts = [
        ('tables for \\input (LaTeX)', 'results.tex', render.latex_fragment(tables)),
        ('tables, a document', 'results_standalone.tex', render.latex_document(tables)),
        ('tables in Markdown', 'results.md', render.markdown(tables)),
    ]
    written = [(what, write_text(folder / name, text)) for what, name, text in texts]
    for table in tables:
        path = folder / f'tables/{table.name}.tex'
        write_text(path, render.latex_fragment([table]))
        write_text(path.with_suffix('.md'), render.markdown([table]))
        _write_csv(table.tidy(), path.with_suffix('.csv'))
        written.append((f'{table.name} alone (also .md, .csv)', path))
    return written


def _write_frames(grid: GridResults, pairs: pd.DataFrame, comparison: pd.DataFrame, folder: Path):
    frames = {
        'results.csv': ('every cell', grid.cells),
        'evaluations.csv': ('every run and test set', grid.evaluations),
        'videos.csv': ('every video', grid.videos),
        'differences.csv': ('paired differences', pairs),
        'paper_comparison.csv': ("the papers' numbers and ours", comparison),
        'runs.csv': ('runs', grid.runs),
    }
    return [
        (f'{what}, tidy (CSV)', _write_csv(frame, folder / name))
        for name, (what, frame) in frames.items()
    ]


def _write_csv(frame: pd.DataFrame, path: Path) -> Path:
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False, float_format='%.6g')
    return path


def _write_figures(grid: GridResults, folder: Path) -> list[tuple[str, Path]]:
    drawn = []
    trained = grid.methods[grid.methods['train_set'] != '']
    pairs = trained[['network', 'train_set']].drop_duplicates()
    several = trained['train_set'].nunique() > 1
    for network, train_set in pairs.itertuples(index=False):
        name = f'psnr_vs_frame_{network}' + (f'_{train_set}' if several else '')
        figure = figures.psnr_vs_frame(grid, network, train_set)
        drawn.append((f'PSNR vs frame, {grid.plan.networks[network]}', name, figure))
    drawn.append(('R trade-off', 'r_tradeoff', r_tradeoff(grid)))
    drawn.append(('drift', 'drift', figures.drift_map(grid) if grid.long_sets else None))
    return [
        (what, path)
        for what, name, figure in drawn
        if figure
        for path in style.save(figure, folder, name)
    ]
