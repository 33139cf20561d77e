"""Train and evaluate a grid of networks, strategies and data, and report it.

Runs that are done are not repeated, interrupted ones go on where they were; the grid's state is
only what is on disk. At the end tables (LaTeX, Excel, CSV) and figures are written.
"""

import argparse
import fnmatch
import sys
from collections import Counter
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])  # the repository, not this folder

EXAMPLES = """examples:
  python harness/run_grid.py mm_configs/grids/quickstart.py
  python harness/run_grid.py mm_configs/grids/quickstart.py --dry-run
  python harness/run_grid.py mm_configs/grids/quickstart.py --set R=2,8 --seeds 0,1,2
  python harness/run_grid.py mm_configs/grids/quickstart.py --only 'frvsr*-PI-*' --jobs 1
  python harness/run_grid.py mm_configs/grids/paper.py --jobs 2 --nproc 4  # 8 GPUs
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
}


def parse_args(argv=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('grid', help='grid file, for instance mm_configs/grids/quickstart.py')
    parser.add_argument('--work-dir', help='for runs and report; work_dirs/<grid> by default')
    parser.add_argument(
        '--set',
        action='append',
        default=[],
        metavar='AXIS=V1,V2',
        help='other values of an axis in every sweep: network, strategy, R, fc, train_set, seed',
    )
    parser.add_argument('--seeds', metavar='S1,S2', help='the same as --set seed=S1,S2')
    parser.add_argument('--only', metavar='PATTERN', help='start only runs whose id matches')
    parser.add_argument('--jobs', type=int, help="worker processes; the grid file's by default")
    parser.add_argument(
        '--nproc', type=int, help='processes (GPUs) of each training, started by torchrun'
    )
    parser.add_argument('--retry-failed', action='store_true', help='start failed runs again')
    parser.add_argument('--dry-run', action='store_true', help='list the runs and their status')
    parser.add_argument('--report-only', action='store_true', help='start nothing, only report')
    args = parser.parse_args(argv)
    for option, value in (('--jobs', args.jobs), ('--nproc', args.nproc)):
        if value is not None and value < 1:
            parser.error(f'{option} must be at least 1')
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


def run_statuses(runs, work_dir, grid) -> dict[str, str]:
    """run id -> status."""
    from harness.grid.expand import run_folder
    from harness.grid.ledger import read_status

    checksums = {name: test_set.checksum for name, test_set in grid.test_sets.items()}
    return {run.run_id: read_status(run_folder(work_dir, run), checksums) for run in runs}


def print_counts(statuses: dict[str, str]) -> None:
    from harness.grid.ledger import STATUSES

    counts = Counter(statuses.values())
    print(f'{len(statuses)} runs: ' + ', '.join(f'{counts[s]} {s}' for s in STATUSES))


def start_runs(grid, runs, work_dir: Path, jobs: int) -> None:
    """Works through ``runs``, each with its folder, ``run.json`` and processes."""
    from rich.console import Console

    from harness.evaluation.references import write_references
    from harness.files import write_json
    from harness.grid.expand import run_folder
    from harness.grid.launch import launch_locally
    from harness.grid.versions import versions

    about = versions()
    for run in runs:
        folder = run_folder(work_dir, run)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / 'run.json', dict(run.record(), versions=about))
        (folder / 'config.py').write_text(run.cfg.pretty_text)
    for name, test_set in grid.test_sets.items():
        write_references(work_dir / 'references' / name, test_set, grid.evaluation.images[name])
    launch_locally(runs, work_dir, grid.evaluation, jobs, Console(soft_wrap=True))


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


def main(argv=None) -> int:
    args = parse_args(argv)
    from harness.cli import user_errors

    with user_errors():
        return run(args)


def run(args: argparse.Namespace) -> int:
    """Plans, starts and reports; the exit code is 1 if any run has failed, 130 after Ctrl-C."""
    from harness.files import write_json
    from harness.grid.checks import load_grid
    from harness.grid.expand import expand, grid_record

    settings = args.set + ([f'seed={args.seeds}'] if args.seeds else [])
    grid = load_grid(args.grid, parse_overrides(settings), args.nproc)
    runs = expand(grid)
    work_dir = Path(args.work_dir or f'work_dirs/{grid.name}')
    statuses = run_statuses(runs, work_dir, grid)
    chosen = [r for r in runs if not args.only or fnmatch.fnmatch(r.run_id, f'*{args.only}*')]
    if args.dry_run:
        for r in chosen:
            print(f'{statuses[r.run_id]:8}{r.run_id}')
        print_counts(statuses)
        return 0
    print_counts(statuses)
    work_dir.mkdir(parents=True, exist_ok=True)
    write_json(work_dir / 'grid.json', grid_record(grid, runs))
    if grid.evaluation.external:
        from harness.grid.external import score_external

        score_external(work_dir, grid.evaluation)
    to_start = {'TODO'} | ({'FAILED'} if args.retry_failed else set())
    todo = [r for r in chosen if statuses[r.run_id] in to_start]
    if todo and not args.report_only:
        try:
            start_runs(grid, todo, work_dir, args.jobs or grid.jobs)
        except KeyboardInterrupt:
            print('\ninterrupted; the same command goes on where it was', file=sys.stderr)
            return 130
    report(work_dir)
    statuses = run_statuses(runs, work_dir, grid)
    print_counts(statuses)
    return int('FAILED' in statuses.values())


if __name__ == '__main__':
    sys.exit(main())
