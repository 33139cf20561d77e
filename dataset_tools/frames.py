"""Reading and writing frames: image files and folders of numbered images.

Legend: h, w are height and width in pixels; every frame is RGB, uint8, h x w x 3, values 0..255.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dataset_tools.image_headers import image_orientation, image_size
from dataset_tools.limits import size_problem, size_text
from dataset_tools.manifest import DatasetError

IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp')

_NO_IMAGE = 'not an image, or a damaged one; replace the file by a PNG, JPEG or BMP'

# Fixed, so that the bytes do not depend on OpenCV's defaults. For video frames, run lengths give
# files within 3 % of level 6 in a third of the time.
_PNG_OPTIONS = (
    cv2.IMWRITE_PNG_COMPRESSION,
    1,
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_RLE,
)


@dataclass(frozen=True)
class LazyFrame:
    """A frame that one of several threads makes when it is needed.

    Attributes:
        key: Frames of one video with the same key are equal; they are made and stored once.
        make: Makes the frame.
    """

    key: Hashable
    make: Callable[[], np.ndarray]


# A frame as a set's writer takes it; an image file is read when it is needed.
Frame = np.ndarray | Path | LazyFrame


def encode_png(frame: np.ndarray) -> bytes:
    """Encodes a frame, or a mask (h x w), as PNG; equal frames always give equal bytes."""
    bgr = frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode('.png', bgr, _PNG_OPTIONS)
    if not done:
        raise DatasetError(f'OpenCV cannot encode a frame of shape {frame.shape} as PNG')
    return data.tobytes()


def read_frame(path: Path) -> np.ndarray:
    """Reads an image file, rotated upright by its EXIF entry; grey images become RGB.

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
        # Reading a pipe would block.
        if path.exists() and not path.is_file():
            raise DatasetError(f'{path}: cannot be read (not a regular file)')
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f'{path}: cannot be read ({error.strerror})') from error
    problem = _header_problem(data)
    if problem:
        raise DatasetError(f'{path}: {problem}')
    try:
        # IMREAD_UNCHANGED, because otherwise 16-bit images would silently lose their lower half.
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        image = None
    if image is None:
        raise DatasetError(f'{path}: {_NO_IMAGE}')
    if image.dtype != np.uint8 or (image.ndim == 3 and image.shape[2] != 3):
        raise DatasetError(
            f'{path}: not 8-bit grey or RGB ({image.dtype}, shape {image.shape}); convert it first'
        )
    image = image_orientation(data).turn(image)
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _header_problem(data: bytes) -> str | None:
    """Returns why an image file is not decoded, judging by its header."""
    size = image_size(data)
    return _NO_IMAGE if size is None else size_problem(size)


def list_frames(folder: Path) -> list[Path]:
    """Lists the frames of a video stored as numbered images, which may start at any number.

    Args:
        folder: Holds nothing but the frames; files whose names start with a dot are ignored.

    Returns:
        The files in the order of their numbers, see ``number_frames``.

    Raises:
        DatasetError: No frames, a file that is not an image, or see ``number_frames``.
    """
    paths = [path for path in sorted(folder.iterdir()) if not path.name.startswith('.')]
    for path in paths:
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            raise DatasetError(
                f'{path}: not a numbered image ({", ".join(IMAGE_SUFFIXES)}); move it away'
            )
    if not paths:
        raise DatasetError(f'{folder}: no frames in this folder ({", ".join(IMAGE_SUFFIXES)})')
    numbered = number_frames(paths)
    return [numbered[number] for number in sorted(numbered)]


def number_frames(paths: list[Path]) -> dict[int, Path]:
    """Returns the frame numbers of one video's images, ``img_17.jpg`` or ``001_0017_x4.png``.

    If names have several numbers, it is the last one that numbers the frames without a gap.

    Args:
        paths: At least one, all in one folder.

    Returns:
        Number -> image, in the order of ``paths``.

    Raises:
        DatasetError: An image has no number or the same as another one, or there is a gap.
    """
    found = [[int(digits) for digits in re.findall(r'\d+', path.stem)] for path in paths]
    if not all(found):
        path = paths[found.index([])]
        raise DatasetError(f'{path}: not a numbered image, such as 00000000.png; move it away')
    columns = [[row[-place] for row in found] for place in range(1, min(map(len, found)) + 1)]
    distinct = [numbers for numbers in columns if len(set(numbers)) == len(paths)]
    gapless = [numbers for numbers in distinct if max(numbers) - min(numbers) < len(paths)]
    numbers = (gapless or distinct or columns)[0]
    if not distinct:
        again = next(index for index, number in enumerate(numbers) if number in numbers[:index])
        raise DatasetError(
            f'{paths[again]}: same frame number as {paths[numbers.index(numbers[again])].name}; a '
            'folder holds the frames of one video, each with its own number'
        )
    if not gapless:
        first, last = min(numbers), max(numbers)
        missing = next(number for number in range(first, last) if number not in numbers)
        raise DatasetError(
            f'{paths[0].parent}: gap in numbering, no frame {missing} between {first} and {last}'
        )
    return dict(zip(numbers, paths, strict=True))


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
                f'{size_text(first)}; all frames of a video must have one size'
            )
        yield frame
