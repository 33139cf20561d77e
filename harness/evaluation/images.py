"""SR frames that are kept for figures: chosen frames and crops, and temporal profiles.

In a run folder: ``images_<set>/<video>/<frame:08d>.png`` and ``profile.png``, one row of pixels of
every frame, stacked. The same parts of GT, LR and its bicubic interpolation are written once for
all runs, by :mod:`harness.evaluation.references`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dataset_tools.frames import encode_png
from dataset_tools.manifest import SCALE, VideoSet
from harness.runs.evaluations import Crop, Selection, VideoSelection
from harness.runs.files import replacing

#: default: this many videos of a set, and crops of at most this many pixels
_VIDEOS, _CROP = 2, 512


def select_images(
    test_set: VideoSet,
    videos: Sequence[str] | None = None,
    frames: Sequence[int] | None = None,
    crop: Sequence[int] | None = None,
    row: int | None = None,
) -> Selection:
    """What to keep of a set, checked.

    Args:
        test_set: the set.
        videos: names; by default the first two.
        frames: numbers, negative ones from the end; by default the first, middle and last.
        crop: top, left, height, width in HR pixels, multiples of 4; by default the whole frame if
            it is at most 512 high, else its centre of at most 512x512.
        row: HR row of the temporal profile; by default that in the middle of the frame.

    Raises:
        ValueError: something is not in the set or in its frames.
    """
    selection = {}
    for name in list(test_set.videos)[:_VIDEOS] if videos is None else videos:
        if name not in test_set.videos:
            raise ValueError(f'no video {name!r}; there are {", ".join(test_set.videos)}')
        video = test_set.videos[name]
        height, width = video.hr_size
        row_here = height // 2 if row is None else row
        if not 0 <= row_here < height:
            raise ValueError(f'row {row} is not in frames of {name}, {width}x{height}')
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
            raise ValueError(f'no frame {number} in {name}, which has {count}')
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
    crop = Crop(*crop)
    if crop.top + crop.height > height or crop.left + crop.width > width:
        raise ValueError(f'crop {tuple(crop)} is not in frames of {name}, {width}x{height}')
    return crop


class ImageSaver:
    """Keeps the selected parts of SR frames, as they come in the order of each video.

    Args:
        folder: where they go.
        selection: what is kept.
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
    """Writes an image, uint8 RGB; the file is there only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(encode_png(np.ascontiguousarray(image)))
