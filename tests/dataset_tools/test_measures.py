"""The table of a set: its numbers, and that a packed set has the same."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from dataset_tools.__main__ import main
from dataset_tools.degrade.sets import make_degraded_set
from dataset_tools.measures import describe_videos, motion, texture
from dataset_tools.pack.writer import make_packed_set
from dataset_tools.static import make_static_set


def test_motion_of_known_shifts(photograph):
    for shift in (1, 3):
        before, after = photograph[:120, :160], photograph[:120, shift : 160 + shift]
        assert motion(before, after) == pytest.approx(shift, rel=0.1)
    assert motion(photograph, photograph) == 0
    assert 0 < motion(photograph[:5, :7], photograph[:5, 1:8]) < 10


def test_texture_by_hand(photograph):
    ramp = np.repeat(np.arange(0, 200, 2, dtype=np.uint8)[None, :, None], 50, 0).repeat(3, 2)
    # Two grey levels a pixel; at the two borders only half of that.
    assert texture(ramp) == pytest.approx(2 - 2 / 100, abs=1e-6)
    assert texture(np.full((5, 5, 3), 7, np.uint8)) == 0
    assert texture(photograph) > texture(photograph // 2)


@pytest.fixture
def pan_set(tmp_path: Path, photograph, write_video) -> Path:
    """A pan of one LR pixel a frame."""
    frames = [photograph[:160, 4 * t : 4 * t + 240] for t in range(12)]
    write_video(tmp_path / 'hr' / 'pan', frames)
    return make_degraded_set(tmp_path / 'hr', tmp_path / 'pan')[0].root


def test_table_of_a_moving_and_a_static_set(pan_set: Path, tmp_path: Path, capsys):
    (moving,) = describe_videos(pan_set)
    assert moving.motion == pytest.approx(1, rel=0.1) and moving.different == 12
    assert moving.disk == sum(f.stat().st_size for f in pan_set.rglob('*.png'))
    static_root = make_static_set(pan_set, tmp_path / 'static', 30)[0].root
    (still,) = describe_videos(static_root)
    assert (still.frames, still.different, still.motion) == (30, 1, 0)
    assert still.texture == pytest.approx(moving.texture, rel=0.1)
    assert main(['info', str(static_root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ['video', 'frames', 'different']
    assert lines[1].split()[:6] == ['pan', '30', '1', '240x160', '60x40', '0.000']
    assert lines[2].split()[:4] == ['1', 'videos', '30', '1'] and len(lines) == 3


def test_csv(pan_set: Path, capsys):
    assert main(['info', str(pan_set), '--csv']) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row['video'] == 'pan' and row['lr_size'] == '60x40' and float(row['motion']) > 0.8


def test_packed_set_has_the_same_numbers(pan_set: Path, tmp_path: Path):
    packed = make_packed_set(pan_set, tmp_path / 'packed')[0].root
    (before,), (after,) = describe_videos(pan_set), describe_videos(packed)
    assert (before.motion, before.texture) == (after.motion, after.texture)
