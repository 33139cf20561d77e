"""The exported script; it is submitted to a real Slurm in ``test_cluster.py``."""

import subprocess
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.grid.launchers import Setting
from harness.grid.launchers.slurm.script import sbatch_script
from harness.runs.folder import RunFolder


def setting(work_dir: Path, **options) -> Setting:
    return Setting(work_dir, 'grid', 1, 1, options)


def test_the_script_is_bash_with_the_options_and_all_runs(tmp_path):
    wanted = setting(
        tmp_path,
        time='1:00:00',
        partition='gpu',
        array_parallelism=2,
        setup='module load cuda',
        mail_type='END',
        exclusive=True,
        comment="it's # mine",
    )
    folders = [RunFolder.of(tmp_path, name) for name in ('one', "odd name's", 'three')]
    script = sbatch_script(folders, wanted)
    assert (tmp_path / 'slurm').is_dir()
    lines = script.splitlines()
    for line in (
        '#SBATCH --array=0-2%2',
        '#SBATCH --signal=USR1@300',
        '#SBATCH --requeue',
        '#SBATCH --open-mode=append',
        '#SBATCH --time=1:00:00',
        '#SBATCH --gpus-per-node=1',
        '#SBATCH --export=ALL',
        '#SBATCH --job-name=grid',
        '#SBATCH --mail-type=END',
        '#SBATCH --exclusive',
        """#SBATCH --comment='it'"'"'s # mine'""",
        f'#SBATCH --output={tmp_path}/slurm/%A_%a.out',
        f'#SBATCH --chdir={Path.cwd()}',
        'module load cuda',
    ):
        assert line in lines
    # options count only before the first command
    first = next(n for n, line in enumerate(lines) if line and not line.startswith('#'))
    assert not [line for line in lines[first:] if line.startswith('#SBATCH')]
    chosen = script[: script.index('module load')] + 'echo "$run"'
    done = subprocess.run(
        ['bash', '-c', chosen], env=dict(SLURM_ARRAY_TASK_ID='1'), capture_output=True, text=True
    )
    assert done.stdout == f"{tmp_path}/runs/odd name's\n"
    assert subprocess.run(['bash', '-n'], input=script, text=True).returncode == 0


def test_a_run_that_was_interrupted_is_requeued_under_the_name_of_its_job(tmp_path):
    """Unless it was cancelled; ``srun`` and the like are functions of the shell here."""
    folder = RunFolder.of(tmp_path, 'one')
    folder.path.mkdir(parents=True)
    script = sbatch_script([folder], setting(tmp_path, time=60, gpus=0))

    def start(code: int, state: str) -> tuple[int, str]:
        stubs = f"""
            srun() {{ echo "worked $*"; return {code}; }}
            squeue() {{ [[ "$*" = *--jobs=12_0\\ * ]] && echo {state}; }}
            scontrol() {{ echo "scontrol $*"; }}
        """
        done = subprocess.run(
            ['bash', '-c', stubs + script],
            env=dict(
                PATH='/usr/bin:/bin',
                SLURM_JOB_ID='13',
                SLURM_ARRAY_JOB_ID='12',
                SLURM_ARRAY_TASK_ID='0',
                SLURM_CPUS_ON_NODE='1',
            ),
            capture_output=True,
            text=True,
        )
        assert done.stderr == ''
        assert folder.log.read_text().endswith(f'-m harness.grid.worker {folder.path}\n')
        return done.returncode, done.stdout

    for code in (75, 138):
        assert start(code, 'RUNNING') == (code, 'scontrol requeue 12_0\n')
        assert start(code, 'COMPLETING') == (code, '')
    for code in (0, 1):
        assert start(code, 'RUNNING') == (code, '')


def test_wrong_options_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(UserError, match='time: must be the time limit'):
        sbatch_script([RunFolder.of(tmp_path, 'one')], setting(tmp_path))
    assert not (tmp_path / 'slurm').exists()
