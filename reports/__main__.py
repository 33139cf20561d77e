"""``python -m reports WORK_DIR``: tables and figures of a grid of runs."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reports.report import Report

DESCRIPTION = """Make tables (LaTeX, Excel, CSV, Markdown) and figures (PNG, PDF) of a grid from
its run folders: means, stability, paired differences, times, and the papers' numbers next to ours.
The grid may be unfinished: missing, running and failed runs are marked and listed with the reason.
"""
EXAMPLES = """examples:
  python -m reports work_dirs/quickstart
  python -m reports work_dirs/paper --output paper/results
  python -m reports records.zip     # of run_grid.py --export, anywhere; writes records_report
  python -m reports work_dirs/paper --paper-figures
  python -m reports video work_dirs/quickstart --set static --video bikes_street  # mp4 and GIF
  python -m reports study           # docs/study.md from the records under studies/
  cd work_dirs/quickstart/report/tables && pdflatex results_standalone.tex

in the output folder:
  index.html     everything on one page
  results.xlsx   tables, charts, statistics of videos, PSNR of frames, runs
  tables/        results.tex: all tables as floats, for \\input; results_standalone.tex: the same as
                 a document of its own; results_siunitx.tex: with siunitx columns;
                 NAME.tex, NAME.md, NAME.csv: one of them
  figures/       curves/, overall/, pictures/, videos/ (PNG, PDF); figures.tex: all as floats
  data/          results.csv, videos.csv, evaluations.csv, differences.csv, robustness.csv,
                 runs.csv, paper_comparison.csv
  cards/         a card for each method, as other grids take it (JSON)

Files whose inputs have not changed are kept. Files of methods that the grid no longer has are
removed.

exit code: 0; 1 if some files could not be written (they are named); 2 if there is nothing to report
in WORK_DIR
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Build the report; return the exit code (see ``EXAMPLES``)."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ['video']:
        from reports.video.__main__ import main as make_video

        return make_video(argv[1:])
    if argv[:1] == ['study']:
        from reports.study.__main__ import main as renew_study

        return renew_study(argv[1:])
    parser = argparse.ArgumentParser(
        prog='python -m reports',
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        'work_dir',
        type=Path,
        help='work directory of the grid (has grid.json), or a zip of run_grid.py --export',
    )
    parser.add_argument(
        '--output', type=Path, help='folder to write to (default WORK_DIR/report, ZIP_report)'
    )
    parser.add_argument(
        '--paper-figures',
        action='store_true',
        help='draw only the figures of the PI-BPTT and RISTN papers, in the folder paper_figures '
        'of the report; for figures that cannot be drawn, list what the grid lacks',
    )
    arguments = parser.parse_args(argv)

    # Not at the top: pandas and matplotlib take seconds, and --help must not.
    from harness.cli import user_errors
    from harness.errors import UserError

    try:
        if arguments.paper_figures:
            return _paper_figures(arguments.work_dir, arguments.output)
        report = _build(arguments.work_dir, arguments.output)
    except UserError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    with user_errors():
        _print(report)
    return 1 if report.problems else 0


def _paper_figures(work_dir: Path, output: Path | None) -> int:
    from reports.figures.papers.presets import FOLDER, write_paper_figures
    from reports.figures.saved_images import SavedImages
    from reports.results import load_grid

    grid = load_grid(work_dir)
    folder = (output or work_dir / 'report') / FOLDER
    written = write_paper_figures(grid, SavedImages(work_dir, grid), folder)
    for figure in written.drawn:
        print(f'{figure.what:16} {figure.paths[0]}')
    for what, lack in written.lacking:
        print(f'{what:16} not drawn: the grid lacks {lack}')
    for problem in written.problems:
        print(f'error: {problem}', file=sys.stderr)
    return 1 if written.problems else 0


def _build(source: Path, output: Path | None) -> 'Report':
    from harness.runs.records_zip import unpack_records
    from reports.report import build_report

    if not source.is_file():
        return build_report(source, output)
    with tempfile.TemporaryDirectory(prefix='records-') as folder:
        unpack_records(source, Path(folder))
        return build_report(folder, output or source.with_name(f'{source.stem}_report'))


def _print(report: 'Report') -> None:
    for note in report.notes[len(report.problems) :]:
        print(f'note: {note}')
    for description, path in report.places:
        print(f'{description:38} {path}')
    print(f'\n{report.summary_text}', end='')
    for problem in report.problems:
        print(f'error: {problem}', file=sys.stderr)


if __name__ == '__main__':
    sys.exit(main())
