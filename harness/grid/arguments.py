"""The command line of run_grid.py."""

import argparse
import math
from contextlib import suppress
from typing import Any

from harness.grid.sweeps import AXES, axis_names

EXAMPLES = """examples:
  python harness/run_grid.py mm_configs/grids/quickstart.py
  python harness/run_grid.py mm_configs/grids/quickstart.py --dry-run
  python harness/run_grid.py mm_configs/grids/quickstart.py --set R=2,8 --seeds 0,1,2
  python harness/run_grid.py mm_configs/grids/quickstart.py --only 'frvsr*-PI-*' --jobs 1
  python harness/run_grid.py mm_configs/grids/quickstart.py --status   # or --watch, from anywhere
  python harness/run_grid.py mm_configs/grids/quickstart.py --explain frvsr_rr-PI-R8-sample-s0
  python harness/run_grid.py mm_configs/grids/quickstart.py --eval-only --set reset_every=none,15
  python harness/run_grid.py mm_configs/grids/paper.py --plan --jobs 8
  python harness/run_grid.py mm_configs/grids/paper.py --jobs 2 --nproc 4  # 8 GPUs
  python harness/run_grid.py mm_configs/grids/paper.py --launcher slurm \\
      --slurm time=1-00:00:00 partition=gpu cpus=8 mem=64G  # of each run; Ctrl-C leaves them queued
  python harness/run_grid.py mm_configs/grids/quickstart.py --report-only
  python harness/run_grid.py mm_configs/grids/quickstart.py --export records.zip  # to publish
"""

#: axes of a grid that have another name on the command line
_SINGULAR = {
    'network': 'networks',
    'strategy': 'strategies',
    'train_set': 'train_sets',
    'seed': 'seeds',
}


def _axes() -> dict[str, str]:
    """Name on the command line -> axis of a grid."""
    plural = {axis: name for name, axis in _SINGULAR.items()}
    return {plural.get(axis, axis): axis for axis in axis_names()}


def parse_args(description: str, argv: list[str] | None = None) -> argparse.Namespace:
    """Parses and checks the command line of run_grid.py."""
    parser = argparse.ArgumentParser(
        description=description,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('grid', help='grid file, for instance mm_configs/grids/quickstart.py')
    parser.add_argument('--work-dir', help='folder for runs and report (default: work_dirs/<grid>)')
    choice = parser.add_argument_group('which runs')
    choice.add_argument(
        '--set',
        action='append',
        default=[],
        metavar='AXIS=V1,V2',
        help=f'other values of an axis in every sweep: {", ".join(_axes())}',
    )
    choice.add_argument('--seeds', metavar='S1,S2', help='the same as --set seed=S1,S2')
    choice.add_argument('--only', metavar='PATTERN', help='only runs whose id matches')
    choice.add_argument('--retry-failed', action='store_true', help='start failed runs again')
    choice.add_argument(
        '--eval-only', action='store_true', help='start only missing evaluations, train nothing'
    )
    how = parser.add_argument_group('how they are run')
    how.add_argument(
        '--launcher',
        help="local, slurm, ray or one of the grid's plugins (default: as in the grid file)",
    )
    how.add_argument(
        '--launcher-options',
        nargs='+',
        action='extend',
        default=[],
        metavar='KEY=VALUE',
        help="options of the launcher, added to the grid file's entry of its name",
    )
    how.add_argument(
        '--jobs', type=int, help='local worker processes (default: as in the grid file)'
    )
    how.add_argument('--nproc', type=int, help='processes (GPUs) per training, started by torchrun')
    how.add_argument(
        '--max-retries',
        type=int,
        default=0,
        metavar='N',
        help='restart a run that fails up to N times',
    )
    how.add_argument(
        '--hang-minutes',
        type=float,
        default=60.0,
        metavar='M',
        help='end a run as FAILED after M minutes without progress (default: %(default)g)',
    )
    how.add_argument(
        '--slurm',
        nargs='+',
        action='extend',
        default=[],
        metavar='KEY=VALUE',
        help='the same for --launcher slurm: time, partition, account, qos, constraint, exclude, '
        'gpus, cpus, mem, array_parallelism, signal_delay, setup',
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        '--export-script',
        metavar='FILE',
        help='start nothing; write an sbatch script of all remaining work (- prints it)',
    )
    for option, text in (
        ('--dry-run', 'list the runs and their status'),
        ('--status', 'show the status of all runs: progress, process, last heartbeat, reasons'),
        ('--watch', 'the same, live, until nothing runs any more'),
        ('--plan', 'estimate time, memory and disk of the remaining work from short measurements'),
        ('--report-only', 'start nothing; only write the report'),
    ):
        instead.add_argument(option, action='store_true', help=text)
    instead.add_argument(
        '--export',
        metavar='ZIP',
        help='start nothing; write what reports need into a zip, without weights and images',
    )
    instead.add_argument(
        '--explain', metavar='RUN', help='explain what a run is and what it still lacks'
    )
    args = parser.parse_args(argv)
    for option, value in (('--jobs', args.jobs), ('--nproc', args.nproc)):
        if value is not None and value < 1:
            parser.error(f'{option} must be at least 1')
    if args.max_retries < 0:
        parser.error('--max-retries must not be negative')
    if not 0 < args.hang_minutes < math.inf:
        parser.error('--hang-minutes must be a positive number')
    if args.explain == '' or args.only == '':
        parser.error('--explain and --only need a part of a run id')
    return args


def parse_overrides(settings: list[str]) -> dict[str, list]:
    """``['R=2,8', 'fc=true']`` -> ``{'R': [2, 8], 'fc': [True]}``."""
    from harness.errors import fail

    names = _axes()
    overrides: dict[str, list] = {}
    for setting in settings:
        axis, _, values = setting.partition('=')
        if axis not in names or not values:
            fail(f'--set {setting}: must be AXIS=V1,V2 with an axis of {", ".join(names)}')
        numbers: tuple[type, ...] = (int,) if names[axis] in AXES else (int, float)
        overrides[names[axis]] = [_value(text, numbers) for text in values.split(',')]
    return overrides


def _value(text: str, numbers: tuple[type, ...]) -> Any:
    """Parses a value as true, false, none, a number of the given types, or text."""
    words = {'true': True, 'false': False, 'none': None}
    if text.lower() in words:
        return words[text.lower()]
    for number in numbers:
        with suppress(ValueError):
            return number(text)
    return text


def parse_options(settings: list[str], option: str) -> dict[str, str]:
    """``['time=4:00:00', 'gpus=2']`` -> ``{'time': '4:00:00', 'gpus': '2'}``.

    Args:
        settings: Values from the command line.
        option: The option that had these values, for the message.

    Raises:
        UserError: A setting has no value.
    """
    from harness.errors import fail

    for setting in settings:
        if not all(setting.partition('=')):
            fail(f'{option} {setting}: must look like KEY=VALUE')
    return dict(setting.split('=', 1) for setting in settings)
