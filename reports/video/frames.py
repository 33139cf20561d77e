"""Chooses the pictures of a video of results and finds their frames.

They are the frames that evaluations saved, if all of them exist (see
:mod:`reports.figures.saved_images`), or else those in ``videos/<set>/<video>/<who>/``, which
``harness.grid.frames`` makes.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from harness.errors import fail
from harness.runs.files import read_json
from reports.figures.pictures import BICUBIC
from reports.figures.saved_images import read_rgb
from reports.figures.style import looks
from reports.methods import Method
from reports.results import GridResults

GT = 'GT'


@dataclass(frozen=True)
class Shown:
    """One of the pictures side by side: ground truth, bicubic interpolation, or a trial."""

    name: str
    kind: str  # gt, bicubic, or the id of a trial
    color: str = 'black'


@dataclass(frozen=True)
class Panel:
    """A picture and its PSNR (dB) by frame, empty for none."""

    shown: Shown
    paths: list[Path]
    psnr: pd.Series

    @property
    def count(self) -> int:
        """Frames."""
        return len(self.paths)

    def picture(self, number: int) -> np.ndarray:
        """A frame, (H, W, 3) uint8.

        Raises:
            UserError: the file is damaged.
        """
        found = read_rgb(self.paths[number])
        if found is None:
            fail(f'{self.paths[number]}: is damaged; delete it and run the command again')
        return found


def choose(grid: GridResults, test_set: str, video: str, names: list[str] | None) -> list[Shown]:
    """Chooses the pictures to show, in order.

    Raises:
        UserError: there is no such set, video or method, or none that is finished.
    """
    sets = grid.record.test_sets
    if test_set not in sets:
        fail(f'--set {test_set}: there are {", ".join(sets)}')
    if video not in sets[test_set].videos:
        fail(f'--video {video}: {test_set} has {", ".join(sets[test_set].videos)}')
    done = grid.evaluations[
        (grid.evaluations['status'] == 'done') & (grid.evaluations['test_set'] == test_set)
    ]
    trials: dict[Method, str] = {}
    for trial_id in done['trial_id']:
        if not trial_id.startswith('external/'):
            trials.setdefault(grid.method_of[trial_id], trial_id)
    if not trials:
        fail(f'--set {test_set}: no evaluation on it is finished')
    styles = looks(grid.methods, grid.record.strategies)
    known = {GT: Shown(GT, 'gt'), BICUBIC: Shown(BICUBIC, 'bicubic', '#888888')}
    known |= {m.name: Shown(m.name, t, styles[m.short_name].color) for m, t in trials.items()}
    if names is None:
        return [known[GT], *_default(trials, known)]
    if unknown := [name for name in names if name not in known]:
        fail(f'--methods {unknown[0]!r}: there are {", ".join(map(repr, known))}')
    return [known[name] for name in dict.fromkeys(names)]


def _default(trials: dict[Method, str], known: dict[str, Shown]) -> list[Shown]:
    plain = [method for method in trials if method.is_plain and method.is_trained]
    if not plain:
        return [known[BICUBIC], *[known[m.name] for m in trials if m.is_plain][-2:]]
    first = plain[0]
    group = [m for m in plain if (m.network, m.train_set) == (first.network, first.train_set)]
    return [known[BICUBIC], *(known[m.name] for m in dict.fromkeys([group[0], group[-1]]))]


class Frames:
    """Where the frames of one video are.

    Args:
        work_dir: of the grid.
        grid: its results.
        test_set: key of the test set.
        video: its name.
        shown: the pictures that are wanted.
    """

    def __init__(
        self, work_dir: Path, grid: GridResults, test_set: str, video: str, shown: list[Shown]
    ):
        self._grid, self._key, self._video, self._shown = grid, test_set, video, shown
        self._set = grid.record.test_sets[test_set]
        self._count = self._set.videos[video]
        self._made = work_dir / 'videos' / test_set / video
        kept = {one.kind: self._kept(work_dir, one.kind) for one in shown}
        self._are_kept = all(len(paths) == self._count for paths in kept.values())
        self._paths = kept if self._are_kept else {one.kind: self._of(one.kind) for one in shown}

    def missing(self) -> list[str]:
        """Returns the trials to run again; any of them also provides ground truth and bicubic.

        Raises:
            UserError: none could bring them.
        """
        lacking = [kind for kind, paths in self._paths.items() if len(paths) != self._count]
        trials = [one.kind for one in self._shown if one.kind not in ('gt', 'bicubic')]
        if lacking and not trials:
            fail('--methods: the frames of GT and Bicubic are not saved; name another method, too')
        return [kind for kind in trials if kind in lacking] or (trials[:1] if lacking else [])

    def panels(self) -> list[Panel]:
        """The panels with all their frames.

        Raises:
            UserError: frames are missing, or not all of one size.
        """
        curves = self._grid.video_curves.get((self._key, self._video), pd.DataFrame())
        panels = []
        for one in self._shown:
            paths = self._paths[one.kind]
            if len(paths) != self._count:
                fail(f'{one.name}: {len(paths)} of {self._count} frames are there')
            psnr = curves[one.kind].dropna() if one.kind in curves else pd.Series(dtype=float)
            panels.append(Panel(one, paths, psnr))
        if len({panel.picture(0).shape for panel in panels}) > 1:
            fail(f'{self._video}: saved frames have different crops; evaluate again')
        return panels

    def _kept(self, work_dir: Path, kind: str) -> list[Path]:
        if kind in ('gt', 'bicubic'):
            place = work_dir / 'references' / self._key / self._video
            return _all_from_zero(sorted(place.glob(f'[0-9]*_{kind}.png')))
        run_id, at, variant = kind.partition('@')
        images = work_dir / 'runs' / run_id / f'images_{self._key}{at}{variant}'
        return _all_from_zero(sorted((images / self._video).glob('[0-9]*.png')))

    def _of(self, kind: str) -> list[Path]:
        """Made frames, unless of another version of the set."""
        if read_json(self._made / 'set.json').get('checksum') != self._set.checksum:
            return []
        kinds = {one.kind for one in self._shown}
        folder = self._made / kind
        if kind == 'bicubic':
            lr_kinds = {
                self._grid.record.lr_kinds.get(self._grid.method_of[k].network, 'lr_bd')
                for k in kinds - {'gt', 'bicubic'}
            }
            folder = self._made / f'bicubic_{min(lr_kinds, default="lr_bd")}'
        return _all_from_zero(sorted(folder.glob('[0-9]*.png')))


def _all_from_zero(paths: list[Path]) -> list[Path]:
    """Returns the paths if they are frames 0, 1, 2, .., at least two; else none."""
    names = [path.name[:8] for path in paths]
    whole = len(paths) > 1 and names == [f'{number:08d}' for number in range(len(paths))]
    return paths if whole else []
