"""A grid as one plain sbatch script, for those who submit it themselves; needs no submitit."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from .options import SlurmOptions

_TEMPLATE = """#!/bin/bash
# {count} runs, written by run_grid.py --export-script; submit with: sbatch FILE
{flags}

runs=(
  {runs}
)
run=${{runs[$SLURM_ARRAY_TASK_ID]}}
job=${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID

{setup}

srun {python} -u -m harness.grid.worker "$run" >>"$run/log.txt" 2>&1
code=$?

# A run that was interrupted, at the time limit or for other jobs, has written a checkpoint. It goes
# back into the queue, unless it was cancelled. (138: the signal came before it could listen.)
if [ $code = 75 ] || [ $code = 138 ]; then
  if [ "$(squeue --noheader --array --jobs="$job" --format=%T)" = RUNNING ]; then
    scontrol requeue "$job"
  fi
fi
exit $code
"""


def sbatch_script(folders: Sequence[Path], folder: Path, options: SlurmOptions) -> str:
    """The script.

    Args:
        folders: of the runs, which must be prepared.
        folder: for what the jobs print besides the logs of the runs.
        options: of the jobs.
    """
    last = len(folders) - 1
    flags = {
        **options.flags,
        'array': f'0-{last}%{options.array_parallelism}',
        'signal': f'USR1@{options.signal_delay}',
        'chdir': Path.cwd(),
        'output': folder.resolve() / '%A_%a.out',
    }
    return _TEMPLATE.format(
        count=len(folders),
        flags='\n'.join(
            f'#SBATCH --{key}' if value is True else f'#SBATCH --{key}={shlex.quote(str(value))}'
            for key, value in flags.items()
        ),
        runs='\n  '.join(shlex.quote(str(path.resolve())) for path in folders),
        setup='\n'.join(options.setup),
        python=shlex.quote(sys.executable),
    )
