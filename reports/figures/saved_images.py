"""Finds and reads saved frames and temporal profiles.

Layout, relative to the work directory (frames are numbered from 0)::

    references/<test_set>/<video>/<frame:08d>_gt.png, _bicubic.png   the same crop as the SR frames
    references/<test_set>/<video>/<frame:08d>_mask.png               of it, in sets with masks
    references/<test_set>/<video>/profile_gt.png, profile_bicubic.png
    runs/<run_id>/images_<test_set>/<video>/<frame:08d>.png, profile.png
    runs/<run_id>/images_<test_set>@<variant>/...                    of a run evaluated otherwise

A temporal profile is one row of pixels of every frame, stacked from the first frame (top) on.
"""

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from reports.methods import Method
from reports.results import GridResults

PROFILE = 'profile'  # used instead of a frame number
# Pillow raises these for damaged files, and for files that claim to be huge.
_BROKEN = (OSError, SyntaxError, ValueError, zlib.error, struct.error, Image.DecompressionBombError)


class SavedImages:
    """The saved pictures of a grid. Only videos with ground truth pictures count."""

    def __init__(self, work_dir: Path, grid: GridResults):
        self.work_dir = work_dir
        self._grid = grid
        done = grid.evaluations[grid.evaluations['status'] == 'done']
        self._done = set(zip(done['trial_id'], done['test_set'], strict=True))
        self._trials = grid.trials.set_index('trial_id')

    def part(self, grid: GridResults) -> 'SavedImages':
        """Those of a part of the grid."""
        return SavedImages(self.work_dir, grid)

    def state(self, test_sets: Iterable[str]) -> list[tuple[str, int, int]]:
        """Returns path, bytes and modification time of every picture of these sets."""
        folders = [self.work_dir / 'references' / test_set for test_set in test_sets]
        folders += [
            self._folder(trial_id, test_set, '')
            for trial_id, test_set in sorted(self._done)
            if test_set in test_sets
        ]
        files = sorted(path for folder in folders for path in folder.rglob('*.png'))
        stats = [(path.relative_to(self.work_dir).as_posix(), path.stat()) for path in files]
        return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]

    def videos(self, test_set: str) -> list[str]:
        """Videos of a set with saved frames, in the set's order."""
        names = self._grid.record.test_sets[test_set].videos
        return [name for name in names if self.frames(test_set, name)]

    def frames(self, test_set: str, video: str) -> list[int]:
        """Numbers of the saved frames."""
        found = (self.work_dir / 'references' / test_set / video).glob('*_gt.png')
        names = [path.name.removesuffix('_gt.png') for path in found]
        return sorted(int(name) for name in names if name.isascii() and name.isdigit())

    def reference(self, kind: str, test_set: str, video: str, frame: int | str) -> Path | None:
        """The ``gt``, ``bicubic`` or ``mask`` picture of a frame, or one of ``PROFILE``."""
        stem = f'{PROFILE}_{kind}' if frame == PROFILE else f'{frame:08d}_{kind}'
        return _existing(self.work_dir / 'references' / test_set / video / f'{stem}.png')

    def trial_of(self, method: Method, test_set: str, video: str) -> str | None:
        """Returns the first finished trial, in order of seeds, with pictures of a video."""
        trials = self._grid.trials_of(method)
        done = [trial_id for trial_id in trials if (trial_id, test_set) in self._done]
        return next((t for t in done if self._folder(t, test_set, video).is_dir()), None)

    def picture(self, trial_id: str, test_set: str, video: str, frame: int | str) -> Path | None:
        """A trial's picture of a frame or of ``PROFILE``."""
        stem = frame if frame == PROFILE else f'{frame:08d}'
        return _existing(self._folder(trial_id, test_set, video) / f'{stem}.png')

    def _folder(self, trial_id: str, test_set: str, video: str) -> Path:
        trial = self._trials.loc[trial_id]
        return self.work_dir / trial['folder'] / f'images_{test_set}{trial["suffix"]}' / video


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def read_rgb(path: Path) -> np.ndarray | None:
    """A picture as (H, W, 3) uint8 RGB, or None if the file is damaged."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert('RGB'))
    except _BROKEN:
        return None
