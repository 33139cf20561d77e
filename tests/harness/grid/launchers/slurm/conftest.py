"""A cluster of one node, on this machine's loopback, for as long as the tests run."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from pathlib import Path
from textwrap import dedent

import pytest

PROGRAMS = ('munged', 'slurmctld', 'slurmd', 'sbatch')


@pytest.fixture(scope='session')
def cluster(tmp_path_factory):
    """Slurm's daemons without systemd, cgroups and accounting; the environment names them."""
    pytest.importorskip('submitit', reason="needs submitit: pip install '.[slurm]'")
    if missing := [name for name in PROGRAMS if not _path_of(name)]:
        pytest.skip(
            f'no {", ".join(missing)}; on Debian: apt-get install --no-install-recommends '
            'slurmctld slurmd slurm-client munge'
        )
    root = tmp_path_factory.mktemp('slurm')
    for name in ('state', 'spool', 'munge'):
        (root / name).mkdir()
    (root / 'munge').chmod(0o755)
    daemons: list[subprocess.Popen] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('SLURM_CONF', str(_write_config(root)))
        try:
            for command in _daemons(root):
                daemons.append(_start(root, command))
            _until(lambda: _answer('sinfo', '--noheader', '--format=%T') == 'idle', root)
            yield root
            subprocess.run(['scancel', f'--user={os.getuid()}'])
            _until(lambda: not _answer('squeue', '--noheader'), root)
        finally:
            for daemon in reversed(daemons):
                daemon.terminate()
                daemon.wait(20)


def _path_of(program: str):
    return shutil.which(program, path=f'{os.environ["PATH"]}:/usr/sbin:/sbin')


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(('127.0.0.1', 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def _write_config(root: Path) -> Path:
    host, user = socket.gethostname().split('.')[0], pwd.getpwuid(os.getuid()).pw_name
    controller, node = _free_ports(2)
    path = root / 'slurm.conf'
    path.write_text(
        dedent(f"""
        ClusterName=tests
        SlurmctldHost={host}(127.0.0.1)
        SlurmctldPort={controller}
        SlurmdPort={node}
        SlurmUser={user}
        SlurmdUser={user}
        CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
        # a requeued job waits until its credentials have expired
        AuthType=auth/munge
        AuthInfo=socket={root}/munge/socket,cred_expire=5
        StateSaveLocation={root}/state
        SlurmdSpoolDir={root}/spool
        SlurmctldPidFile={root}/slurmctld.pid
        SlurmdPidFile={root}/slurmd.pid
        ProctrackType=proctrack/linuxproc
        TaskPlugin=task/none
        AccountingStorageType=accounting_storage/none
        JobAcctGatherType=jobacct_gather/none
        MailProg=/bin/true
        SelectType=select/cons_tres
        SelectTypeParameters=CR_CPU
        SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
        ReturnToService=2
        KillWait=20
        # as many jobs at once wherever the tests run
        SlurmdParameters=config_overrides
        NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=4000
        PartitionName=tests Nodes={host} Default=YES MaxTime=INFINITE State=UP
        """)
    )
    return path


def _daemons(root: Path) -> list[list[str]]:
    munge = root / 'munge'
    key = munge / 'key'
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    files = {
        'key-file': key,
        'socket': munge / 'socket',
        'pid-file': munge / 'pid',
        'log-file': munge / 'log',
        'seed-file': munge / 'seed',
    }
    options = [f'--{name}={path}' for name, path in files.items()]
    return [
        ['munged', '--foreground', '--force', *options],
        ['slurmctld', '-D', '-c'],
        ['slurmd', '-D', '-c', '-N', socket.gethostname().split('.')[0]],
    ]


def _start(root: Path, command: list[str]) -> subprocess.Popen:
    """Its end comes with ours at the latest."""
    name, *args = command
    with open(root / f'{name}.txt', 'w') as log:
        return subprocess.Popen(
            ['setpriv', '--pdeathsig', 'TERM', _path_of(name), *args],
            stdout=log,
            stderr=log,
            start_new_session=True,  # a terminal's Ctrl-C is for the tests
        )


def _answer(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip()


def _until(condition, root: Path) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            logs = [path.read_text()[-2000:] for path in root.glob('*.txt')]
            pytest.fail('Slurm does not come up or down:\n' + '\n'.join(logs))
        time.sleep(0.1)
