"""Odd environments: what cannot work is one line, everything else works."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, str(REPOSITORY / 'harness' / 'run_grid.py')]


@pytest.fixture
def run(grid_file, tmp_path):
    """Starts the run without training, with variables in the environment."""

    def call(shell='exec "$@"', **variables):
        command = ['sh', '-c', shell, 'sh', *COMMAND, grid_file, '--only', 'bicubic']
        return subprocess.run(
            list(map(str, [*command, '--work-dir', tmp_path / 'work'])),
            capture_output=True,
            text=True,
            env={**os.environ, **variables},
            timeout=200,
        )

    return call


@pytest.mark.slow
def test_a_temporary_folder_with_a_long_path(run, tmp_path):
    folder = tmp_path / ('x' * 120)
    folder.mkdir()
    done = run(TMPDIR=str(folder))
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f'error: TMPDIR={folder}: the path is too long for a socket; set a shorter TMPDIR'
    )


@pytest.mark.slow
def test_little_address_space(run):
    done = run('ulimit -v 3000000; exec "$@"')
    assert done.returncode == 1 and 'Traceback' not in done.stderr
    assert done.stderr.splitlines()[-1].startswith('error: ')
    assert done.stderr.strip().endswith('is memory limited (ulimit -v, a container)?')


@pytest.mark.slow
def test_a_terminal_that_knows_ascii_only(run, grid_file):
    label = "\nfor _set in test_sets.values():\n    _set['label'] = 'Übungsmenge'\n"
    grid_file.write_text(grid_file.read_text() + label, encoding='utf-8')
    done = run(PYTHONUTF8='0', LC_ALL='C')
    assert done.returncode == 0, done.stderr
    assert '?bungsmenge' in done.stdout
