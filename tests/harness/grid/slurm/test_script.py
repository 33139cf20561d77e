"""The exported script; it is submitted to a real Slurm in ``test_cluster.py``."""

import subprocess
from pathlib import Path

from harness.grid.slurm.options import plan_slurm
from harness.grid.slurm.script import sbatch_script


def test_the_script_is_bash_with_the_options_and_all_runs(tmp_path):
    options = plan_slurm(
        dict(time='1:00:00', partition='gpu', array_parallelism=2, setup='module load cuda'),
        nproc=1,
        name='grid',
    )
    folders = [tmp_path / 'runs' / name for name in ('one', "odd name's", 'three')]
    script = sbatch_script(folders, tmp_path / 'slurm', options)
    lines = script.splitlines()
    for line in (
        '#SBATCH --array=0-2%2',
        '#SBATCH --signal=USR1@300',
        '#SBATCH --requeue',
        '#SBATCH --open-mode=append',
        '#SBATCH --time=1:00:00',
        '#SBATCH --gpus-per-node=1',
        f'#SBATCH --chdir={Path.cwd()}',
        'module load cuda',
    ):
        assert line in lines
    # options count only before the first command
    first = next(n for n, line in enumerate(lines) if line and not line.startswith('#'))
    assert not [line for line in lines[first:] if line.startswith('#SBATCH')]
    chosen = script[: script.index('job=')] + 'echo "$run"'
    done = subprocess.run(
        ['bash', '-c', chosen], env=dict(SLURM_ARRAY_TASK_ID='1'), capture_output=True, text=True
    )
    assert done.stdout == f"{tmp_path}/runs/odd name's\n"
    assert subprocess.run(['bash', '-n'], input=script, text=True).returncode == 0
