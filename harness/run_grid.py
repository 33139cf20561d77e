"""Train and evaluate a grid of networks, strategies and data, and write the report.

Finished runs are not repeated, and interrupted ones resume; the grid's state is only on disk. At
the end, tables (LaTeX, Excel, CSV) and figures are written.
"""

import argparse
import fnmatch
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == '__main__':
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # the repository, not this folder

from harness.exits import ENDING
from harness.grid.arguments import parse_args, parse_options, parse_overrides

if TYPE_CHECKING:
    from harness.grid.expand import Run
    from harness.grid.grid_file import Grid
    from harness.grid.launchers import Setting
    from harness.grid.scheduler import Work
    from harness.grid.views import Survey


def main(argv: list[str] | None = None) -> int:
    args = parse_args(__doc__ or '', argv)
    from harness.cli import user_errors

    with user_errors():
        return run(args)


def run(args: argparse.Namespace) -> int:
    """Does what the command line asks for: lists, starts or reports the runs.

    Returns:
        The exit code: 0 if all requested runs are done; 1 if some are not, or the report is
        incomplete; 130 after Ctrl-C.
    """
    from harness.errors import fail
    from harness.grid.expand import write_record
    from harness.grid.validation import load_grid
    from harness.grid.views import counts_text, survey

    settings = args.set + ([f'seed={args.seeds}'] if args.seeds else [])
    grid = load_grid(args.grid, parse_overrides(settings), args.nproc)
    work_dir = Path(args.work_dir or f'work_dirs/{grid.name}')
    if work_dir.exists() and not work_dir.is_dir():
        fail(f'--work-dir {work_dir}: is not a folder')
    runs = known_runs(args, grid, work_dir)
    surveys = survey(runs, work_dir, grid.evaluation)
    chosen = [s for s in surveys if _matches(s.run.run_id, args.only)]
    if not chosen:
        fail(f'--only {args.only}: no run of the grid matches; --status lists them')
    if args.status or args.watch or args.explain:
        return show(args, grid, chosen, work_dir)
    if args.dry_run:
        for s in chosen:
            print(f'{s.status.status:8}{s.run.run_id}')
    if args.export_script != '-':
        print(counts_text(surveys))
    if args.dry_run:
        return 0
    if args.export:
        return export(args, grid, runs, work_dir)
    todo = [] if args.report_only else to_start(chosen, work_dir, args)
    if todo:
        check(args, grid, [s.run for s in todo], work_dir)
    if args.export_script:
        export_script(args, grid, todo, work_dir)
        return 0
    if args.plan:
        return forecast(args, grid, [s.run for s in todo], work_dir)
    write_record(grid, runs, work_dir)
    if grid.evaluation.external:
        from harness.grid.external import score_external

        score_external(work_dir, grid.evaluation)
    if todo:
        try:
            start_runs(args, grid, todo, work_dir)
        except KeyboardInterrupt:
            print('\ninterrupted; the same command resumes', file=sys.stderr)
            return 130
    whole = report(work_dir)
    surveys = survey(runs, work_dir, grid.evaluation)
    print(counts_text(surveys))
    left = [s for s in surveys if _matches(s.run.run_id, args.only) and s.status.status != 'DONE']
    if args.report_only:
        left = [s for s in left if s.status.status == 'FAILED']
    if left:
        print(f'{len(left)} of the runs are not done; --status shows why', file=sys.stderr)
    return int(bool(left) or not whole)


def known_runs(args: argparse.Namespace, grid: 'Grid', work_dir: Path) -> 'list[Run]':
    """The runs of the grid.

    Training times that ``budget='time'`` needs are measured if runs will start; otherwise the runs
    that depend on them are omitted, with a message.

    Raises:
        UserError: Times cannot be measured here.
    """
    from harness.errors import fail
    from harness.grid.expand import expansion
    from harness.grid.forecast.times import read_times, settle_times
    from harness.grid.launchers import launcher_class

    found = expansion(grid, read_times(work_dir))
    looks = args.status or args.watch or args.explain or args.dry_run or args.report_only
    if found.untimed and not looks:
        local = launcher_class(args.launcher or grid.launcher).is_local and not args.export_script
        if not local and not args.plan:
            fail(
                "budget='time': training times must be measured where the runs will run: first "
                'start the same command with --plan on such a machine'
            )
        check(args, grid, found.untimed, work_dir)
        times = settle_times(grid, found.untimed, work_dir, args.jobs or grid.jobs)
        found = expansion(grid, times)
    if found.waiting:
        print(
            f"{found.waiting} runs with budget='time' are not known yet; --plan measures their "
            'times',
            file=sys.stderr,
        )
    return found.runs


def _matches(run_id: str, pattern: str | None) -> bool:
    return not pattern or fnmatch.fnmatch(run_id, f'*{pattern}*')


def to_start(
    surveys: 'Sequence[Survey]', work_dir: Path, args: argparse.Namespace
) -> 'list[Survey]':
    """Those of the chosen runs, with their statuses, that are not done and may be started."""
    from harness.grid.expand import run_folder

    chosen = []
    for survey in surveys:
        run, status = survey
        if status.status == 'DONE':
            continue
        given_up = status.failures > args.max_retries and not args.retry_failed
        if status.status == 'FAILED' and given_up:
            continue
        if args.eval_only and run.is_trained and not run_folder(work_dir, run).is_trained:
            continue
        chosen.append(survey)
    return chosen


