"""The command line: help, exit codes, start-up time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dataset_tools.__main__ import main

TOOLS = [
    'sample',
    'verify',
    'static',
    'sliding-window',
    'gamma',
    'texture',
    'composit',
    'jump',
    'loop',
    'degrade',
]


@pytest.mark.parametrize('tool', TOOLS)
def test_help_has_an_example(tool, capsys):
    with pytest.raises(SystemExit) as caught:
        main([tool, '--help'])
    assert caught.value.code == 0
    assert f'example:\n  python -m dataset_tools {tool}' in capsys.readouterr().out


def test_help_and_manifests_import_nothing_heavy():
    code = (
        'import sys, dataset_tools.__main__, dataset_tools.sample\n'
        "print(*{'numpy', 'cv2', 'av', 'tqdm', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ''


def test_every_tool_on_a_set(source_set: Path, tmp_path: Path, capsys):
    for arguments in (
        ['static', '--frames', '3'],
        ['sliding-window', '--window', '8x6', '--step', '1', '2', '--frames', '4'],
        ['gamma', '--frames', '4', '--period', '4'],
        ['composit', '--passes', '2'],
        ['texture', '--pick', '2'],
        ['loop', '--frames', '3', '--jobs', '1'],
        ['degrade', '--kind', 'bi', 'bd', '--pad'],
    ):
        tool, *options = arguments
        call = [tool, str(source_set), '--output', str(tmp_path / tool), *options]
        assert main(call) == 0
        assert 'made, ' in capsys.readouterr().out
        assert main(call) == 0
        assert 'already there, ' in capsys.readouterr().out
        assert main(['verify', str(tmp_path / tool)]) == 0
    call = ['jump', str(tmp_path / 'loop'), '--output', str(tmp_path / 'jump')]
    assert main([*call, '--cuts', '1', '2', '--frames', '3']) == 0
    assert main(['verify', str(tmp_path / 'jump')]) == 0


def test_sets_without_hr_are_reported_by_their_lr(source_set: Path, tmp_path: Path, capsys):
    call = ['gamma', str(source_set), '--output', str(tmp_path / 'g'), '--frames', '4']
    assert main([*call, '--on', 'lr']) == 0
    assert '2 videos, 8 frames, LR 16x12' in capsys.readouterr().out


def test_errors_are_one_line(tmp_path: Path, capsys):
    assert main(['static', str(tmp_path), '--output', str(tmp_path / 'o'), '--frames', '3']) == 2
    error = capsys.readouterr().err
    assert error.startswith(f'error: {tmp_path}: no manifest.json') and error.count('\n') == 1


@pytest.mark.parametrize('option', [['--frames', '0'], ['--frames', 'x'], []])
def test_wrong_options(option):
    with pytest.raises(SystemExit) as caught:
        main(['static', 'set', '--output', 'out', *option])
    assert caught.value.code == 2


@pytest.mark.parametrize('value', ['inf', 'nan', '-1', '1e400'])
def test_gammas_out_of_range(source_set: Path, tmp_path: Path, value, capsys):
    call = ['gamma', str(source_set), '--output', str(tmp_path / 'g'), '--frames', '3']
    assert main([*call, f'--gamma-max={value}']) == 2
    error = capsys.readouterr().err
    assert error.startswith('error: gamma from ') and error.count('\n') == 1
    assert not (tmp_path / 'g').exists()


def test_frames_that_are_too_small_are_named(tmp_path: Path, write_video, photograph, capsys):
    write_video(tmp_path / 'hr' / 'tiny', [photograph[:1, :1]])
    assert main(['degrade', str(tmp_path / 'hr'), '--output', str(tmp_path / 'o')]) == 2
    assert f'{tmp_path}/hr/tiny/00000000.png: a frame of 1x1' in capsys.readouterr().err
