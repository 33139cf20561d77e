"""From friendly names to options of sbatch."""

import subprocess

import pytest

from harness.errors import UserError
from harness.grid.slurm.options import parse_settings, plan_slurm


def test_names_are_those_of_sbatch_and_a_gpu_is_the_default():
    wanted = dict(time='1-00:00:00', partition='gpu', cpus='8', mem='32G', constraint='a100')
    options = plan_slurm(wanted, nproc=1, name='grid')
    assert options.flags == {
        'job-name': 'grid',
        'requeue': True,
        'open-mode': 'append',
        'gpus-per-node': 1,
        'time': '1-00:00:00',
        'partition': 'gpu',
        'cpus-per-task': '8',
        'mem': '32G',
        'constraint': 'a100',
    }
    assert (options.minutes, options.array_parallelism, options.signal_delay) == (1440, 256, 300)


@pytest.mark.parametrize(
    ('gpus', 'flag'),
    [({}, 4), (dict(gpus='a100:4'), 'a100:4'), (dict(gpus=8), 8), (dict(gpus='0'), None)],
)
def test_gpus_follow_the_processes_of_a_training(gpus, flag):
    options = plan_slurm(dict(time=60, **gpus), nproc=4, name='grid')
    assert options.flags.get('gpus-per-node') == flag


@pytest.mark.parametrize(
    ('time', 'minutes'),
    [
        (90, 90),
        ('90', 90),
        ('90:30', 91),
        ('1:30:00', 90),
        ('2-1', 2940),
        ('2-1:30', 2970),
        ('4-00:00:01', 5761),
    ],
)
def test_times_are_read_as_sbatch_reads_them(time, minutes):
    assert plan_slurm(dict(time=time), 1, 'grid').minutes == minutes


def test_a_short_job_gets_a_short_notice():
    assert plan_slurm(dict(time=4), 1, 'grid').signal_delay == 60


def test_all_problems_are_said_at_once():
    wanted = dict(speed=3, gpus=2, cpus='many', array_parallelism=0, time='soon')
    with pytest.raises(UserError) as error:
        plan_slurm(wanted, nproc=4, name='grid')
    lines = str(error.value).splitlines()[1:]
    assert [line.split(':')[0].strip() for line in lines] == [
        *('speed', 'cpus', 'array_parallelism', 'gpus', 'time')
    ]
    assert 'partition' in lines[0] and 'fewer than the 4 processes' in lines[3]
    with pytest.raises(UserError, match='shorter than time'):
        plan_slurm(dict(time=1, signal_delay=60), 1, 'grid')


def test_settings_of_the_command_line():
    assert parse_settings(['time=4:00:00', 'setup=export A=b']) == {
        'time': '4:00:00',
        'setup': 'export A=b',
    }
    for wrong in ('time', 'time=', '=4'):
        with pytest.raises(UserError, match='KEY=VALUE'):
            parse_settings([wrong])


@pytest.mark.parametrize(('cpus', 'nproc', 'threads'), [(1, 1, 1), (8, 1, 8), (8, 3, 3), (2, 4, 1)])
def test_the_shell_of_a_job_shares_its_cpus_and_finds_the_repository(cpus, nproc, threads):
    setup = plan_slurm(dict(time=60, setup=['export MINE=1']), nproc, 'grid').setup
    shown = 'echo $OMP_NUM_THREADS $SRUN_CPUS_PER_TASK $MINE; python3 -c "import harness"'
    done = subprocess.run(
        ['bash', '-euc', '\n'.join([*setup, shown])],
        env=dict(PATH='/usr/bin:/bin', SLURM_CPUS_ON_NODE=str(cpus), SLURM_CPUS_PER_TASK=str(cpus)),
        cwd='/',
        capture_output=True,
        text=True,
    )
    assert done.stdout == f'{threads} {cpus} 1\n', done.stderr
    assert done.returncode == 0
