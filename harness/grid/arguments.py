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

#: what the command line calls some axes of a grid
_SINGULAR = {
    'network': 'networks',
    'strategy': 'strategies',
    'train_set': 'train_sets',
    'seed': 'seeds',
}


def _axes() -> dict[str, str]:
    """What the command line calls the axes of a grid."""
    plural = {axis: name for name, axis in _SINGULAR.items()}
    return {plural.get(axis, axis): axis for axis in axis_names()}


def parse_args(description: str, argv: list[str] | None = None) -> argparse.Namespace:
    """The command line of run_grid.py, checked."""
    parser = argparse.ArgumentParser(
        description=description,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('grid', help='grid file, for instance mm_configs/grids/quickstart.py')
    parser.add_argument('--work-dir', help='for runs and report; work_dirs/<grid> by default')
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
        '--launcher', help="local, slurm or one of the grid's plugins; the grid file's by default"
    )
    how.add_argument(
        '--launcher-options',
        nargs='+',
        action='extend',
        default=[],
        metavar='KEY=VALUE',
        help='what the launcher is told, beside the entry of its name in the grid file',
    )
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
        help='the same for --launcher slurm: time, partition, account, qos, constraint, exclude, '
        'gpus, cpus, mem, array_parallelism, signal_delay, setup',
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        '--export-script',
        metavar='FILE',
        help='start nothing, write an sbatch script of all that is to do (- prints it)',
    )
    for option, text in (
        ('--dry-run', 'list the runs and their status'),
        ('--status', 'show where all runs stand: progress, process, last heartbeat, reasons'),
        ('--watch', 'the same, live, until nothing runs any more'),
        ('--plan', 'measure a little and estimate time, memory and disk of what is left to do'),
        ('--report-only', 'start nothing, only report'),
    ):
        instead.add_argument(option, action='store_true', help=text)
    instead.add_argument(
        '--export',
        metavar='ZIP',
        help='start nothing, write what reports need into a zip, without weights and pictures',
    )
    instead.add_argument('--explain', metavar='RUN', help='say what a run is, and what it lacks')
    args = parser.parse_args(argv)
    for option, value in (('--jobs', args.jobs), ('--nproc', args.nproc)):
        if value is not None and value < 1:
            parser.error(f'{option} must be at least 1')
    if args.max_retries < 0:
        parser.error('--max-retries must not be negative')
    if not 0 < args.hang_minutes < math.inf:
        parser.error('--hang-minutes must be a positive number')
    if args.explain == '' or args.only == '':
        parser.error('--explain and --only need a part of the id of a run')
    return args


def parse_overrides(settings: list[str]) -> dict[str, list]:
    """``['R=2,8', 'fc=true']`` -> ``{'R': [2, 8], 'fc': [True]}``."""
    from harness.errors import fail

    overrides, names = {}, _axes()
    for setting in settings:
        axis, _, values = setting.partition('=')
        if axis not in names or not values:
            fail(f'--set {setting}: must be AXIS=V1,V2 with an axis of {", ".join(names)}')
        numbers = (int,) if names[axis] in AXES else (int, float)
        overrides[names[axis]] = [_value(text, numbers) for text in values.split(',')]
    return overrides


def _value(text: str, numbers: tuple) -> Any:
    """A value of the command line: a word, a number of the given types, or text."""
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
        settings: of the command line.
        option: by which they were given, for the message.

    Raises:
        UserError: one has no value.
    """
    from harness.errors import fail

    for setting in settings:
        if not all(setting.partition('=')):
            fail(f'{option} {setting}: must look like KEY=VALUE')
    return dict(setting.split('=', 1) for setting in settings)
