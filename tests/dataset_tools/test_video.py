"""Video files: what is shown of them, whatever their headers count."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dataset_tools.manifest import DatasetError
from dataset_tools.video import count_pictures, decode_video, read_header
from tests.videos import CODECS, copy_file, pan, write_file

# Key frames every 8 pictures, with pictures between them that need the one after.
_X264 = 'keyint=8:min-keyint=8:scenecut=0:bframes=3:b-adapt=0'


@pytest.fixture
def frames(photograph) -> list[np.ndarray]:
    return pan(photograph, 24)


@pytest.mark.parametrize('suffix', list(CODECS))
def test_whole_files_of_every_kind(tmp_path: Path, frames, suffix):
    path = write_file(tmp_path / f'pan{suffix}', frames)
    decoded = list(decode_video(path))
    assert [frame.shape for frame in decoded] == [(48, 64, 3)] * 24
    assert np.abs(np.stack(decoded).astype(int) - np.stack(frames)).mean() < 20
    assert count_pictures(path) == (24, None)
    header = read_header(path)
    assert (header.height, header.width, header.rate) == (48, 64, 25)
    assert header.pixel_aspect == 1 and header.notes == ()


@pytest.mark.parametrize('suffix', ['.mp4', '.mov'])
@pytest.mark.parametrize('hidden', [8, 10, 23])
def test_frames_that_an_edit_list_hides(tmp_path: Path, frames, suffix, hidden):
    whole = write_file(tmp_path / 'whole.mp4', frames, options={'x264-params': _X264})
    path = copy_file(whole, tmp_path / f'trimmed{suffix}', hidden=hidden)
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 24
    shown = list(decode_video(path))
    assert count_pictures(path) == (len(shown), None)
    expected = list(decode_video(whole))[24 - len(shown) :]
    assert 24 - hidden <= len(shown) < 24 and np.array_equal(np.stack(shown), np.stack(expected))


@pytest.mark.parametrize('suffix', ['.mp4', '.mkv'])
@pytest.mark.parametrize('codec', ['libx264', 'libx265'])
def test_copies_that_begin_at_an_open_gop(tmp_path: Path, frames, codec, suffix):
    options = {f'{codec[3:]}-params': f'{_X264}:open-gop=1:log-level=0'}
    whole = write_file(tmp_path / 'whole.mkv', frames, codec, 'yuv420p', options=options)
    path = copy_file(whole, tmp_path / f'copy{suffix}', first_key_frame=1)
    decoded = list(decode_video(whole))
    shown = list(decode_video(path))
    assert 16 <= len(shown) <= 17 and count_pictures(path) == (len(shown), None)
    assert np.array_equal(np.stack(shown), np.stack(decoded[-len(shown) :]))


def test_an_avi_with_empty_frames(tmp_path: Path, frames):
    times = [0, 1, 2, 5, 6, 7, 8, 9, 19, 20]
    path = write_file(tmp_path / 'a.avi', frames[:10], times=times)
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 21
    assert len(list(decode_video(path))) == 10 and count_pictures(path) == (10, None)


def test_rates_that_vary_are_no_damage(tmp_path: Path, frames):
    times = np.cumsum([0, *([1, 2, 1, 3] * 6)][:24]).tolist()
    path = write_file(tmp_path / 'a.webm', frames, times=times)
    assert count_pictures(path) == (24, None)


def test_the_largest_of_several_videos(tmp_path: Path, photograph):
    """Also where a smaller one comes first and is marked as default, as mp4 files do."""
    path = tmp_path / 'two.mp4'
    sizes = [(24, 32), (48, 64)]
    with av.open(str(path), 'w') as container:
        streams = [container.add_stream('libx264', rate=25) for _ in sizes]
        for stream, (height, width) in zip(streams, sizes, strict=True):
            stream.height, stream.width, stream.pix_fmt = height, width, 'yuv420p'
        for stream, (height, width) in zip(streams, sizes, strict=True):
            for rgb in pan(photograph, 6, height, width):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format='rgb24')))
            container.mux(stream.encode())
    assert [frame.shape for frame in decode_video(path)] == [(48, 64, 3)] * 6
    header = read_header(path)
    assert (header.height, header.width) == (48, 64)
    assert header.notes == ('has 2 video streams; the largest is read, 64x48',)


def test_sound_that_is_longer_than_the_video(tmp_path: Path, frames):
    path = tmp_path / 'sound.mkv'
    with av.open(str(path), 'w') as container:
        video, sound = (
            container.add_stream('ffv1', rate=25),
            container.add_stream('pcm_s16le', 8000),
        )
        video.height, video.width, video.pix_fmt = 48, 64, 'bgr0'
        for rgb in frames[:5]:
            frame = av.VideoFrame.from_ndarray(rgb, format='rgb24').reformat(format='bgr0')
            container.mux(video.encode(frame))
        container.mux(video.encode())
        for start in range(0, 16000, 1600):
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), layout='mono')
            samples.rate, samples.pts = 8000, start
            container.mux(sound.encode(samples))
        container.mux(sound.encode())
    assert count_pictures(path) == (5, None) and len(list(decode_video(path))) == 5


def test_pictures_of_another_size(tmp_path: Path, photograph):
    data = b''
    for height in (48, 32):
        path = tmp_path / f'{height}.h264'
        write_file(path, pan(photograph, 3, height), 'libx264', 'yuv420p')
        data += path.read_bytes()
    path.write_bytes(data)
    assert count_pictures(path) == (3, 'frame 3 is 64x32, the ones before 64x48')
    with pytest.raises(DatasetError, match='32.h264: frame 3 is 64x32, the ones before 64x48'):
        list(decode_video(path))


def test_pixels_that_are_no_squares(tmp_path: Path, frames):
    for suffix in ('.mp4', '.mkv', '.flv'):
        path = tmp_path / f'a{suffix}'
        write_file(path, frames[:3], 'libx264', 'yuv420p', pixel_aspect=Fraction(4, 3))
        assert read_header(path).pixel_aspect == Fraction(4, 3)
    path = write_file(tmp_path / 'b.mp4', frames[:3], pixel_aspect=Fraction(4, 3), rotation=90)
    assert read_header(path).pixel_aspect == Fraction(3, 4)


@pytest.mark.parametrize('size', [(720, 1280), (1280, 720), (576, 720)])
@pytest.mark.parametrize('matrix', [None, 1, 5])
def test_colours_by_the_matrix_that_is_told_or_assumed(tmp_path: Path, size, matrix):
    """Grey would not show a wrong matrix."""
    orange = np.full((*size, 3), (220, 90, 30), np.uint8)
    path = write_file(tmp_path / 'a.mp4', [orange], options={'preset': 'ultrafast'}, matrix=matrix)
    (frame,) = decode_video(path)
    assert np.abs(frame.astype(int) - orange).max() <= 4
    notes = read_header(path).notes
    if matrix is None and size != (576, 720):
        assert notes == ('is HD without a colour matrix; BT.601 is assumed, as in FFmpeg',)
    else:
        assert notes == ()
    if size == (720, 1280):
        rgb = write_file(tmp_path / 'a.mkv', [orange])
        assert read_header(rgb).notes == ()


def test_not_a_video(tmp_path: Path):
    (tmp_path / 'a.mp4').write_bytes(b'no video at all')
    for name in ('a.mp4', 'absent.mp4'):
        for read in (read_header, count_pictures, lambda path: next(decode_video(path))):
            problem = f'{name}: cannot be opened .*; download or copy the file'
            with pytest.raises(DatasetError, match=problem):
                read(tmp_path / name)
    with av.open(str(tmp_path / 'b.mkv'), 'w') as container:
        sound = container.add_stream('pcm_s16le', 8000)
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), layout='mono')
        samples.rate = 8000
        container.mux(sound.encode(samples))
    with pytest.raises(DatasetError, match='b.mkv: no video in this file'):
        read_header(tmp_path / 'b.mkv')


def test_huge_videos(tmp_path: Path, frames, monkeypatch):
    path = write_file(tmp_path / 'pan.mp4', frames[:2])
    monkeypatch.setenv('VSR_MAX_MEGAPIXELS', '0.003')
    with pytest.raises(DatasetError, match='pan.mp4: a frame of 64x48 pixels is above'):
        next(decode_video(path))
