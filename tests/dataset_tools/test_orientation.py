"""Images and videos that are stored sideways or mirrored, beside what Pillow and a matrix say."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from dataset_tools.frames import encode_png, read_frame, read_image
from dataset_tools.manifest import DatasetError
from dataset_tools.orientation import Orientation
from dataset_tools.video import decode_video, read_header
from tests.videos import pan, write_file


def tagged(frame: np.ndarray, kind: str, value: int) -> bytes:
    """An image file that tells its EXIF orientation."""
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = value
    Image.fromarray(frame).save(file, kind, exif=exif.tobytes())
    return file.getvalue()


@pytest.mark.parametrize('kind', ['png', 'jpeg'])
@pytest.mark.parametrize('value', [*range(1, 9), 0, 99])
def test_images_by_their_exif_entry(tmp_path: Path, photograph, kind, value):
    data = tagged(photograph[:40, :64], kind, value)
    stored = Image.open(io.BytesIO(data))
    stored_pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)[..., ::-1]
    upright = Image.fromarray(stored_pixels)
    upright.getexif()[0x0112] = stored.getexif()[0x0112]
    path = tmp_path / f'0.{kind}'
    path.write_bytes(data)
    expected = np.asarray(ImageOps.exif_transpose(upright))
    assert expected.shape == ((64, 40, 3) if 5 <= value <= 8 else (40, 64, 3))
    assert np.array_equal(read_frame(path), expected)


def test_grey_images_and_entries_after_the_pixels(tmp_path: Path, photograph):
    grey = photograph[:40, :64, 0]
    path = tmp_path / '0.png'
    path.write_bytes(tagged(grey, 'png', 6))
    assert np.array_equal(read_image(path), np.rot90(grey, -1))
    data = path.read_bytes()
    at = data.index(b'eXIf') - 4
    length = int.from_bytes(data[at : at + 4], 'big') + 12
    chunk, rest = data[at : at + length], data[:at] + data[at + length :]
    path.write_bytes(rest[:-12] + chunk + rest[-12:])
    assert np.array_equal(read_image(path), np.rot90(grey, -1))


def test_damaged_entries_are_passed_over(tmp_path: Path, photograph):
    data = encode_png(photograph[:40, :64])
    chunk = b'\0\0\0\x06eXIfII*\0\xff\xff' + b'\0\0\0\0'
    (tmp_path / '0.png').write_bytes(data[:33] + chunk + data[33:])
    assert np.array_equal(read_frame(tmp_path / '0.png'), photograph[:40, :64])


def shown(frame: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """Every pixel by itself at x' = a*x + c*y, y' = b*x + d*y, moved so that all are in sight."""
    a, b, c, d = matrix
    places = {
        (b * x + d * y, a * x + c * y): frame[y, x]
        for y in range(frame.shape[0])
        for x in range(frame.shape[1])
    }
    top, left = (min(place[axis] for place in places) for axis in (0, 1))
    bottom, right = (max(place[axis] for place in places) for axis in (0, 1))
    out = np.zeros((bottom - top + 1, right - left + 1, 3), np.uint8)
    for (y, x), pixel in places.items():
        out[y - top, x - left] = pixel
    return out


def test_display_matrices(photograph):
    frame = photograph[:3, :5].copy()
    matrices = [(a, 0, 0, d) for a in (-1, 1) for d in (-1, 1)]
    matrices += [(0, b, c, 0) for b in (-1, 1) for c in (-1, 1)]
    for matrix in matrices:
        turned = Orientation.of_matrix(*matrix).turn(frame)
        assert np.array_equal(turned, shown(frame, matrix)) and turned.flags['C_CONTIGUOUS']
        scaled = (65536 * value + rest for value, rest in zip(matrix, (0, 3, -2, 0), strict=True))
        assert Orientation.of_matrix(*scaled) == Orientation.of_matrix(*matrix)
    assert Orientation.of_matrix(0, 0, 0, 0) == Orientation()
    assert Orientation.of_matrix(46340, -46340, 46340, 46340) is None


@pytest.mark.parametrize('suffix', ['.mp4', '.mov', '.mkv', '.webm'])
@pytest.mark.parametrize('degrees', [0, 90, 180, 270])
def test_videos_are_turned_as_players_do(tmp_path: Path, photograph, suffix, degrees):
    frames = pan(photograph, 3)
    plain = list(decode_video(write_file(tmp_path / f'plain{suffix}', frames)))
    path = write_file(tmp_path / f'turned{suffix}', frames, rotation=degrees)
    expected = [np.rot90(frame, degrees // 90) for frame in plain]
    assert np.array_equal(np.stack(list(decode_video(path))), np.stack(expected))
    header = read_header(path)
    assert (header.height, header.width) == expected[0].shape[:2]


def test_mirrored_videos_and_odd_angles(tmp_path: Path, photograph):
    frames = pan(photograph, 1)
    (plain,) = decode_video(write_file(tmp_path / 'a.mp4', frames))
    path = write_file(tmp_path / 'b.mp4', frames, rotation=0, flips={'hflip': True})
    assert np.array_equal(next(decode_video(path)), plain[:, ::-1])
    path = write_file(tmp_path / 'c.mp4', frames, rotation=30)
    with pytest.raises(DatasetError, match='c.mp4: its rotation is not a multiple of 90'):
        next(decode_video(path))
