"""Bad input: every kind of it gives a DatasetError that names the file."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from dataset_tools.frames import encode_png, list_frames, read_frame, read_frames
from dataset_tools.manifest import DatasetError


def test_png_round_trip_and_same_bytes(tmp_path: Path, photograph):
    data = encode_png(photograph)
    assert data == encode_png(photograph.copy())
    (tmp_path / '0.png').write_bytes(data)
    assert np.array_equal(read_frame(tmp_path / '0.png'), photograph)


def test_grey_images_become_rgb(tmp_path: Path, photograph):
    cv2.imwrite(str(tmp_path / '0.png'), photograph[..., 0])
    assert np.array_equal(read_frame(tmp_path / '0.png'), photograph[..., :1].repeat(3, axis=2))


@pytest.mark.parametrize(
    'content', [b'', b'no image', encode_png(np.zeros((9, 9, 3), np.uint8))[:60]]
)
def test_not_an_image(tmp_path: Path, content):
    (tmp_path / '00000003.png').write_bytes(content)
    with pytest.raises(DatasetError, match='00000003.png: not an image'):
        read_frame(tmp_path / '00000003.png')


def test_missing_and_sixteen_bit_images(tmp_path: Path):
    with pytest.raises(DatasetError, match='0.png: cannot be read'):
        read_frame(tmp_path / '0.png')
    cv2.imwrite(str(tmp_path / '1.png'), np.zeros((8, 8, 3), np.uint16))
    with pytest.raises(DatasetError, match='1.png: not 8-bit'):
        read_frame(tmp_path / '1.png')


def test_numbering(hr_folder: Path):
    folder = hr_folder / 'a'
    (folder / '.hidden').touch()
    assert [path.name for path in list_frames(folder)] == [f'{i:08d}.png' for i in range(5)]
    (folder / '00000002.png').unlink()
    with pytest.raises(DatasetError, match='gap in numbering, no frame 2'):
        list_frames(folder)
    (folder / '2.png').touch()
    (folder / 'frame_2.jpg').touch()
    with pytest.raises(DatasetError, match='frame_2.jpg: same frame number as 2.png') as caught:
        list_frames(folder)
    assert not {'remove', 'delete'} & set(str(caught.value).split())


@pytest.mark.parametrize(
    'pattern',
    ['{:08d}_x4.png', '000_{:03d}_sr.png', 'x2_{}_bicubic.jpg', '{:04d}_1080p.png', 'im{}.png'],
)
def test_numbers_before_a_scale_or_a_method(tmp_path: Path, pattern):
    names = [pattern.format(number) for number in range(3, 14)]
    for name in names:
        (tmp_path / name).touch()
    assert [path.name for path in list_frames(tmp_path)] == names


def test_numbers_of_several_videos_in_one_folder(tmp_path: Path):
    for name in ('000_0.png', '000_1.png', '001_0.png', '001_1.png'):
        (tmp_path / name).touch()
    with pytest.raises(DatasetError, match='001_0.png: same .* as 000_0.png; a folder holds the'):
        list_frames(tmp_path)


def test_folders_that_hold_no_frames(hr_folder: Path, tmp_path: Path):
    (hr_folder / 'a' / 'notes.txt').touch()
    with pytest.raises(DatasetError, match='notes.txt: not a numbered image'):
        list_frames(hr_folder / 'a')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(DatasetError, match='empty: no frames'):
        list_frames(tmp_path / 'empty')


def test_frame_of_another_size(hr_folder: Path, photograph):
    (hr_folder / 'a' / '00000003.png').write_bytes(encode_png(photograph[:20, :32]))
    with pytest.raises(DatasetError, match='3.png: frame is 32x20, but .* is 64x48'):
        list(read_frames(list_frames(hr_folder / 'a')))


def _claims(kind: str, photograph, height: int, width: int) -> bytes:
    """A real image whose header claims another size."""
    data = bytearray(cv2.imencode(f'.{kind}', photograph[:48, :64])[1].tobytes())
    if kind == 'jpg':
        at = data.index(b'\xff\xc0')
        struct.pack_into('>HH', data, at + 5, height, width)
    elif kind == 'png':
        struct.pack_into('>II', data, 16, width, height)
        struct.pack_into('>I', data, 29, zlib.crc32(data[12:29]))
    else:
        struct.pack_into('<ii', data, 18, width, -height)
    return bytes(data)


@pytest.mark.parametrize('kind', ['png', 'jpg', 'bmp'])
def test_images_that_claim_to_be_huge(tmp_path: Path, photograph, kind, monkeypatch):
    path = tmp_path / f'0.{kind}'
    for size in ((60000, 60000), (30000, 30000), (10001, 10000)):
        path.write_bytes(_claims(kind, photograph, *size))
        wanted = f'0.{kind}: a frame of {size[1]}x{size[0]} pixels is above the limit of 100 mega'
        with pytest.raises(DatasetError, match=wanted):
            read_frame(path)
    path.write_bytes(_claims(kind, photograph, 48, 64))
    assert read_frame(path).shape == (48, 64, 3)
    monkeypatch.setenv('VSR_MAX_MEGAPIXELS', '0.003')
    with pytest.raises(DatasetError, match='above the limit of 0.003 megapixels'):
        read_frame(path)


def test_pipes_are_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / '0.png')
    with pytest.raises(DatasetError, match='0.png: cannot be read'):
        read_frame(tmp_path / '0.png')
