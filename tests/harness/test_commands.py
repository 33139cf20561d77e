"""What all commands share: names, and readers of their output that go."""

import configparser
import errno
import importlib
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import user_errors
from harness.errors import reason_of

REPOSITORY = Path(__file__).resolve().parents[2]


def scripts():
    config = configparser.ConfigParser()
    config.read(REPOSITORY / 'setup.cfg')
    lines = config['options.entry_points']['console_scripts'].strip().splitlines()
    return dict(map(str.strip, line.split('=')) for line in lines)


def test_console_scripts_are_there():
    assert {'vsr-data', 'vsr-score', 'vsr-report', 'vsr-infer'} <= scripts().keys()


@pytest.mark.parametrize('name', scripts())
def test_console_scripts_answer(name, capsys):
    module, _, function = scripts()[name].partition(':')
    main = getattr(importlib.import_module(module), function)
    with pytest.raises(SystemExit) as end:
        main(['--help'])
    assert end.value.code == 0 and 'usage: ' in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    'command',
    [
        '-m harness.evaluation score --gt {set}/gt --pred {set}/gt --output {tmp}/scores.csv',
        '-m dataset_tools info {set}',
    ],
)
def test_a_reader_that_goes_ends_a_command_in_silence(command, real_set, tmp_path):
    """``| head -0``; what was asked for in files is written all the same."""
    arguments = shlex.split(command.format(set=real_set.root, tmp=tmp_path))
    process = subprocess.Popen(
        [sys.executable, '-u', *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=REPOSITORY,
    )
    process.stdout.close()
    errors = process.stderr.read().decode()
    assert process.wait() == 141 and 'Traceback' not in errors and 'Exception' not in errors
    assert 'score' not in command or (tmp_path / 'scores.csv').read_text().count('\n') == 67


def test_ctrl_c_is_no_traceback(capsys):
    with pytest.raises(SystemExit) as stop, user_errors():
        raise KeyboardInterrupt
    assert stop.value.code == 130
    assert capsys.readouterr().err == '\ninterrupted\n'


def test_a_place_that_cannot_be_written_to_is_told_in_words():
    error = OSError(errno.EROFS, os.strerror(errno.EROFS), '/data/a.csv')
    assert reason_of(error) == 'Read-only file system: /data/a.csv'
    assert reason_of(OSError(errno.ENOSPC, 'No space left')) == 'No space left'
    assert reason_of(ValueError('a')) == 'ValueError: a' and reason_of(OSError()) == 'OSError: '
    shown = '^error: /data/a.csv: Read-only file system$'
    with pytest.raises(SystemExit, match=shown), user_errors():
        raise error
