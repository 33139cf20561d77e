"""Selects and saves SR frames for figures: some frames and crops, and temporal profiles.

A run folder gets ``images_<set>/<video>/<frame:08d>.png`` and ``profile.png``, which stacks one row
of pixels of every frame. :mod:`harness.evaluation.references` writes the same parts of GT, LR and
its bicubic interpolation, once for all runs.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dataset_tools.frames import encode_png
from dataset_tools.manifest import SCALE, VideoSet
from harness.runs.evaluations import Crop, Selection, VideoSelection
from harness.runs.files import replacing

#: defaults: the number of videos of a set, and the maximum side of crops in pixels
_VIDEOS, _CROP = 2, 512


def select_images(
    test_set: VideoSet,
    videos: Sequence[str] | None = None,
    frames: Sequence[int] | None = None,
    crop: Sequence[int] | None = None,
    row: int | None = None,
) -> Selection:
    """Selects what to save of a set.

    Args:
        test_set: The set.
        videos: Names of videos (default: the first two).
        frames: Frame numbers, negative from the end (default: the first, middle and last frame).
        crop: Top, left, height and width in HR pixels, multiples of 4 (default: the whole frame if
            it is at most 512 pixels high, else a centre crop of at most 512x512).
        row: The HR row of the temporal profile (default: the middle row).

    Raises:
        ValueError: Something is not in the set or outside its frames.
    """
    selection = {}
    for name in list(test_set.videos)[:_VIDEOS] if videos is None else videos:
        if name not in test_set.videos:
            raise ValueError(f'no video {name!r}; there are {", ".join(test_set.videos)}')
        video = test_set.videos[name]
        height, width = video.hr_size
        row_here = height // 2 if row is None else row
        if not 0 <= row_here < height:
            raise ValueError(f'row {row} is outside the {width}x{height} frames of {name}')
        selection[name] = VideoSelection(
            video.frames,
            _frame_numbers(name, video.frames, frames),
            _crop(name, height, width, crop),
            row_here,
        )
    return selection


def _frame_numbers(name: str, count: int, frames: Sequence[int] | None) -> tuple[int, ...]:
    if frames is None:
        frames = (0, count // 2, -1)
    for number in frames:
        if not -count <= number < count:
            raise ValueError(f'there is no frame {number} in {name}, which has {count} frames')
    return tuple(sorted({number % count for number in frames}))


def _crop(name: str, height: int, width: int, crop: Sequence[int] | None) -> Crop:
    if crop is None:
        if height <= _CROP:
            return Crop(0, 0, height, width)
        size = min(width, _CROP)
        top, left = (free // 2 // SCALE * SCALE for free in (height - _CROP, width - size))
        return Crop(top, left, _CROP, size)
    if len(crop) != 4 or min(crop) < 0 or 0 in crop[2:] or any(value % SCALE for value in crop):
        raise ValueError(
            f'crop {tuple(crop)}: must be top, left, height, width, each a multiple of {SCALE}'
        )
    chosen = Crop(*crop)
    if chosen.top + chosen.height > height or chosen.left + chosen.width > width:
        raise ValueError(f'crop {tuple(crop)} is outside the {width}x{height} frames of {name}')
    return chosen


class ImageSaver:
    """Saves the selected parts of SR frames, which must come in the order of each video.

    Args:
        folder: The folder to write to.
        selection: What to save.
    """

    def __init__(self, folder: Path, selection: Selection) -> None:
        self._folder = folder
        self._selection = selection
        self._rows: list[np.ndarray] = []

    def add(self, video: str, number: int, frame: np.ndarray) -> None:
        """Takes frame ``number`` (H, W, 3), uint8 RGB, of a video."""
        if video not in self._selection:
            return
        chosen = self._selection[video]
        if number == 0:
            self._rows = []
        self._rows.append(frame[chosen.row].copy())
        if number in chosen.frames:
            write_png(self._folder / video / f'{number:08d}.png', chosen.crop.cut(frame))
        if number == chosen.length - 1:
            write_png(self._folder / video / 'profile.png', np.stack(self._rows))


def write_png(path: Path, image: np.ndarray) -> None:
    """Writes an image (H, W, 3), uint8 RGB; the file appears only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(encode_png(np.ascontiguousarray(image)))
