"""Everything a grid's report consists of, made in one call."""

from dataclasses import dataclass, field
from pathlib import Path

from reports import figures, style
from reports.results import GridResults, load_grid
from reports.table_files import write_tables
from reports.tradeoff import r_tradeoff


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
    tables = write_tables(grid, folder)
    report = Report([*tables.outputs], tables.summary_text, tables.notes)
    report.outputs += _write_figures(grid, folder)
    return report


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
