"""Video files for tests: every kind that PyAV can write, intact and damaged."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

CODECS = {
    '.mp4': ('libx264', 'yuv420p'),
    '.mov': ('libx264', 'yuv420p'),
    '.m4v': ('mpeg4', 'yuv420p'),
    '.mkv': ('ffv1', 'bgr0'),
    '.webm': ('libvpx-vp9', 'yuv420p'),
    '.avi': ('mpeg4', 'yuv420p'),
    '.gif': ('gif', 'rgb8'),
    '.y4m': ('wrapped_avframe', 'yuv420p'),
    '.ts': ('libx264', 'yuv420p'),
    '.mpg': ('mpeg2video', 'yuv420p'),
    '.flv': ('libx264', 'yuv420p'),
    '.wmv': ('wmv2', 'yuv420p'),
    '.ogv': ('libvpx', 'yuv420p'),
}


def pan(photograph: np.ndarray, frames: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Frames that move over a photograph by 4 pixels each."""
    return [np.ascontiguousarray(photograph[:height, 4 * t : 4 * t + width]) for t in range(frames)]


def write_file(
    path: Path,
    frames: Iterable[np.ndarray],
    codec: str | None = None,
    pixels: str | None = None,
    rate: Fraction | int = 25,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    times: Iterable[int] | None = None,
    rotation: float | None = None,
    flips: dict[str, bool] | None = None,
    pixel_aspect: Fraction | None = None,
    matrix: int | None = None,
) -> Path:
    """Writes a video file; an mp4 has its index first, so that truncation affects only later frames.

    Args:
        path: Its suffix says which container, and which codec if none is given.
        frames: uint8, h x w x 3, one size.
        codec: FFmpeg's name of the encoder.
        pixels: Format of its pixels.
        rate: Frames per second.
        options: Of the encoder.
        container_options: Of the container.
        times: Time of each frame, in 1/rate; they follow each other by default.
        rotation: Degrees by which players turn it counter-clockwise.
        flips: ``hflip`` and ``vflip``, which players do.
        pixel_aspect: Width of a pixel over its height.
        matrix: FFmpeg's number of the colour matrix; not told by default.
    """
    default = CODECS.get(path.suffix, (codec, pixels))
    codec, pixels = codec or default[0], pixels or default[1]
    if container_options is None:
        container_options = {'movflags': 'faststart'} if path.suffix == '.mp4' else {}
    frames = list(frames)
    with av.open(str(path), 'w', options=container_options) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        if rotation is not None:
            stream.set_display_rotation(rotation, **flips or {})
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if matrix is not None:
            stream.codec_context.colorspace = matrix
        for time, rgb in zip(times or range(len(frames)), frames, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format='rgb24')
            frame = frame.reformat(format=pixels, dst_colorspace=matrix)
            frame.pts, frame.time_base = time, 1 / Fraction(rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def copy_file(
    source: Path, target: Path, first_key_frame: int = 0, hidden: int = 0, **options: Any
) -> Path:
    """Copies the frames of a video file to another one without re-encoding.

    Args:
        source: The file.
        target: The copy.
        first_key_frame: The copy begins there.
        hidden: Number of frames at the beginning that an edit list hides (mp4, mov).
        **options: Of the container.
    """
    if hidden:
        options['avoid_negative_ts'] = 'disabled'
    with av.open(str(source)) as old, av.open(str(target), 'w', options=options) as new:
        stream = old.streams.video[0]
        copy = new.add_stream_from_template(stream)
        number, start = -1, None
        for packet in old.demux(stream):
            number += packet.is_keyframe
            if not packet.size or number < first_key_frame:
                continue
            if start is None:
                start = packet.dts + round(hidden / stream.average_rate / stream.time_base)
            packet.pts -= start
            packet.dts -= start
            packet.stream = copy
            new.mux(packet)
    return target


def cut_off(path: Path, share: float) -> Path:
    """Truncates a file to this share of its bytes."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def damage(path: Path, first: float, last: float) -> Path:
    """Overwrites a file's bytes between these shares of it."""
    data = bytearray(path.read_bytes())
    for at in range(int(len(data) * first), int(len(data) * last)):
        data[at] = (at * 37 + 11) % 256
    path.write_bytes(data)
    return path
