"""Contact sheets and short videos."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dataset_tools import preview
from dataset_tools.__main__ import main
from dataset_tools.frames import read_frame
from dataset_tools.manifest import DatasetError
from dataset_tools.pack.writer import make_packed_set
from dataset_tools.preview import make_preview
from dataset_tools.video import decode_video


def test_contact_sheet(source_set: Path, tmp_path: Path, read_video, capsys):
    output = tmp_path / 'sheet.png'
    assert main(['preview', str(source_set), '--output', str(output)]) == 0
    assert capsys.readouterr().out == f'{output}: 2 videos of {source_set}\n'
    sheet = read_frame(output)
    # Rows of a label and a frame of 160 x 120; 8 columns.
    assert sheet.shape == (2 * (18 + 120), 8 * 160, 3)
    last = cv2.resize(
        read_video(source_set, 'gt', 'a')[4], (160, 120), interpolation=cv2.INTER_AREA
    )
    assert np.array_equal(sheet[18:138, -160:], last)
    assert sheet[:18].max() > 200


def test_sheet_of_a_packed_set_is_the_same(source_set: Path, tmp_path: Path):
    packed = make_packed_set(source_set, tmp_path / 'packed')[0].root
    make_preview(source_set, tmp_path / 'a.png', 1)
    make_preview(packed, tmp_path / 'b.png', 1)
    assert (tmp_path / 'a.png').read_bytes() == (tmp_path / 'b.png').read_bytes()


@pytest.mark.parametrize('name', ['short.mp4', 'short.GIF'])
def test_short_video(source_set: Path, tmp_path: Path, name):
    assert make_preview(source_set, tmp_path / name, 12) == 2
    frames = list(decode_video(tmp_path / name))
    assert [frame.shape for frame in frames] == [(138, 320, 3)] * 5
    expected = cv2.resize(read_frame(source_set / 'gt/a/00000004.png'), (160, 120))
    difference = np.abs(frames[4][18:, :160].astype(int) - expected)
    assert difference.mean() < 20


def test_without_h264(source_set: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(preview.av, 'codecs_available', {'mpeg4'})
    make_preview(source_set, tmp_path / 'short.mp4', 12)
    assert len(list(decode_video(tmp_path / 'short.mp4'))) == 5


def test_what_cannot_be_drawn(source_set: Path, tmp_path: Path):
    with pytest.raises(DatasetError, match='must end in .png, .mp4 or .gif'):
        make_preview(source_set, tmp_path / 'sheet.pdf', 12)
    (tmp_path / 'file').touch()
    with pytest.raises(DatasetError, match='sheet.png: cannot be written .*Not a directory'):
        make_preview(source_set, tmp_path / 'file' / 'sheet.png', 12)
    (source_set / 'gt' / 'b' / '00000000.png').write_bytes(b'')
    before = set(tmp_path.iterdir())
    for name in ('sheet.png', 'short.mp4'):
        with pytest.raises(DatasetError, match='00000000.png: not an image'):
            make_preview(source_set, tmp_path / name, 12)
    assert set(tmp_path.iterdir()) == before
