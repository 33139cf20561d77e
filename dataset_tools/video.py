"""Video files: their header, the number of their pictures, and their frames upright.

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

_UNSPECIFIED = 2  # FFmpeg's number for a matrix of colours that a file does not tell
_HD_HEIGHT = 720
_ROUNDING = 1e-4  # of timestamps, in seconds
_AGAIN = 'fetch the file again'


@dataclass(frozen=True)
class VideoHeader:
    """What is known of a video file when its first picture has been decoded.

    Attributes:
        height: Of the frames as they are to be seen, in pixels.
        width: The same.
        rate: Average number of frames per second; None where that is not known.
        pixel_aspect: Width of a pixel over its height, as it is to be seen.
        expected: How many pictures to expect, roughly; None where nothing tells.
        notes: What a user should know of how it is read, a sentence each.
    """

    height: int
    width: int
    rate: Fraction | None
    pixel_aspect: Fraction
    expected: int | None
    notes: tuple[str, ...]


def read_header(path: Path) -> VideoHeader:
    """Reads what a video file says of itself, and its first picture.

    Raises:
        DatasetError: The file is missing, not a video, or its first picture is damaged.
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
    """Decodes a video file to count its pictures; edit lists and the like make headers unreliable.

    Returns:
        How many can be decoded, up to the first damaged one; and what is wrong with the file, if
        anything is.

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
        Frames, uint8, h x w x 3, turned as the file tells; of several videos in it the largest.

    Raises:
        DatasetError: The file is missing or not a video; after the last whole frame also: it is
            damaged or cut off, as far as its timestamps tell (see ``Timeline``).
    """
    with _opened(path) as (container, stream):
        for picture in _pictures(container, stream, path):
            yield _orientation(picture, path).turn(picture.to_ndarray(format='rgb24'))


class _FaultError(DatasetError):
    """Something is wrong with the pictures of a file."""

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
        # FFmpeg's own choice is the one marked as default, which mp4 files mark without a reason.
        stream = max(streams, key=lambda stream: stream.width * stream.height)
        problem = size_problem((stream.height, stream.width))
        if problem:
            raise DatasetError(f'{path}: {problem}')
        stream.thread_type = 'AUTO'
        yield container, stream


def _streams(container: av.container.InputContainer) -> list[av.VideoStream]:
    """Video streams, without the covers of albums."""
    return [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]


def _pictures(
    container: av.container.InputContainer, stream: av.VideoStream, path: Path
) -> Iterator[av.VideoFrame]:
    """Pictures of a stream; raises _FaultError after the last whole one if something is missing."""
    number, size = 0, None
    timeline = Timeline(container, stream)
    try:
        for picture in _decoded(container, stream, timeline):
            found = (picture.height, picture.width)
            size = size or found
            if picture.is_corrupt:
                raise _FaultError(path, f'picture {number} is damaged')
            if found != size:
                sizes = f'{size_text(found)}, the ones before {size_text(size)}'
                raise _FaultError(path, f'picture {number} is {sizes}')
            yield picture
            number += 1
    except (av.FFmpegError, OSError) as error:
        raise _FaultError(path, f'cannot be decoded after {number} pictures ({error})') from error
    fault = timeline.fault()
    if fault or not number:
        raise _FaultError(path, fault.text if number else 'no whole picture in this file')


def _decoded(
    container: av.container.InputContainer, stream: av.VideoStream, timeline: Timeline
) -> Iterator[av.VideoFrame]:
    """Pictures in the order in which they are shown, up to the first that is not there.

    The last packet waits until it is known whether the file was cut off within it.
    """
    waiting = None
    for packet in container.demux():
        timeline.add(packet)
        if packet.stream.index != stream.index:
            continue
        if packet.is_corrupt or (not packet.size and packet.dts is None):
            break
        if packet.size:
            if waiting is not None:
                yield from waiting.decode()
            waiting = packet
    end = (timeline.fault() or Fault('')).end
    is_whole = waiting is not None and (end == math.inf or waiting is not timeline.last)
    for picture in chain(waiting.decode() if is_whole else (), stream.decode(None)):
        if picture.pts is not None and picture.pts * float(stream.time_base) >= end - _ROUNDING:
            return
        yield picture


def _orientation(picture: av.VideoFrame, path: Path) -> Orientation:
    matrix = picture.side_data.get('DISPLAYMATRIX')
    if matrix is None:
        return Orientation()
    a, b, _, c, d, *_ = np.frombuffer(matrix, np.int32).tolist()
    orientation = Orientation.of_matrix(a, b, c, d)
    if orientation is None:
        raise DatasetError(
            f'{path}: is to be turned by an angle that is no multiple of 90 degrees; turn it first'
        )
    return orientation


def _notes(
    container: av.container.InputContainer, stream: av.VideoStream, picture: av.VideoFrame
) -> Iterator[str]:
    streams = _streams(container)
    if len(streams) > 1:
        size = size_text((stream.height, stream.width))
        yield f'holds {len(streams)} videos; the largest is taken, {size}'
    pixels = picture.format
    has_matrix = not (pixels.is_rgb or pixels.has_palette or len(pixels.components) < 3)
    is_hd = min(picture.height, picture.width) >= _HD_HEIGHT
    if is_hd and has_matrix and picture.colorspace == _UNSPECIFIED:
        yield 'is HD and tells no colour matrix; BT.601 is assumed, as FFmpeg does'
