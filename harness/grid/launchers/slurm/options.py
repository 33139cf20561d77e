"""What a job asks of the cluster.

``slurm = dict(...)`` of a grid file and ``--slurm KEY=VALUE`` have these keys of their own:

- ``time``: limit of a job as for sbatch, ``'4-00:00:00'``, ``'12:00:00'`` or minutes; needed. A run
  that takes longer is interrupted in time and goes on in the next turn.
- ``gpus``: of a run, a number or ``'a100:2'``; ``nproc`` by default, 0 for none.
- ``cpus``: of a run, data workers included.
- ``array_parallelism``: how many runs at once, 256 by default.
- ``signal_delay``: seconds before the limit at which a run is told to write its checkpoint, which
  it does after the iteration, and state pass, it is in; 300 by default, or a quarter of ``time``.
- ``setup``: lines for the shell of the job, ``['module load cuda']``.

Every other key is an option of sbatch, passed on as it is: ``partition``, ``mem='32G'``,
``gres='gpu:a100:2'`` (instead of ``gpus``), ``mail_type`` or ``mail-type``; True, on the command
line ``true``, is for options without a value.
"""

import re
import shlex
from math import ceil
from typing import Any, NamedTuple

from harness.errors import fail
from harness.grid.launchers import REPOSITORY, Setting
from harness.runs.claims import JOB_VARIABLE, RESTARTED_VARIABLE, WORKER_VARIABLE

#: key -> option of sbatch, where that has another name
_FLAGS = dict(gpus='gpus-per-node', cpus='cpus-per-task')
_NUMBERS = ('cpus', 'array_parallelism', 'signal_delay')
#: keys that are no options of sbatch
_OWN = ('array_parallelism', 'signal_delay', 'setup')
_ONE_TASK = 'a run is one task on one node; its processes are nproc'
_SET_ALREADY = 'is set for every job already'
_NO_ANSWER = 'keeps sbatch from telling the number of the job'
#: option of sbatch -> why it is no key
_REFUSED = dict(
    gpus_per_node='the key is gpus',
    cpus_per_task='the key is cpus',
    signal='the key is signal_delay',
    **dict.fromkeys(('nodes', 'ntasks', 'ntasks_per_node'), _ONE_TASK),
    **dict.fromkeys(('array', 'chdir', 'error', 'open_mode', 'output'), _SET_ALREADY),
    **dict.fromkeys(('requeue', 'no_requeue', 'wrap'), _SET_ALREADY),
    **dict.fromkeys(('help', 'parsable', 'quiet', 'test_only', 'usage', 'wait'), _NO_ANSWER),
)
_NAME = re.compile('[a-z][a-z0-9]+([-_][a-z0-9]+)*')
_TIME = re.compile(r'(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?')
_GPUS = re.compile(r'(?:\S+:)?(\d+)')
#: each item like gpu, gpu:2, gpu:a100, gpu:1g.5gb:2 or gpu:2(S:0)
_GRES_GPUS = re.compile(r'(?:^|,)gpu(?::\d*[^\d:,(][^:,(]*)?(?::(\d+))?(?=[,(]|$)')


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


def read_options(setting: Setting) -> SlurmOptions:
    """Checks options and fills in what is missing.

    Raises:
        UserError: lists every problem.
    """
    nproc, folder = setting.nproc, setting.work_dir.absolute()
    if set('%\\') & set(str(folder)):
        fail(f'{folder}: Slurm writes no logs below a folder with % or \\; give another --work-dir')
    wanted = {str(key).replace('-', '_'): value for key, value in setting.options.items()}
    if not any(key.startswith('gpus') for key in wanted) and _gpus(wanted) is None:
        wanted['gpus'] = nproc
    problems = [
        f"{key!r}: cannot be an option of sbatch, whose names are like mem or 'mail-type'"
        for key in setting.options
        if not _NAME.fullmatch(str(key))
    ]
    problems += [f'{key}: {_REFUSED[key]}' for key in wanted if key in _REFUSED]
    problems += _problems_of_values(wanted)
    gpus = _gpus(wanted)
    if gpus is not None and 0 < gpus < nproc:
        key = 'gpus' if 'gpus' in wanted else 'gres'
        given = f'{wanted[key]} are fewer than the {nproc} processes of a training (nproc)'
        problems.append(f'{key}: {given}')
    seconds = _seconds(str(wanted.get('time', '')))
    if not seconds:
        problems.append("time: give the limit of a job, minutes or '1-00:00:00'")
    elif not problems and int(wanted.get('signal_delay', 0)) >= seconds:
        problems.append('signal_delay: must be shorter than time')
    if problems:
        fail('slurm options:\n  ' + '\n  '.join(problems))
    return SlurmOptions(
        {
            'job-name': setting.name,
            'requeue': True,
            'open-mode': 'append',
            'export': 'ALL',
            **_flags(wanted),
        },
        ceil(seconds / 60),
        int(wanted.get('array_parallelism', 256)),
        int(wanted.get('signal_delay', min(300, seconds // 4))),
        _setup(wanted.get('setup', []), nproc),
    )


def _problems_of_values(wanted: dict[str, Any]) -> list[str]:
    problems = [
        f'{key}: {wanted[key]!r} is not a positive whole number'
        for key in _NUMBERS
        if key in wanted and not re.fullmatch('[1-9][0-9]*', str(wanted[key]))
    ]
    if 'gpus' in wanted and _gpus(wanted) is None:
        problems.append(f"gpus: {wanted['gpus']!r} is neither a number nor like 'a100:2'")
    problems += [
        f'{key}: sbatch cannot be given {value!r}'
        for key, value in wanted.items()
        if key not in _OWN and value is not True and not _can_be_given(value)
    ]
    return problems


def _can_be_given(value: Any) -> bool:
    """Whether a line ``#SBATCH --key=value`` says this."""
    return type(value) in (str, int, float) and not set('\n\r\\') & set(str(value)) and value != ''


def _gpus(wanted: dict[str, Any]) -> int | None:
    """How many GPUs a run asks for; None if nothing says so."""
    if 'gpus' in wanted:
        found = _GPUS.fullmatch(str(wanted['gpus']))
        return int(found[1]) if found else None
    counts = _GRES_GPUS.findall(str(wanted.get('gres', '')))
    return sum(int(count or 1) for count in counts) if counts else None


def _flags(wanted: dict[str, Any]) -> dict[str, Any]:
    flags = {
        _FLAGS.get(key, key.replace('_', '-')): True if value == 'true' else value
        for key, value in wanted.items()
        if key not in _OWN
    }
    if str(flags.get('gpus-per-node')) == '0':
        del flags['gpus-per-node']
    return flags


def _setup(lines, nproc: int) -> list[str]:
    return [
        *([lines] if isinstance(lines, str) else lines),
        f'export PYTHONPATH={shlex.quote(str(REPOSITORY))}${{PYTHONPATH:+:$PYTHONPATH}}',
        f'export {WORKER_VARIABLE}=1',
        # as the queue calls the job: 12, or 12_3 in an array
        f'export {JOB_VARIABLE}=${{SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}}'
        '${SLURM_ARRAY_JOB_ID:+_$SLURM_ARRAY_TASK_ID}',
        f'export {RESTARTED_VARIABLE}=${{SLURM_RESTART_COUNT:-0}}',
        # srun gives these to the worker, also where the site has sbatch pass no variables on
        'export SLURM_EXPORT_ENV=ALL',
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