def check(args: argparse.Namespace, grid: 'Grid', runs: 'Sequence[Run]', work_dir: Path) -> None:
    """Checks that all runs can work, before any of them starts.

    Raises:
        UserError: Lists all problems.
    """
    from harness.grid.launchers import launcher_class
    from harness.grid.validation import check_start

    here = launcher_class(args.launcher or grid.launcher).is_local and not args.export_script
    check_start(args.grid, grid, runs, work_dir, args.jobs or grid.jobs, here)


def prepare_runs(
    args: argparse.Namespace, grid: 'Grid', todo: 'Sequence[Survey]', work_dir: Path
) -> 'list[Work]':
    """Writes the folders of runs, given with their statuses."""
    from harness.grid.scheduler import prepare

    failed = [s.run.run_id for s in todo if s.status.status == 'FAILED']
    return prepare(
        grid,
        [s.run for s in todo],
        work_dir,
        60 * args.hang_minutes,
        args.eval_only,
        failed if args.retry_failed else (),
    )


def launcher_setting(
    args: argparse.Namespace, grid: 'Grid', name: str, work_dir: Path
) -> 'Setting':
    """The setting for the launcher of that name; options of the command line take precedence.

    Raises:
        UserError: There are options for another launcher.
    """
    from harness.errors import fail
    from harness.grid.launchers import Setting

    if args.slurm and name != 'slurm':
        fail('--slurm KEY=VALUE needs --launcher slurm')
    options = {
        **grid.launcher_options.get(name, {}),
        **parse_options(args.slurm, '--slurm'),
        **parse_options(args.launcher_options, '--launcher-options'),
    }
    return Setting(work_dir, grid.name, args.jobs or grid.jobs, grid.nproc, options)


def export_script(
    args: argparse.Namespace, grid: 'Grid', todo: 'Sequence[Survey]', work_dir: Path
) -> None:
    """Prepares runs, given with their statuses, and writes the sbatch script that starts them."""
    from harness.errors import fail
    from harness.grid.launchers.slurm.script import sbatch_script

    if not todo:
        fail('nothing to start; --status shows why')
    works = prepare_runs(args, grid, todo, work_dir)
    setting = launcher_setting(args, grid, 'slurm', work_dir)
    script = sbatch_script([work.folder for work in works], setting)
    if args.export_script == '-':
        print(script, end='')
    else:
        Path(args.export_script).write_text(script)
        print(f'{len(works)} runs: sbatch {args.export_script}')


def start_runs(
    args: argparse.Namespace, grid: 'Grid', todo: 'Sequence[Survey]', work_dir: Path
) -> None:
    """Starts runs, given with their statuses, and waits until they are finished.

    Raises:
        KeyboardInterrupt: On Ctrl-C, SIGTERM, SIGHUP, SIGUSR1 or SIGUSR2.
    """
    from rich.console import Console

    from harness.grid.launchers import launcher_class
    from harness.grid.scheduler import Scheduler

    name = args.launcher or grid.launcher
    launcher = launcher_class(name)(launcher_setting(args, grid, name, work_dir))
    works = prepare_runs(args, grid, todo, work_dir)
    before = {number: signal.getsignal(number) for number in ENDING}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # nohup
            signal.signal(number, signal.default_int_handler)
    try:
        console = Console(soft_wrap=True)
        Scheduler(launcher, console, args.max_retries, 60 * args.hang_minutes).work_through(works)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def export(args: argparse.Namespace, grid: 'Grid', runs: 'list[Run]', work_dir: Path) -> int:
    """Writes the zip of --export; returns the exit code."""
    from harness.grid.expand import write_record
    from harness.runs.records_zip import export_records

    write_record(grid, runs, work_dir)
    path = Path(args.export)
    count = export_records(work_dir, path)
    print(f'{path}: {count} files, {path.stat().st_size:,} bytes; report: python -m reports {path}')
    return 0


def show(
    args: argparse.Namespace, grid: 'Grid', surveys: 'Sequence[Survey]', work_dir: Path
) -> int:
    """Prints the output of --status, --watch or --explain; returns the exit code."""
    from rich.console import Console

    from harness.grid.views import explain, print_status, watch

    if args.explain:
        print(explain(args.explain, surveys, work_dir))
    elif args.status:
        print_status(surveys, Console())
    else:
        try:
            watch([s.run for s in surveys], work_dir, grid.evaluation, Console())
        except KeyboardInterrupt:
            return 130
    return 0


def forecast(args: argparse.Namespace, grid: 'Grid', todo: 'Sequence[Run]', work_dir: Path) -> int:
    """Prints the output of --plan; returns the exit code."""
    from rich.console import Console

    from harness.grid.forecast.forecast import print_forecast

    # without a terminal, lines need not fit its width
    console = Console(width=None if sys.stdout.isatty() else 200, soft_wrap=True)
    print_forecast(grid, todo, work_dir, args.jobs or grid.jobs, console)
    return 0


def report(work_dir: Path) -> bool:
    """Writes tables and figures, and prints their places and the main table.

    Returns:
        Whether the report is complete.
    """
    from reports.report import build_report

    result = build_report(work_dir)
    for note in result.notes:
        print(note)
    for description, path in result.places:
        print(f'{description:38} {path}')
    print(result.summary_text)
    return not result.problems


if __name__ == '__main__':
    sys.exit(main())
