"""Runs as jobs of a Ray of this machine, which the tests start for themselves."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pandas as pd
import pytest

from harness.runs.claims import current_claim
from harness.runs.folder import RunFolder
from tests.commands import run_grid
from tests.harness.grid.results import frames

REPOSITORY = Path(__file__).resolve().parents[4]
COMMAND = [sys.executable, str(REPOSITORY / 'harness' / 'run_grid.py')]
RAY = shutil.which('ray', path=f'{Path(sys.executable).parent}:{os.environ["PATH"]}')
ENVIRONMENT = {**os.environ, 'OMP_NUM_THREADS': '1', 'RAY_DISABLE_IMPORT_WARNING': '1'}

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not RAY, reason='needs Ray (extra: ray)')]


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(('127.0.0.1', 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture(scope='session')
def address():
    """Of the dashboard of a Ray with two CPUs."""
    port, dashboard = free_ports(2)
    folder = Path(f'/tmp/ray-{os.getpid()}')  # paths of its sockets must be short
    command = [RAY, 'start', '--head', '--block', '--num-cpus=2', f'--port={port}']
    command += [f'--dashboard-port={dashboard}', f'--temp-dir={folder}', '--disable-usage-stats']
    with open(os.devnull, 'w') as nowhere:
        process = subprocess.Popen(
            command, stdout=nowhere, stderr=nowhere, start_new_session=True, env=ENVIRONMENT
        )
    deadline = time.monotonic() + 120
    while not _answers(f'http://127.0.0.1:{dashboard}/api/version'):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.5)
    yield f'http://127.0.0.1:{dashboard}'
    process.terminate()
    process.wait(60)
    os.killpg(process.pid, signal.SIGKILL) if _lives(process.pid) else None
    shutil.rmtree(folder, ignore_errors=True)


def _answers(address):
    try:
        with urlopen(address, timeout=5):
            return True
    except OSError:
        return False


def _lives(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def start(grid_file, work_dir, *options):
    return run_grid(grid_file, '--work-dir', work_dir, *options, env=ENVIRONMENT, timeout=400)


def ray_options(address):
    return ['--launcher', 'ray', '--launcher-options', f'address={address}', '--jobs', '2']


def test_jobs_give_the_numbers_of_local_workers(grid_file, tmp_path, address):
    only = ['--only', 'tiny-PI']
    assert start(grid_file, tmp_path / 'local', *only, '--jobs', 2).returncode == 0
    done = start(grid_file, tmp_path / 'ray', *only, *ray_options(address))
    assert done.returncode == 0, done.stdout + done.stderr
    expected, actual = frames(tmp_path / 'local'), frames(tmp_path / 'ray')
    assert len(actual) == 2
    for name in expected:
        pd.testing.assert_frame_equal(actual[name], expected[name], check_exact=True)


def test_stopped_and_killed_jobs_go_on_with_the_same_numbers(
    grid_file, write_grid, tmp_path, address
):
    """Ray's stop is a signal on which the run writes a checkpoint."""
    only = ['--only', 'tiny-PI-R4']
    assert start(grid_file, tmp_path / 'whole', *only).returncode == 0
    config = tmp_path / 'tiny.py'
    config.write_text(
        config.read_text()
        + "custom_hooks = [dict(type='SlowHook')]\ncustom_imports = dict(imports=['slow'])\n"
    )
    (tmp_path / 'slow.py').write_text(
        'import os, time\nfrom mmengine.hooks import Hook\nfrom mmagic.registry import HOOKS\n'
        '@HOOKS.register_module()\nclass SlowHook(Hook):\n'
        '    def after_train_iter(self, runner, *args, **kwargs):\n'
        f'        if runner.iter >= 6 and not os.path.exists({str(tmp_path / "go")!r}):\n'
        '            time.sleep(0.5 if runner.iter < 8 else 1000)\n'
    )
    command = [*COMMAND, grid_file, '--work-dir', tmp_path / 'ray', *only, *ray_options(address)]
    grid = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=ENVIRONMENT
    )
    folder, deadline = None, time.monotonic() + 200
    while not (folder and folder.iterations_saved):
        assert grid.poll() is None and time.monotonic() < deadline
        time.sleep(0.2)
        found = list((tmp_path / 'ray').glob('runs/tiny-PI-R4-*'))
        folder = RunFolder(found[0]) if found else None
    subprocess.run(
        [RAY, 'job', 'stop', folder.job('ray'), '--address', address], check=True, env=ENVIRONMENT
    )
    printed = grid.communicate(timeout=300)[0].decode()
    assert grid.returncode == 1 and 'ended as STOPPED' in printed
    (tmp_path / 'go').touch()
    done = start(grid_file, tmp_path / 'ray', *only, '--retry-failed', *ray_options(address))
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'resumed epoch' in folder.log.read_text()
    assert not current_claim(folder.path).is_held
    (expected,), (actual,) = frames(tmp_path / 'whole').values(), frames(tmp_path / 'ray').values()
    pd.testing.assert_frame_equal(actual, expected, check_exact=True)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (
            ['address=http://127.0.0.1:9'],
            'ray.address: Ray does not answer at http://',
        ),
        (['cpu=2'], 'ray.cpu: unknown; there are address, cpus, gpus'),
        (['cpus=many'], "ray.cpus: 'many' is not a number of cpus"),
    ],
)
def test_what_cannot_work_is_one_clear_line(grid_file, tmp_path, options, message):
    done = start(
        *(grid_file, tmp_path / 'work', '--only', 'bicubic', '--launcher', 'ray'),
        *('--launcher-options', *options),
    )
    assert done.returncode == 1 and done.stderr.startswith(f'error: {message}')
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.glob('work/runs/*/status.json'))
