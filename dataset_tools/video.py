"""Reads video files: their header, their number of frames, and their frames upright.

Every frame is RGB, uint8, h x w x 3, values 0..255.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.stream import Disposition

from dataset_tools.limits import size_problem, size_text
from dataset_tools.manifest import DatasetError
from dataset_tools.orientation import Orientation
from dataset_tools.timeline import Fault, Timeline

VIDEO_SUFFIXES = (
    *('.mp4', '.m4v', '.mov', '.mkv', '.webm', '.avi', '.gif', '.y4m'),
    *('.ts', '.mts', '.m2ts', '.mpg', '.mpeg', '.wmv', '.flv', '.ogv'),
)

_UNSPECIFIED = 2  # FFmpeg's number for an unspecified colour matrix
_HD_HEIGHT = 720
_ROUNDING = 1e-4  # of timestamps, in seconds
_AGAIN = 'download or copy the file again'


@dataclass(frozen=True)
class VideoHeader:
    """What is known of a video file after decoding its first frame.

    Attributes:
        height: Height of upright frames in pixels.
        width: Width of upright frames in pixels.
        rate: Average number of frames per second; None if unknown.
        pixel_aspect: Width of a pixel divided by its height, in upright frames.
        expected: Approximate number of frames; None if unknown.
        notes: What a user should know about how it is read, a sentence each.
    """

    height: int
    width: int
    rate: Fraction | None
    pixel_aspect: Fraction
    expected: int | None
    notes: tuple[str, ...]


def read_header(path: Path) -> VideoHeader:
    """Reads the header of a video file and decodes its first frame.

    Raises:
        DatasetError: The file is missing, not a video, or its first frame is damaged.
    """
    with _opened(path) as (container, stream):
        picture = next(_pictures(container, stream, path))
        orientation = _orientation(picture, path)
        size = (picture.height, picture.width)
        aspect = stream.sample_aspect_ratio or Fraction(1)
        if orientation.transpose:
            size, aspect = size[::-1], 1 / aspect
        rate = stream.average_rate or stream.guessed_rate
        duration = (container.duration or 0) / av.time_base
        return VideoHeader(
            *size,
            rate=rate,
            pixel_aspect=aspect,
            expected=stream.frames or round(duration * (rate or 0)) or None,
            notes=tuple(_notes(container, stream, picture)),
        )


def count_pictures(path: Path) -> tuple[int, str | None]:
    """Decodes a video file to count its frames, because edit lists make headers unreliable.

    Returns:
        The number of frames before the first damaged one; and what is wrong with the file, or
        None.

    Raises:
        DatasetError: See ``read_header``.
    """
    count = 0
    try:
        with _opened(path) as (container, stream):
            for _ in _pictures(container, stream, path):
                count += 1
    except _FaultError as error:
        if not count:
            raise
        return count, error.problem
    return count, None


def decode_video(path: Path) -> Iterator[np.ndarray]:
    """Decodes a video file frame by frame.

    Args:
        path: Any file that FFmpeg reads (mp4, mkv, y4m, GIF, ...).

    Yields:
        Upright frames, uint8, h x w x 3, of the largest video stream.

    Raises:
        DatasetError: The file is missing or not a video; or, after the last intact frame, it is
            damaged or truncated as far as its timestamps tell (see ``Timeline``).
    """
    with _opened(path) as (container, stream):
        for picture in _pictures(container, stream, path):
            yield _orientation(picture, path).turn(picture.to_ndarray(format='rgb24'))


class _FaultError(DatasetError):
    """Something is wrong with the frames of a file."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f'{path}: {problem}; {_AGAIN}')
        self.problem = problem


@contextmanager
def _opened(path: Path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise DatasetError(f'{path}: cannot be opened ({error}); {_AGAIN}') from error
    with container:
        streams = _streams(container)
        if not streams:
            raise DatasetError(f'{path}: no video in this file')
        # FFmpeg itself chooses the one marked as default, but in mp4 files that mark means little.
        stream = max(streams, key=lambda stream: stream.width * stream.height)
        problem = size_problem((stream.height, stream.width))
        if problem:
            raise DatasetError(f'{path}: {problem}')
        stream.thread_type = 'AUTO'
        yield container, stream


def _streams(container: av.container.InputContainer) -> list[av.VideoStream]:
    """Returns the video streams, without cover art."""
    return [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]


def _pictures(
    container: av.container.InputContainer, stream: av.VideoStream, path: Path
) -> Iterator[av.VideoFrame]:
    """Yields a stream's frames; raises _FaultError after the last intact one if any is missing."""
    number, size = 0, None
    timeline = Timeline(container, stream)
    try:
        for picture in _decoded(container, stream, timeline):
            found = (picture.height, picture.width)
            size = size or found
            if picture.is_corrupt:
                raise _FaultError(path, f'frame {number} is damaged')
            if found != size:
                sizes = f'{size_text(found)}, the ones before {size_text(size)}'
                raise _FaultError(path, f'frame {number} is {sizes}')
            yield picture
            number += 1
    except (av.FFmpegError, OSError) as error:
        raise _FaultError(path, f'cannot be decoded after {number} frames ({error})') from error
    if not number:
        raise _FaultError(path, 'no intact frame in this file')
    if fault := timeline.fault():
        raise _FaultError(path, fault.text)


def _decoded(
    container: av.container.InputContainer, stream: av.VideoStream, timeline: Timeline
) -> Iterator[av.VideoFrame]:
    """Yields frames in the order in which they are shown, up to the first missing one.

    The last packet is held back until it is known whether the file was cut off within it.
    """
    waiting: av.Packet | None = None
    for packet in container.demux():
        timeline.add(packet)
        if packet.stream.index != stream.index:
            continue
        if packet.is_corrupt or (not packet.size and packet.dts is None):
            break
        if packet.size:
            if waiting is not None:
                yield from stream.decode(waiting)
            waiting = packet
    end = (timeline.fault() or Fault('')).end
    is_whole = end == math.inf or waiting is not timeline.last
    last = stream.decode(waiting) if waiting is not None and is_whole else []
    clock = float(stream.time_base or 0)
    for picture in chain(last, stream.decode(None)):
        if picture.pts is not None and picture.pts * clock >= end - _ROUNDING:
            return
        yield picture


def _orientation(picture: av.VideoFrame, path: Path) -> Orientation:
    matrix = picture.side_data.get('DISPLAYMATRIX')
    if matrix is None:
        return Orientation()
    a, b, _, c, d, *_ = np.frombuffer(cast(bytes, matrix), np.int32).tolist()
    orientation = Orientation.of_matrix(a, b, c, d)
    if orientation is None:
        raise DatasetError(f'{path}: its rotation is not a multiple of 90 degrees; rotate it first')
    return orientation


def _notes(
    container: av.container.InputContainer, stream: av.VideoStream, picture: av.VideoFrame
) -> Iterator[str]:
    streams = _streams(container)
    if len(streams) > 1:
        size = size_text((stream.height, stream.width))
        yield f'has {len(streams)} video streams; the largest is read, {size}'
    pixels = picture.format
    has_matrix = not (pixels.is_rgb or pixels.has_palette or len(pixels.components) < 3)
    is_hd = min(picture.height, picture.width) >= _HD_HEIGHT
    if is_hd and has_matrix and picture.colorspace == _UNSPECIFIED:
        yield 'is HD without a colour matrix; BT.601 is assumed, as in FFmpeg'
