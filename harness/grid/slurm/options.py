"""What a job asks of the cluster.

``slurm = dict(...)`` of a grid file and ``--slurm KEY=VALUE`` know these keys:

- ``time``: limit of a job as for sbatch, ``'4-00:00:00'``, ``'12:00:00'`` or minutes; needed. A run
  that takes longer is interrupted in time and goes on in the next turn.
- ``partition``, ``account``, ``qos``, ``constraint``, ``exclude``: as for sbatch.
- ``gpus``: of a run, a number or ``'a100:2'``; ``nproc`` by default, 0 for none.
- ``cpus``: of a run, data workers included. ``mem``: of a run, ``'32G'``.
- ``array_parallelism``: how many runs at once, 256 by default.
- ``signal_delay``: seconds before the limit at which a run is told to write its checkpoint, which
  it does after the iteration, and state pass, it is in; 300 by default, or a quarter of ``time``.
- ``setup``: lines for the shell of the job, ``['module load cuda']``.
"""

import re
import shlex
from collections.abc import Iterable
from math import ceil
from pathlib import Path
from typing import NamedTuple

from harness.errors import fail

_REPOSITORY = Path(__file__).resolve().parents[3]
#: key -> option of sbatch
_FLAGS = dict(
    time='time',
    partition='partition',
    account='account',
    qos='qos',
    constraint='constraint',
    exclude='exclude',
    gpus='gpus-per-node',
    cpus='cpus-per-task',
    mem='mem',
)
_NUMBERS = ('cpus', 'array_parallelism', 'signal_delay')
KEYS = (*_FLAGS, 'array_parallelism', 'signal_delay', 'setup')
_TIME = re.compile(r'(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?')


class SlurmOptions(NamedTuple):
    """Checked options.

    Attributes:
        flags: option of sbatch -> value, True for one without.
        minutes: limit of a job.
        array_parallelism: jobs at a time.
        signal_delay: seconds between the signal and the end of a job.
        setup: lines of bash before the worker is started.
    """

    flags: dict
    minutes: int
    array_parallelism: int
    signal_delay: int
    setup: list[str]


def parse_settings(settings: Iterable[str]) -> dict[str, str]:
    """``['time=4:00:00', 'gpus=2']`` -> ``{'time': '4:00:00', 'gpus': '2'}``.

    Raises:
        UserError: one has no value.
    """
    for setting in settings:
        if not all(setting.partition('=')):
            fail(f'--slurm {setting}: must look like KEY=VALUE')
    return dict(setting.split('=', 1) for setting in settings)


def plan_slurm(wanted: dict, nproc: int, name: str) -> SlurmOptions:
    """Checks options and fills in what is missing.

    Args:
        wanted: those of grid file and command line.
        nproc: processes of each training.
        name: of the jobs.

    Raises:
        UserError: lists every problem.
    """
    problems = [f'{key}: unknown; there are {", ".join(KEYS)}' for key in wanted.keys() - {*KEYS}]
    wanted = {'gpus': nproc, **wanted}
    problems += [
        f'{key}: {wanted[key]!r} is not a positive whole number'
        for key in _NUMBERS
        if key in wanted and not re.fullmatch('[1-9][0-9]*', str(wanted[key]))
    ]
    if not re.fullmatch(r'([a-z]\S*:)?\d+', gpus := str(wanted['gpus'])):
        problems.append(f"gpus: {gpus!r} is neither a number nor like 'a100:2'")
    elif 0 < int(gpus.rpartition(':')[2]) < nproc:
        problems.append(f'gpus: {gpus} are fewer than the {nproc} processes of a training (nproc)')
    seconds = _seconds(str(wanted.get('time', '')))
    if not seconds:
        problems.append("time: give the limit of a job, minutes or '1-00:00:00'")
    elif not problems and int(wanted.get('signal_delay', 0)) >= seconds:
        problems.append('signal_delay: must be shorter than time')
    if problems:
        fail('slurm options:\n  ' + '\n  '.join(problems))
    flags = {_FLAGS[key]: value for key, value in wanted.items() if key in _FLAGS}
    if gpus == '0':
        del flags['gpus-per-node']
    return SlurmOptions(
        {'job-name': name, 'requeue': True, 'open-mode': 'append', **flags},
        ceil(seconds / 60),
        int(wanted.get('array_parallelism', 256)),
        int(wanted.get('signal_delay', min(300, seconds // 4))),
        _setup(wanted.get('setup', []), nproc),
    )


def _setup(lines, nproc: int) -> list[str]:
    return [
        *([lines] if isinstance(lines, str) else lines),
        f'export PYTHONPATH={shlex.quote(str(_REPOSITORY))}${{PYTHONPATH:+:$PYTHONPATH}}',
        # srun has not looked at sbatch's --cpus-per-task since Slurm 22.05
        'export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-$SLURM_CPUS_ON_NODE}',
        f'export OMP_NUM_THREADS=$(((SLURM_CPUS_ON_NODE + {nproc} - 1) / {nproc}))',
    ]


def _seconds(time: str) -> int:
    """Of ``minutes[:seconds]``, ``hours:minutes:seconds``, ``days-hours[:minutes[:seconds]]``."""
    found = _TIME.fullmatch(time)
    if not found:
        return 0
    days, *rest = found.groups()
    parts = [int(part) for part in rest if part]
    if days:
        hours, minutes, seconds = (*parts, 0, 0)[:3]
    elif len(parts) == 3:
        hours, minutes, seconds = parts
    else:
        hours, (minutes, seconds) = 0, (*parts, 0)[:2]
    return int(days or 0) * 86_400 + hours * 3600 + minutes * 60 + seconds
