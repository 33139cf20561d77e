"""Bad input: every kind of it gives a DatasetError that names the file."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from dataset_tools.frames import decode_video, encode_png, list_frames, read_frame, read_frames
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
    with pytest.raises(DatasetError, match='frame_2.jpg: same frame number as 2.png'):
        list_frames(folder)


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


@pytest.fixture
def video_file(tmp_path: Path, photograph) -> Path:
    """Ten frames of 64 x 48 in an mp4 whose index comes first, so that a cut end hurts late."""
    path = tmp_path / 'pan.mp4'
    with av.open(str(path), 'w', options={'movflags': 'faststart'}) as container:
        stream = container.add_stream('mpeg4', rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        for t in range(10):
            piece = np.ascontiguousarray(photograph[:48, 8 * t : 8 * t + 64])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(piece, format='rgb24')))
        container.mux(stream.encode())
    return path


def test_decoding(video_file: Path, photograph):
    frames = list(decode_video(video_file))
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 10
    assert np.abs(frames[9].astype(int) - photograph[:48, 72:136]).mean() < 20


def test_truncated_video(video_file: Path):
    video_file.write_bytes(video_file.read_bytes()[:-4000])
    with pytest.raises(DatasetError, match=r'pan\.mp4: '):
        list(decode_video(video_file))


def test_not_a_video(tmp_path: Path):
    (tmp_path / 'a.mp4').write_bytes(b'no video at all')
    for name in ('a.mp4', 'absent.mp4'):
        with pytest.raises(DatasetError, match=f'{name}: cannot be decoded after 0 frames'):
            list(decode_video(tmp_path / name))


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


def test_huge_videos(video_file: Path, monkeypatch):
    monkeypatch.setenv('VSR_MAX_MEGAPIXELS', '0.003')
    with pytest.raises(DatasetError, match='pan.mp4: a frame of 64x48 pixels is above'):
        next(decode_video(video_file))


def test_pipes_are_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / '0.png')
    with pytest.raises(DatasetError, match='0.png: cannot be read'):
        read_frame(tmp_path / '0.png')
