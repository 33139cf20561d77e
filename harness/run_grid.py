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

EXAMPLES = """examples:
  python harness/run_grid.py mm_configs/grids/quickstart.py
  python harness/run_grid.py mm_configs/grids/quickstart.py --dry-run
  python harness/run_grid.py mm_configs/grids/quickstart.py --set R=2,8 --seeds 0,1,2
  python harness/run_grid.py mm_configs/grids/quickstart.py --only 'frvsr*-PI-*' --jobs 1
  python harness/run_grid.py mm_configs/grids/quickstart.py --status   # or --watch, from anywhere
  python harness/run_grid.py mm_configs/grids/quickstart.py --explain frvsr_rr-PI-R8-sample-s0
  python harness/run_grid.py mm_configs/grids/quickstart.py --eval-only --set reset_every=none,15
  python harness/run_grid.py mm_configs/grids/paper.py --jobs 2 --nproc 4  # 8 GPUs
  python harness/run_grid.py mm_configs/grids/paper.py --launcher slurm \\
      --slurm time=1-00:00:00 partition=gpu cpus=8 mem=64G  # of each run; Ctrl-C leaves them queued
  python harness/run_grid.py mm_configs/grids/quickstart.py --report-only
"""

#: what the command line calls the axes of a grid
AXIS_NAMES = {
    'network': 'networks',
    'strategy': 'strategies',
    'R': 'R',
    'fc': 'fc',
    'train_set': 'train_sets',
    'seed': 'seeds',
    'reset_every': 'reset_every',
}


def parse_args(argv=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('grid', help='grid file, for instance mm_configs/grids/quickstart.py')
    parser.add_argument('--work-dir', help='for runs and report; work_dirs/<grid> by default')
    choice = parser.add_argument_group('which runs')
    choice.add_argument(
        '--set',
        action='append',
        default=[],
        metavar='AXIS=V1,V2',
        help=f'other values of an axis in every sweep: {", ".join(AXIS_NAMES)}',
    )
    choice.add_argument('--seeds', metavar='S1,S2', help='the same as --set seed=S1,S2')
    choice.add_argument('--only', metavar='PATTERN', help='only runs whose id matches')
    choice.add_argument('--retry-failed', action='store_true', help='start failed runs again')
    choice.add_argument(
        '--eval-only', action='store_true', help='start only missing evaluations, train nothing'
    )
    how = parser.add_argument_group('how they are run')
    how.add_argument('--launcher', choices=('local', 'slurm'), help="the grid file's by default")
    how.add_argument('--jobs', type=int, help="local worker processes; the grid file's by default")
    how.add_argument(
        '--nproc', type=int, help='processes (GPUs) of each training, started by torchrun'
    )
    how.add_argument(
        '--max-retries',
        type=int,
        default=0,
        metavar='N',
        help='start a run that fails again, up to N times',
    )
    how.add_argument(
        '--hang-minutes',
        type=float,
        default=60.0,
        metavar='M',
        help='end a run without any progress for M minutes as FAILED (default: %(default)g)',
    )
    how.add_argument(
        '--slurm',
        nargs='+',
        action='extend',
        default=[],
        metavar='KEY=VALUE',
        help='what a job asks for, beside the grid file: time, partition, account, qos, '
        'constraint, exclude, gpus, cpus, mem, array_parallelism, signal_delay, setup',
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        '--export-script',
        metavar='FILE',
        help='start nothing, write an sbatch script of all that is to do (- prints it)',
    )
    for option, text in (
        ('--dry-run', 'list the runs and their status'),
        ('--status', 'show where all runs stand: progress, process, last sign of life, reasons'),
        ('--watch', 'the same, live, until nothing runs any more'),
        ('--report-only', 'start nothing, only report'),
    ):
        instead.add_argument(option, action='store_true', help=text)
    instead.add_argument('--explain', metavar='RUN', help='say what a run is, and what it lacks')
    args = parser.parse_args(argv)
    for option, value in (('--jobs', args.jobs), ('--nproc', args.nproc)):
        if value is not None and value < 1:
            parser.error(f'{option} must be at least 1')
    if args.max_retries < 0:
        parser.error('--max-retries must not be negative')
    if args.hang_minutes <= 0:
        parser.error('--hang-minutes must be positive')
    return args


def parse_overrides(settings: list[str]) -> dict[str, list]:
    """``['R=2,8', 'fc=true']`` -> ``{'R': [2, 8], 'fc': [True]}``."""
    from harness.cli import fail

    words = {'true': True, 'false': False, 'none': None}
    overrides = {}
    for setting in settings:
        axis, _, values = setting.partition('=')
        if axis not in AXIS_NAMES or not values:
            fail(f'--set {setting}: must be AXIS=V1,V2 with an axis of {", ".join(AXIS_NAMES)}')
        overrides[AXIS_NAMES[axis]] = [
            words.get(v.lower(), int(v) if v.lstrip('-').isdigit() else v)
            for v in values.split(',')
        ]
    return overrides


def to_start(surveys, work_dir: Path, args: argparse.Namespace) -> list:
    """Those of the chosen runs that are not done and may be started."""
    from harness.grid.expand import run_folder

    chosen = []
    for run, status in surveys:
        if status.status == 'DONE':
            continue
        given_up = status.failures > args.max_retries and not args.retry_failed
        if status.status == 'FAILED' and given_up:
            continue
        trained = (run_folder(work_dir, run) / 'timing.json').is_file()
        if args.eval_only and run.is_trained and not trained:
            continue
        chosen.append(run)
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


def export_script(args: argparse.Namespace, grid, runs: list, work_dir: Path) -> None:
    """Prepares ``runs`` and writes the sbatch script that starts them."""
    from harness.cli import fail
    from harness.grid.start import prepare, sbatch_script_of

    if not runs:
        fail('nothing to start; --status says why')
    works = prepare(grid, runs, work_dir, 60 * args.hang_minutes, args.eval_only)
    script = sbatch_script_of(grid, works, work_dir, args.slurm)
    if args.export_script == '-':
        print(script, end='')
    else:
        Path(args.export_script).write_text(script)
        print(f'{len(works)} runs: sbatch {args.export_script}')


def start_runs(args: argparse.Namespace, grid, runs: list, work_dir: Path) -> None:
    """Brings ``runs`` to an end.

    Raises:
        KeyboardInterrupt: on Ctrl-C or SIGTERM.
    """
    from harness.grid.start import make_launcher, prepare, start

    hang_after = 60 * args.hang_minutes
    launcher = make_launcher(grid, work_dir, args.launcher, args.jobs, args.slurm)
    works = prepare(grid, runs, work_dir, hang_after, args.eval_only)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        start(works, launcher, args.max_retries, hang_after)
    finally:
        signal.signal(signal.SIGTERM, before)


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


def main(argv=None) -> int:
    args = parse_args(argv)
    from harness.cli import user_errors

    with user_errors():
        return run(args)


def run(args: argparse.Namespace) -> int:
    """Plans, starts and reports; the exit code is 1 if any run has failed, 130 after Ctrl-C."""
    from harness.grid.expand import expand
    from harness.grid.grid_file import load_grid
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
    write_plan(grid, runs, work_dir)
    todo = [] if args.report_only else to_start(chosen, work_dir, args)
    if args.export_script:
        export_script(args, grid, todo, work_dir)
        return 0
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
