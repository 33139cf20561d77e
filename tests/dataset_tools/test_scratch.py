"""Temporary folders: nothing stays behind, and nothing that is not ours goes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dataset_tools.manifest import DatasetError
from dataset_tools.scratch import MARKER, scratch_folder

# Begins to write into the temporary folder of an output, says so, and goes on for ever.
_BUSY = """
import sys, time
from dataset_tools import __main__ as command
from dataset_tools.scratch import scratch_folder

def run(options):
    with scratch_folder(sys.argv[1]) as folder:
        (folder / 'set').mkdir()
        (folder / 'set' / 'half').touch()
        print('busy', flush=True)
        time.sleep(600)

class Parser:
    def parse_args(self, arguments):
        return type('Options', (), {'run': staticmethod(run)})

command._parser = Parser
sys.exit(command.main([]))
"""


def _busy(output: Path) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, '-c', _BUSY, str(output)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == 'busy\n'
    return process


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_leave_nothing(tmp_path: Path, number):
    process = _busy(tmp_path / 'deep' / 'out')
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert error == 'interrupted; no partial output is left\n'
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_call_left_is_cleared_by_the_next(tmp_path: Path):
    process = _busy(tmp_path / 'out')
    with pytest.raises(DatasetError, match='out: another process is making it'):
        scratch_folder(tmp_path / 'out').__enter__()
    process.kill()
    process.communicate(timeout=60)
    assert (tmp_path / '.out.part' / 'set' / 'half').exists()
    with scratch_folder(tmp_path / 'out') as folder:
        assert [path.name for path in folder.iterdir()] == [MARKER]
    assert list(tmp_path.iterdir()) == []


def test_folders_of_others_are_never_touched(tmp_path: Path):
    theirs = tmp_path / '.out.part'
    theirs.mkdir()
    (theirs / 'thesis.tex').touch()
    with pytest.raises(DatasetError, match='.out.part: is in the way'):
        scratch_folder(tmp_path / 'out').__enter__()
    assert [path.name for path in theirs.iterdir()] == ['thesis.tex']
    other = theirs.rename(tmp_path / 'other')
    (other / MARKER).touch()
    theirs.symlink_to(other)
    with pytest.raises(DatasetError, match='.out.part: is in the way'):
        scratch_folder(tmp_path / 'out').__enter__()
    assert (other / 'thesis.tex').exists()


def test_links_in_leftovers_are_not_followed(tmp_path: Path):
    (tmp_path / 'precious').mkdir()
    (tmp_path / 'precious' / 'file').touch()
    leftover = tmp_path / '.out.part'
    leftover.mkdir()
    (leftover / MARKER).touch()
    (leftover / 'link').symlink_to(tmp_path / 'precious')
    with scratch_folder(tmp_path / 'out'):
        pass
    assert (tmp_path / 'precious' / 'file').exists() and not leftover.exists()


def test_two_outputs_and_endings_do_not_meet(tmp_path: Path):
    with (
        scratch_folder(tmp_path / 'a') as one,
        scratch_folder(tmp_path / 'b') as two,
        scratch_folder(tmp_path / 'a', 'unpacked') as three,
    ):
        assert len({one, two, three}) == 3
    assert list(tmp_path.iterdir()) == []
