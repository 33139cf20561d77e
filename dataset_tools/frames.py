"""Reading and writing frames: PNG files, folders of numbered images, video files.

Legend: h, w are height and width in pixels; every frame is RGB, uint8, h x w x 3, values 0..255.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from dataset_tools.limits import size_problem, size_text
from dataset_tools.manifest import DatasetError, png_size

IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp')

_NO_IMAGE = 'not an image, or a damaged one; replace the file by a PNG, JPEG or BMP'

# Fixed, so that the bytes do not follow OpenCV's defaults. On video frames run lengths are within
# 3 % of level 6 in size and three times as fast.
_PNG_OPTIONS = (
    cv2.IMWRITE_PNG_COMPRESSION,
    1,
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_RLE,
)


@dataclass(frozen=True)
class LazyFrame:
    """A frame that is made when its turn comes, by one of several threads.

    Attributes:
        key: Frames of one video with the same key are the same; they are made and stored once.
        make: Makes the frame.
    """

    key: Hashable
    make: Callable[[], np.ndarray]


# What a set's writer takes: an image file is read when its turn comes.
Frame = np.ndarray | Path | LazyFrame


def encode_png(frame: np.ndarray) -> bytes:
    """Encodes a frame, or a mask (h x w), as PNG; the same frame always gives the same bytes."""
    bgr = frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode('.png', bgr, _PNG_OPTIONS)
    if not done:
        raise DatasetError(f'OpenCV cannot encode a frame of shape {frame.shape} as PNG')
    return data.tobytes()


def read_frame(path: Path) -> np.ndarray:
    """Reads an image file; grey images become RGB.

    Args:
        path: A PNG, JPEG or BMP file.

    Returns:
        The frame, uint8, h x w x 3.

    Raises:
        DatasetError: The file is missing, not an image, damaged, or not 8-bit grey or RGB.
    """
    image = read_image(path)
    return cv2.cvtColor(image, cv2.COLOR_GRAY2RGB) if image.ndim == 2 else image


def read_image(path: Path) -> np.ndarray:
    """Reads an image file as ``read_frame`` does, but leaves grey images grey, uint8, h x w."""
    try:
        # A pipe or the like would be waited for.
        if path.exists() and not path.is_file():
            raise DatasetError(f'{path}: cannot be read (no ordinary file)')
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f'{path}: cannot be read ({error.strerror})') from error
    problem = _header_problem(data)
    if problem:
        raise DatasetError(f'{path}: {problem}')
    try:
        # IMREAD_UNCHANGED, for otherwise 16-bit images would silently lose their lower half.
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        image = None
    if image is None:
        raise DatasetError(f'{path}: {_NO_IMAGE}')
    if image.dtype != np.uint8 or (image.ndim == 3 and image.shape[2] != 3):
        raise DatasetError(
            f'{path}: not 8-bit grey or RGB ({image.dtype}, shape {image.shape}); convert it first'
        )
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _header_problem(data: bytes) -> str | None:
    """Why an image file is not decoded, by what its header claims."""
    size = png_size(data) or _jpeg_size(data) or _bmp_size(data)
    return _NO_IMAGE if size is None else size_problem(size)


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """(height, width) of a JPEG file by its first start of frame."""
    if not data.startswith(b'\xff\xd8'):
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        # Fill bytes and markers without a length.
        if marker == 0xFF:
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return struct.unpack_from('>HH', data, at + 5)
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], 'big')
    return None


def _bmp_size(data: bytes) -> tuple[int, int] | None:
    """(height, width) of a BMP file; the sign of the height tells which row comes first."""
    if not data.startswith(b'BM') or len(data) < 26:
        return None
    old = struct.unpack_from('<I', data, 14)[0] == 12
    width, height = struct.unpack_from('<HH' if old else '<ii', data, 18)
    return abs(height), abs(width)


def list_frames(folder: Path) -> list[Path]:
    """Lists the frames of a video stored as numbered images, which may start at any number.

    Args:
        folder: Holds files whose names end in the frame number, ``00000000.png`` or ``img_17.jpg``;
            files whose names start with a dot are passed over.

    Returns:
        The files in the order of their numbers.

    Raises:
        DatasetError: No frames, a file that is no frame, a number given twice, or a gap.
    """
    numbered: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith('.'):
            continue
        digits = re.search(r'(\d+)$', path.stem)
        if path.suffix.lower() not in IMAGE_SUFFIXES or digits is None:
            raise DatasetError(
                f'{path}: not a numbered image ({", ".join(IMAGE_SUFFIXES)}); move it away'
            )
        other = numbered.setdefault(int(digits[0]), path)
        if other != path:
            raise DatasetError(f'{path}: same frame number as {other.name}; remove one of the two')
    if not numbered:
        raise DatasetError(f'{folder}: no frames in this folder ({", ".join(IMAGE_SUFFIXES)})')
    first, last = min(numbered), max(numbered)
    for number in range(first, last):
        if number not in numbered:
            raise DatasetError(
                f'{folder}: gap in numbering, no frame {number} between {first} and {last}'
            )
    return [numbered[number] for number in sorted(numbered)]


def read_frames(paths: list[Path]) -> Iterator[np.ndarray]:
    """Reads the frames of one video, one at a time.

    Raises:
        DatasetError: A file cannot be read, or its size is not that of the first frame.
    """
    first = None
    for path in paths:
        frame = read_frame(path)
        first = frame.shape if first is None else first
        if frame.shape != first:
            raise DatasetError(
                f'{path}: frame is {size_text(frame.shape)}, but {paths[0].name} is '
                f'{size_text(first)}; all frames of a video have one size'
            )
        yield frame


def decode_video(path: Path) -> Iterator[np.ndarray]:
    """Decodes a video file frame by frame.

    Args:
        path: Any file that FFmpeg reads (mp4, mkv, y4m, GIF, ...).

    Yields:
        Frames, uint8, h x w x 3.

    Raises:
        DatasetError: The file is missing, not a video, damaged, or ends before its last frame.
    """
    decoded = promised = 0
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise DatasetError(f'{path}: no video in this file')
            stream = container.streams.video[0]
            problem = size_problem((stream.height, stream.width))
            if problem:
                raise DatasetError(f'{path}: {problem}')
            stream.thread_type = 'AUTO'
            promised = stream.frames
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    raise DatasetError(f'{path}: frame {decoded} is damaged; fetch the file again')
                yield frame.to_ndarray(format='rgb24')
                decoded += 1
    except (av.FFmpegError, OSError) as error:
        raise DatasetError(
            f'{path}: cannot be decoded after {decoded} frames ({error}); fetch the file again'
        ) from error
    # Containers that do not promise a number say 0.
    if decoded < max(promised, 1):
        raise DatasetError(
            f'{path}: truncated, {decoded} frames of {promised}; fetch the file again'
        )
