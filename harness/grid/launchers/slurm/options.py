"""The options of jobs: ``slurm = dict(...)`` of a grid file and ``--slurm KEY=VALUE``.

These keys have a meaning of their own:

- ``time``: time limit of a job as for sbatch: ``'4-00:00:00'``, ``'12:00:00'`` or minutes;
  mandatory. A run that takes longer is interrupted in time and resumes in its next job.
- ``gpus``: GPUs per run, a number or ``'a100:2'`` (default: ``nproc``; 0 for none).
- ``cpus``: CPUs per run, including data workers.
- ``array_parallelism``: number of simultaneous runs (default: 256).
- ``signal_delay``: seconds before the time limit at which a run is told to write its checkpoint.
  It does so after the current iteration or state pass (default: 300, at most ``time`` / 4).
- ``setup``: shell commands before the worker, ``['module load cuda']``.

All other keys are passed on to sbatch: ``partition``, ``mem='32G'``, ``gres='gpu:a100:2'``
(instead of ``gpus``), ``mail_type`` or ``mail-type``. Options without a value are given as True
(``true`` on the command line).
"""

import re
import shlex
from collections.abc import Sequence
from math import ceil
from typing import Any, NamedTuple

from harness.errors import fail
from harness.grid.launchers import REPOSITORY, Setting
from harness.runs.owners import JOB_VARIABLE, RESTARTED_VARIABLE, WORKER_VARIABLE

#: key -> option of sbatch, if it has another name
_FLAGS = dict(gpus='gpus-per-node', cpus='cpus-per-task')
_NUMBERS = ('cpus', 'array_parallelism', 'signal_delay')
#: keys that are not options of sbatch
_OWN = ('array_parallelism', 'signal_delay', 'setup')
_ONE_TASK = 'a run is one task on one node; nproc sets the number of its processes'
_SET_ALREADY = 'is already set for every job'
_NO_ANSWER = 'would keep sbatch from printing the job id'
#: option of sbatch -> why it is refused
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
        flags: Option of sbatch -> value; True for options without a value.
        minutes: The time limit of a job.
        array_parallelism: The number of simultaneous jobs.
        signal_delay: Seconds between the signal and the time limit.
        setup: Bash commands to run before the worker.
    """

    flags: dict
    minutes: int
    array_parallelism: int
    signal_delay: int
    setup: list[str]


def read_options(setting: Setting) -> SlurmOptions:
    """Checks options and fills in defaults.

    Raises:
        UserError: Lists all problems.
    """
    nproc, folder = setting.nproc, setting.work_dir.absolute()
    if set('%\\') & set(str(folder)):
        fail(f'{folder}: Slurm cannot write logs to paths with % or \\; choose another --work-dir')
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
        problems.append("time: must be the time limit of a job, in minutes or as '1-00:00:00'")
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
        f'{key}: {value!r} cannot be passed to sbatch'
        for key, value in wanted.items()
        if key not in _OWN and value is not True and not _can_be_given(value)
    ]
    return problems


def _can_be_given(value: Any) -> bool:
    """Whether a line ``#SBATCH --key=value`` can express this value."""
    return type(value) in (str, int, float) and not set('\n\r\\') & set(str(value)) and value != ''


def _gpus(wanted: dict[str, Any]) -> int | None:
    """The number of GPUs that a run requests; None if unspecified."""
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


def _setup(lines: str | Sequence[str], nproc: int) -> list[str]:
    return [
        *([lines] if isinstance(lines, str) else lines),
        f'export PYTHONPATH={shlex.quote(str(REPOSITORY))}${{PYTHONPATH:+:$PYTHONPATH}}',
        f'export {WORKER_VARIABLE}=1',
        # the job's id in the queue: 12, or 12_3 in an array
        f'export {JOB_VARIABLE}=${{SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}}'
        '${SLURM_ARRAY_JOB_ID:+_$SLURM_ARRAY_TASK_ID}',
        f'export {RESTARTED_VARIABLE}=${{SLURM_RESTART_COUNT:-0}}',
        # makes srun pass these on to the worker, even if the site's sbatch exports no variables
        'export SLURM_EXPORT_ENV=ALL',
        # since Slurm 22.05, srun ignores sbatch's --cpus-per-task
        'export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-$SLURM_CPUS_ON_NODE}',
        f'export OMP_NUM_THREADS=$(((SLURM_CPUS_ON_NODE + {nproc} - 1) / {nproc}))',
    ]


def _seconds(time: str) -> int:
    """Parses ``minutes[:seconds]``, ``hours:minutes:seconds`` or ``days-hours[:minutes[...]]``."""
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
