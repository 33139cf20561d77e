"""What happens on the node when a signal comes; ``sleep`` stands for the worker."""

import signal
import subprocess
import time

import pytest

pytest.importorskip('submitit', reason="needs submitit: pip install '.[slurm]'")

from harness.exits import INTERRUPTED
from harness.grid.launchers import worker_command
from harness.grid.launchers.slurm import on_node
from harness.grid.launchers.slurm.on_node import MAX_IDLE, RunOnNode
from harness.runs.files import read_json
from harness.runs.folder import RunFolder
from harness.runs.owners import JOB_VARIABLE


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Calls a task whose worker is a line of bash; a signal reaches it as through submitit."""
    popen = subprocess.Popen

    def call(task, line, states=None):
        def start_line(command, **kwargs):
            assert command == worker_command(RunFolder(tmp_path))
            return popen(['bash', '-c', line], **kwargs)

        monkeypatch.setattr(on_node.subprocess, 'Popen', start_line)
        monkeypatch.setattr(on_node, 'job_states', lambda: states)
        requeued = []

        def checkpoint(*_):
            requeued.append(task.checkpoint(str(tmp_path)))
            raise SystemExit(255)

        before = signal.signal(signal.SIGUSR2, checkpoint)
        try:
            with pytest.raises(SystemExit) as end:
                task(str(tmp_path))
        finally:
            signal.signal(signal.SIGUSR2, before)
        return end.value.code, requeued

    RunFolder(tmp_path).write_status('RUNNING', stage='train', iteration=7, max_iters=9)
    monkeypatch.setenv(JOB_VARIABLE, '12_3')
    return call


def status(folder):
    return read_json(folder / 'status.json')


@pytest.mark.parametrize('code', [0, 1])
def test_the_exit_code_is_the_workers(start, tmp_path, code):
    assert start(RunOnNode(5), f'echo said; exit {code}') == (code, [])
    assert (tmp_path / 'log.txt').read_text() == 'said\n'
    assert status(tmp_path)['status'] == 'RUNNING'  # what the worker wrote last


def test_a_killed_worker_is_failed_with_the_signal(start, tmp_path):
    assert start(RunOnNode(5), 'kill -KILL $$') == (9, [])
    assert status(tmp_path)['reason'] == 'the process was killed by SIGKILL'
    assert status(tmp_path)['iteration'] == 7


@pytest.mark.slow
def test_a_signal_reaches_the_worker_and_the_job_is_requeued(start, tmp_path):
    wait = 'trap "echo saved; exit 75" USR2; sleep 0.5; kill -USR2 $PPID; sleep 0.5; sleep 9'
    code, (again,) = start(RunOnNode(20), wait)
    assert code == 255 and (tmp_path / 'log.txt').read_text() == 'saved\n'
    assert isinstance(again.function, RunOnNode) and again.args == (str(tmp_path),)
    assert (status(tmp_path)['status'], status(tmp_path)['iteration']) == ('QUEUED', 7)


@pytest.mark.slow
def test_a_worker_that_does_not_listen_is_killed_in_time(start, tmp_path):
    began = time.monotonic()
    deaf = 'trap "" USR2; sleep 0.5; kill -USR2 $PPID; while :; do /bin/sleep 0.1; done'
    code, (again,) = start(RunOnNode(1.0), deaf)
    assert code == 255 and again is not None and 1 < time.monotonic() - began < 10


@pytest.mark.parametrize('states', [None, {'12_3': 'RUNNING'}])
def test_a_worker_that_the_cluster_interrupted_is_requeued(start, states):
    code, (again,) = start(RunOnNode(5), f'exit {INTERRUPTED}', states)
    assert code == 255 and again is not None


def test_a_cancelled_job_is_not_requeued(start):
    assert start(RunOnNode(5), 'kill -TERM $$', {'12_3': 'COMPLETING', '12_4': 'RUNNING'}) == (
        15,
        [],
    )


@pytest.mark.slow
@pytest.mark.parametrize('code', [0, 1])
def test_a_worker_that_came_to_its_end_as_the_signal_came_is_not_requeued(start, code):
    line = f'trap "" USR2; sleep 0.5; kill -USR2 $PPID; exit {code}'
    assert start(RunOnNode(5), line) == (255, [None])


@pytest.mark.slow
def test_a_run_that_never_gets_anywhere_is_failed(start, tmp_path):
    task = RunOnNode(5)
    for turn in range(MAX_IDLE + 2):
        if turn == 1:  # progress counts from anew
            (tmp_path / 'iter_5.pth').touch()
            line = f'touch {tmp_path}/iter_9.pth; exit 75'
        else:
            line = 'exit 75'
        _, (again,) = start(task, line)
        if again is None:
            break
        task = again.function
    assert turn == MAX_IDLE + 1
    assert status(tmp_path)['status'] == 'FAILED'
    assert 'give it more time' in status(tmp_path)['reason']
