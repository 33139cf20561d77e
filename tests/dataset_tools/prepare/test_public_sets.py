"""The expected public sets against the papers' tables, and the help of their commands."""

from __future__ import annotations

import pytest

from dataset_tools.__main__ import main
from dataset_tools.prepare.public_sets import SETS, Shape, compare, runs


def test_the_numbers_of_the_papers_tables():
    # Tables I to III: videos, frames, heights, widths.
    tables = {
        'vimeo/train': (278, (120, 120), (360, 1080), (640, 2048)),
        'reds/train': (236, (100, 100), (720, 720), (1280, 1280)),
        'reds/redsval4': (4, (100, 100), (720, 720), (1280, 1280)),
        'vimeo/val4': (4, (74, 100), (540, 540), (1024, 1024)),
        'reds/reds4': (4, (100, 100), (720, 720), (1280, 1280)),
        'quasi-static': (4, (172, 379), (360, 540), (640, 960)),
    }
    for key, numbers in tables.items():
        expected = SETS[key]
        assert (expected.count, expected.frames, expected.heights, expected.widths) == numbers
    vid4 = SETS['vid4'].shapes.values()
    assert (min(v.frames for v in vid4), max(v.frames for v in vid4)) == (34, 49)


def test_runs_and_ranges():
    assert runs(['000', '001', '002', '005', '007', '008', 'a']) == '000-002, 005, 007, 008, a'
    vimeo = SETS['vimeo/train']
    faults, _ = compare(vimeo, {'x': Shape(120, 1080, 2048), 'y': Shape(100, 360, 320)})
    assert faults == (
        'Vimeo: 2 videos instead of 278',
        'Vimeo: y has 100 frames instead of 120',
        'Vimeo: y is 320x360 instead of 640-2048x360-1080',
    )


@pytest.mark.parametrize(
    'name', ['vid4', 'reds', 'vimeo', 'ristn-train', 'set5', 'images', 'video']
)
def test_help_has_an_example(name, capsys):
    with pytest.raises(SystemExit):
        main(['prepare', name, '--help'])
    assert f'example:\n  python -m dataset_tools prepare {name} ' in capsys.readouterr().out
