"""Train and evaluate a grid of networks, strategies and data, and report it.

Runs that are done are not repeated, interrupted ones go on where they were; the grid's state is
only what is on disk. At the end tables (LaTeX, Excel, CSV) and figures are written.
"""

import argparse
import fnmatch
import signal
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])  # the repository, not this folder

from harness.grid.arguments import parse_args, parse_overrides  # noqa: E402
from harness.signals import ENDING  # noqa: E402


def to_start(surveys, work_dir: Path, args: argparse.Namespace) -> list:
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
        trained = (run_folder(work_dir, run) / 'timing.json').is_file()
        if args.eval_only and run.is_trained and not trained:
            continue
        chosen.append(survey)
    return chosen


def report(work_dir: Path) -> None:
    """Writes tables and figures, says where they are and shows the main table."""
    from reports.report import build_report

    result = build_report(work_dir)
    for note in result.notes:
        print(note)
    width = max(len(description) for description, _ in result.outputs)
    for description, path in result.outputs:
        print(f'{description:<{width}}  {path}')
    print(result.summary_text)


def prepare_runs(args: argparse.Namespace, grid, todo: list, work_dir: Path) -> list:
    """Writes the folders of runs, given with their statuses."""
    from harness.grid.start import prepare

    failed = [s.run.run_id for s in todo if s.status.status == 'FAILED']
    return prepare(
        grid,
        [s.run for s in todo],
        work_dir,
        60 * args.hang_minutes,
        args.eval_only,
        failed if args.retry_failed else (),
    )


def export_script(args: argparse.Namespace, grid, todo: list, work_dir: Path) -> None:
    """Prepares runs, given with their statuses, and writes the sbatch script that starts them."""
    from harness.errors import fail
    from harness.grid.start import sbatch_script_of

    if not todo:
        fail('nothing to start; --status says why')
    works = prepare_runs(args, grid, todo, work_dir)
    script = sbatch_script_of(grid, works, work_dir, args.slurm)
    if args.export_script == '-':
        print(script, end='')
    else:
        Path(args.export_script).write_text(script)
        print(f'{len(works)} runs: sbatch {args.export_script}')


def start_runs(args: argparse.Namespace, grid, todo: list, work_dir: Path) -> None:
    """Brings runs to an end, given with their statuses.

    Raises:
        KeyboardInterrupt: on Ctrl-C, SIGTERM, SIGHUP, SIGUSR1 or SIGUSR2.
    """
    from harness.grid.start import make_launcher, start

    hang_after = 60 * args.hang_minutes
    launcher = make_launcher(grid, work_dir, args.launcher, args.jobs, args.slurm)
    works = prepare_runs(args, grid, todo, work_dir)
    before = {number: signal.getsignal(number) for number in ENDING}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # nohup
            signal.signal(number, signal.default_int_handler)
    try:
        start(works, launcher, args.max_retries, hang_after)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def show(args: argparse.Namespace, grid, surveys, work_dir: Path) -> int:
    """What --status, --watch and --explain print."""
    from rich.console import Console

    from harness.grid.explain import explain
    from harness.grid.overview import print_status, watch

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


def plan(args: argparse.Namespace, grid, todo: list, work_dir: Path) -> int:
    """What --plan prints."""
    from rich.console import Console

    from harness.grid.forecast import print_forecast

    # where there is no terminal, lines need not fit one
    console = Console(width=None if sys.stdout.isatty() else 140, soft_wrap=True)
    print_forecast(grid, todo, work_dir, args.jobs or grid.jobs, console)
    return 0


def main(argv=None) -> int:
    args = parse_args(__doc__, argv)
    from harness.cli import user_errors

    with user_errors():
        return run(args)


def run(args: argparse.Namespace) -> int:
    """Plans, starts and reports; the exit code is 1 if any run has failed, 130 after Ctrl-C."""
    from harness.grid.checks import check_start, load_grid
    from harness.grid.expand import expand
    from harness.grid.overview import counts_text, survey

    settings = args.set + ([f'seed={args.seeds}'] if args.seeds else [])
    grid = load_grid(args.grid, parse_overrides(settings), args.nproc)
    runs = expand(grid)
    work_dir = Path(args.work_dir or f'work_dirs/{grid.name}')
    surveys = survey(runs, work_dir, grid.evaluation)
    chosen = [
        s for s in surveys if not args.only or fnmatch.fnmatch(s.run.run_id, f'*{args.only}*')
    ]
    if args.status or args.watch or args.explain:
        return show(args, grid, chosen, work_dir)
    if args.dry_run:
        for s in chosen:
            print(f'{s.status.status:8}{s.run.run_id}')
    if args.export_script != '-':
        print(counts_text(surveys))
    if args.dry_run:
        return 0
    todo = [] if args.report_only else to_start(chosen, work_dir, args)
    if todo:
        here = (args.launcher or grid.launcher) == 'local' and not args.export_script
        starting = [s.run for s in todo]
        check_start(args.grid, grid, starting, work_dir, args.jobs or grid.jobs, here)
    if args.export_script:
        export_script(args, grid, todo, work_dir)
        return 0
    if args.plan:
        return plan(args, grid, [s.run for s in todo], work_dir)
    write_plan(grid, runs, work_dir)
    if todo:
        try:
            start_runs(args, grid, todo, work_dir)
        except KeyboardInterrupt:
            print('\ninterrupted; the same command goes on where it was', file=sys.stderr)
            return 130
    report(work_dir)
    surveys = survey(runs, work_dir, grid.evaluation)
    print(counts_text(surveys))
    return int('FAILED' in {s.status.status for s in surveys})


def write_plan(grid, runs: list, work_dir: Path) -> None:
    """What the reports need to know of the grid, and others' results, scored."""
    from harness.files import write_json
    from harness.grid.expand import grid_record

    work_dir.mkdir(parents=True, exist_ok=True)
    write_json(work_dir / 'grid.json', grid_record(grid, runs))
    if grid.evaluation.external:
        from harness.grid.external import score_external

        score_external(work_dir, grid.evaluation)


if __name__ == '__main__':
    sys.exit(main())
