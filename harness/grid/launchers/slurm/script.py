"""Writes a grid as one plain sbatch script to submit by hand; needs no submitit."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.grid.launchers import Setting
from harness.grid.launchers.slurm.options import read_options
from harness.runs.folder import RunFolder
from harness.runs.owners import JOB_VARIABLE

_TEMPLATE = """#!/bin/bash
# {count} runs, written by run_grid.py --export-script; submit with: sbatch FILE
# (environment variables such as SBATCH_PARTITION override the options below)
{flags}

runs=(
  {runs}
)
run=${{runs[$SLURM_ARRAY_TASK_ID]}}
{setup}

srun {python} -u -m harness.grid.worker "$run" >>"$run/log.txt" 2>&1
code=$?

# A run that was interrupted, at the time limit or for other jobs, has written a checkpoint. It is
# requeued, unless it was cancelled. (138: the signal came before its handler was installed.)
if [ $code = 75 ] || [ $code = 138 ]; then
  if [ "$(squeue --noheader --array --jobs="${{{job}}}" --format=%T)" = RUNNING ]; then
    scontrol requeue "${{{job}}}"
  fi
fi
exit $code
"""


def sbatch_script(folders: Sequence[RunFolder], setting: Setting) -> str:
    """Returns the script, and creates the folder for its jobs' logs.

    Args:
        folders: The folders of the runs, which must be prepared.
        setting: As for the launcher.

    Raises:
        UserError: The options are wrong.
    """
    options, folder = read_options(setting), setting.work_dir / 'slurm'
    folder.mkdir(exist_ok=True)
    last = len(folders) - 1
    flags = {
        **options.flags,
        'array': f'0-{last}%{options.array_parallelism}',
        'signal': f'USR1@{options.signal_delay}',
        'chdir': Path.cwd(),
        'output': folder.absolute() / '%A_%a.out',
    }
    return _TEMPLATE.format(
        count=len(folders),
        flags='\n'.join(
            f'#SBATCH --{key}' if value is True else f'#SBATCH --{key}={shlex.quote(str(value))}'
            for key, value in flags.items()
        ),
        runs='\n  '.join(shlex.quote(str(run.path.resolve())) for run in folders),
        setup='\n'.join(options.setup),
        job=JOB_VARIABLE,
        python=shlex.quote(sys.executable),
    )
