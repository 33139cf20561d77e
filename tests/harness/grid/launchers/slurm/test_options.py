"""From friendly names to options of sbatch."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.grid.arguments import parse_options
from harness.grid.launchers import Setting
from harness.grid.launchers.slurm.options import SlurmOptions, read_options


def read(wanted: dict, nproc: int = 1, work_dir: Path = Path('work')) -> SlurmOptions:
    return read_options(Setting(work_dir, 'grid', 1, nproc, wanted))


def test_names_are_those_of_sbatch_and_a_gpu_is_the_default():
    wanted = dict(time='1-00:00:00', partition='gpu', cpus='8', mem='32G', constraint='a100')
    options = read(wanted)
    assert options.flags == {
        'job-name': 'grid',
        'requeue': True,
        'open-mode': 'append',
        'export': 'ALL',
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
    [
        ({}, 4),
        (dict(gpus='a100:4'), 'a100:4'),
        (dict(gpus='A100:4'), 'A100:4'),
        (dict(gpus='a100_1g.5gb:4'), 'a100_1g.5gb:4'),
        (dict(gpus='1g.5gb:4'), '1g.5gb:4'),
        (dict(gpus=8), 8),
        (dict(gpus='0'), None),
        (dict(gpus=0), None),
        # GPUs that are asked for in another way are not asked for twice
        (dict(gres='gpu:4'), None),
        (dict(gres='gpu:a100:4(S:0)'), None),
        (dict(gres='gpu:1g.5gb:2,lscratch:100,gpu:2g.10gb:2'), None),
        (dict(gpus_per_task=4), None),
        (dict(gres='lscratch:100'), 4),
    ],
)
def test_gpus_follow_the_processes_of_a_training(gpus, flag):
    options = read(dict(time=60, **gpus), nproc=4)
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
    assert read(dict(time=time)).minutes == minutes


def test_a_short_job_gets_a_short_notice():
    assert read(dict(time=4)).signal_delay == 60


def test_all_problems_are_said_at_once():
    wanted = dict(Speed=3, gpus=2, cpus='many', array_parallelism=0, time='soon')
    with pytest.raises(UserError) as error:
        read(wanted, nproc=4)
    lines = str(error.value).splitlines()[1:]
    assert [line.split(':')[0].strip() for line in lines] == [
        *("'Speed'", 'cpus', 'array_parallelism', 'gpus', 'time')
    ]
    assert 'cannot be an option of sbatch' in lines[0] and 'fewer than the 4 processes' in lines[3]
    with pytest.raises(UserError, match='shorter than time'):
        read(dict(time=1, signal_delay=60))


def test_other_keys_are_options_of_sbatch_as_they_are():
    wanted = {
        'time': 60,
        'gres': 'gpu:2',
        'reservation': 'course',
        'nodelist': 'node[1-3]',
        'mail_type': 'END',
        'mail-user': 'a@b.org',
        'mem-per-cpu': '4G',
        'exclusive': True,
        'contiguous': 'true',
        'nice': 100,
        'export': 'ALL,A=b',
        'job_name': 'mine',
    }
    assert read(wanted).flags == {
        'job-name': 'mine',
        'requeue': True,
        'open-mode': 'append',
        'export': 'ALL,A=b',
        'time': 60,
        'gres': 'gpu:2',
        'reservation': 'course',
        'nodelist': 'node[1-3]',
        'mail-type': 'END',
        'mail-user': 'a@b.org',
        'mem-per-cpu': '4G',
        'exclusive': True,
        'contiguous': True,
        'nice': 100,
    }


def test_what_comes_last_counts_however_it_is_spelt():
    assert read({'time': 60, 'mail_type': 'END', 'mail-type': 'FAIL'}).flags['mail-type'] == 'FAIL'
    own = read({'time': 60, 'array-parallelism': 3, 'signal-delay': 7})
    assert (own.array_parallelism, own.signal_delay) == (3, 7)


@pytest.mark.parametrize(
    'key', ['Partition', '--mem', 'mem ', 'p', 'mail__type', 'a=b', '2gpus', 3]
)
def test_a_key_that_cannot_be_an_option_is_refused(key):
    with pytest.raises(UserError) as error:
        read({'time': 60, key: 'x'})
    (line,) = str(error.value).splitlines()[1:]
    assert line.strip().startswith(f'{key!r}: cannot be an option of sbatch')


@pytest.mark.parametrize(
    ('key', 'why'),
    [
        ('gpus-per-node', 'the key is gpus'),
        ('cpus_per_task', 'the key is cpus'),
        ('signal', 'the key is signal_delay'),
        ('ntasks', 'a run is one task'),
        ('nodes', 'a run is one task'),
        ('output', 'is already set for every job'),
        ('no-requeue', 'is already set for every job'),
        ('parsable', 'would keep sbatch from printing the job id'),
    ],
)
def test_options_that_jobs_depend_on_are_refused(key, why):
    with pytest.raises(UserError) as error:
        read({'time': 60, key: 1})
    (line,) = str(error.value).splitlines()[1:]
    assert line.strip().startswith(f'{key.replace("-", "_")}: {why}')


@pytest.mark.parametrize('value', ['', 'a\nrm -r b', 'a\rb', 'a\\b', None, False, ['a'], dict(a=1)])
def test_what_no_line_of_a_script_can_say_is_refused(value):
    with pytest.raises(UserError) as error:
        read(dict(time=60, comment=value))
    (line,) = str(error.value).splitlines()[1:]
    assert line.strip() == f'comment: {value!r} cannot be passed to sbatch'


@pytest.mark.parametrize('gres', ['gpu', 'gpu:a100', 'gpu:1g.5gb:1', 'gpu:a100:1,gpu:v100:2'])
def test_gres_of_fewer_gpus_than_processes_is_refused(gres):
    with pytest.raises(UserError, match=f'gres: {gres} are fewer than the 4 processes'):
        read(dict(time=60, gres=gres), nproc=4)


@pytest.mark.parametrize('name', ['100%', '%j', 'a\\b'])
def test_a_work_directory_whose_name_slurm_would_change_is_refused(tmp_path, monkeypatch, name):
    with pytest.raises(UserError, match='choose another --work-dir') as error:
        read(dict(time=60), work_dir=tmp_path / name / 'work')
    assert str(tmp_path / name) in str(error.value) and '\n' not in str(error.value)
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    with pytest.raises(UserError, match='choose another --work-dir'):
        read(dict(time=60))


def test_settings_of_the_command_line():
    assert parse_options(['time=4:00:00', 'setup=export A=b'], '--slurm') == {
        'time': '4:00:00',
        'setup': 'export A=b',
    }
    for wrong in ('time', 'time=', '=4'):
        with pytest.raises(UserError, match=f'^--slurm {wrong}: .*KEY=VALUE'):
            parse_options([wrong], '--slurm')


@pytest.mark.parametrize(('cpus', 'nproc', 'threads'), [(1, 1, 1), (8, 1, 8), (8, 3, 3), (2, 4, 1)])
def test_the_shell_of_a_job_shares_its_cpus_and_finds_the_repository(cpus, nproc, threads):
    setup = read(dict(time=60, setup=['export MINE=1']), nproc).setup
    shown = 'echo $OMP_NUM_THREADS $SRUN_CPUS_PER_TASK $MINE; python3 -c "import harness"'
    done = subprocess.run(
        ['bash', '-euc', '\n'.join([*setup, shown])],
        env=dict(
            PATH='/usr/bin:/bin',
            SLURM_JOB_ID='15',
            SLURM_CPUS_ON_NODE=str(cpus),
            SLURM_CPUS_PER_TASK=str(cpus),
        ),
        cwd='/',
        capture_output=True,
        text=True,
    )
    assert done.stdout == f'{threads} {cpus} 1\n', done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize(
    ('variables', 'job'),
    [
        (dict(SLURM_JOB_ID='15'), '15'),
        (dict(SLURM_JOB_ID='15', SLURM_ARRAY_JOB_ID='12', SLURM_ARRAY_TASK_ID='3'), '12_3'),
        # of an older job, in the environment that sbatch passes on
        (dict(SLURM_JOB_ID='15', VSR_STABILITY_JOB='9', SLURM_RESTART_COUNT='2'), '15'),
    ],
)
def test_the_worker_knows_its_job_as_the_queue_calls_it(variables, job):
    shown = 'from harness.runs.owners import this_job; print(this_job())'
    done = subprocess.run(
        [
            *('bash', '-euc'),
            '\n'.join(
                [
                    *read(dict(time=60)).setup,
                    f'python3 -c "{shown}"',
                    'echo $VSR_STABILITY_RESTARTED $VSR_STABILITY_WORKER $SLURM_EXPORT_ENV',
                ]
            ),
        ],
        env=dict(
            PATH=f'{Path(sys.executable).parent}:/usr/bin:/bin',
            SLURM_CPUS_ON_NODE='1',
            SLURM_EXPORT_ENV='NONE',
            **variables,
        ),
        cwd='/',
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    restarts = variables.get('SLURM_RESTART_COUNT', '0')
    assert done.stdout == f'{job}\n{restarts} 1 ALL\n'
