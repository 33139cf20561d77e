"""infer.py that is interrupted or killed."""

import signal
from pathlib import Path

import pytest

from dataset_tools.frames import read_frame
from harness import video_files
from tests.commands import run as run_command
from tests.harness.infer.conftest import run


@pytest.fixture(autouse=True)
def own_handler():
    """Python's handler of Ctrl-C, also where the tests run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize('name, left', [('out', ['img_8.png', 'img_9.png']), ('out.mp4', [])])
def test_interrupted(files, folder, tmp_path, monkeypatch, capsys, name, left):
    """Ctrl-C while the third frame is read."""

    def interrupt(paths):
        yield from map(read_frame, paths[:2])
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(video_files, 'read_frames', interrupt)
    assert run(*files, folder(4), tmp_path / 'new' / name) == 130
    assert sorted(path.name for path in (tmp_path / 'new').rglob('*.*')) == left
    said = 'not written' if name == 'out.mp4' else 'has 2 complete frames'
    assert f'interrupted; {tmp_path}/new/{name}: {said}' in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ('number', 'code', 'left'),
    [('SIGTERM', 128 + 15, []), ('SIGHUP', 128 + 1, []), ('SIGKILL', -9, ['.out.mp4.part'])],
)
def test_stopped_in_the_middle_of_an_mp4(files, folder, tmp_path, number, code, left):
    """What a killed call leaves, the next one clears away."""
    script = f"""
import os, signal, sys
from harness import infer, video_files
from dataset_tools.frames import read_frame

def stop(paths):
    yield from map(read_frame, paths[:2])
    os.kill(os.getpid(), signal.{number})
    yield from map(read_frame, paths[2:])

video_files.read_frames = stop
sys.exit(infer.main(sys.argv[1:]))
"""
    output = tmp_path / 'new' / 'out.mp4'
    output.parent.mkdir()
    (tmp_path / 'command.py').write_text(script)
    call = (*files, folder(4), output)
    done = run_command([tmp_path / 'command.py', *call])
    assert done.returncode == code, done.stderr
    assert [path.name for path in output.parent.iterdir()] == left
    assert run(*call) == 0
    assert [path.name for path in output.parent.iterdir()] == ['out.mp4']


def test_interrupted_while_a_frame_is_written(files, folder, tmp_path, monkeypatch):
    frames, write = folder(2), Path.write_bytes

    def half(path, data):
        write(path, data[: len(data) // 2])
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Path, 'write_bytes', half)
    assert run(*files, frames, tmp_path / 'out') == 130
    assert not (tmp_path / 'out').exists()
