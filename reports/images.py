"""Saved frames and temporal profiles: which there are, and reading them.

Layout read here, relative to the work directory (frames are numbered from 0)::

    references/<test_set>/<video>/<frame:08d>_gt.png, _bicubic.png   the same crop as the SR frames
    references/<test_set>/<video>/profile_gt.png, profile_bicubic.png
    runs/<run_id>/images_<test_set>/<video>/<frame:08d>.png, profile.png

A temporal profile is one row of pixels of every frame, stacked from the first frame (top) on.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from reports.results import GridResults
from reports.selection import run_ids

PROFILE = 'profile'  # stands for a frame number


class SavedImages:
    """The pictures of a grid that lie on disk. A video counts if it has ground truth pictures."""

    def __init__(self, work_dir: Path, grid: GridResults):
        self.work_dir = work_dir
        self._grid = grid
        self._done = set(grid.runs.loc[grid.runs['status'] == 'DONE', 'run_id'])

    def videos(self, test_set: str) -> list[str]:
        """Videos of a set with saved frames, in the set's order."""
        names = self._grid.plan.test_sets[test_set].videos
        return [name for name in names if self.frames(test_set, name)]

    def frames(self, test_set: str, video: str) -> list[int]:
        """Numbers of the saved frames."""
        found = (self.work_dir / 'references' / test_set / video).glob('*_gt.png')
        names = [path.name.removesuffix('_gt.png') for path in found]
        return sorted(int(name) for name in names if name.isdigit())

    def reference(self, kind: str, test_set: str, video: str, frame: int | str) -> Path | None:
        """The ``gt`` or ``bicubic`` picture of a frame or of ``PROFILE``."""
        stem = f'{PROFILE}_{kind}' if frame == PROFILE else f'{frame:08d}_{kind}'
        return _existing(self.work_dir / 'references' / test_set / video / f'{stem}.png')

    def run_of(self, method, test_set: str, video: str) -> str | None:
        """The finished run, first in order of seeds, that has pictures of a video."""
        done = [run_id for run_id in run_ids(self._grid, method) if run_id in self._done]
        return next((r for r in done if self._folder(r, test_set, video).is_dir()), None)

    def picture(self, run_id: str, test_set: str, video: str, frame: int | str) -> Path | None:
        """A run's picture of a frame or of ``PROFILE``."""
        stem = frame if frame == PROFILE else f'{frame:08d}'
        return _existing(self._folder(run_id, test_set, video) / f'{stem}.png')

    def _folder(self, run_id: str, test_set: str, video: str) -> Path:
        return self.work_dir / 'runs' / run_id / f'images_{test_set}' / video


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def read_rgb(path: Path) -> np.ndarray | None:
    """A picture as (H, W, 3) uint8 RGB, or None if the file is damaged."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert('RGB'))
    except (OSError, SyntaxError):  # what Pillow raises for broken PNG files
        return None
