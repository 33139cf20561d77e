"""The data of the page's scripts: methods, trials, curves and saved pictures.

Curves are stored as frame-to-frame differences of integers in units of 0.01 dB (other quantities:
1/4095 of their range), low bytes first, then high bytes, compressed by zlib: about one byte per
frame for PSNR. That keeps a page of 100 runs and thousands of frames below a few megabytes.
"""

import base64
import math
import os
import zlib
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd

from reports.figures.pictures import BICUBIC
from reports.figures.saved_images import SavedImages
from reports.figures.scatter import heading
from reports.figures.selection import drawn_methods, full_name
from reports.figures.style import Look, looks
from reports.methods import Method
from reports.reading.run_files import STATUS_WORDS
from reports.results import GridResults

MISSING = 65535  # encodes a missing value
PSNR_STEP = 0.01
STEPS = 4095
LABELS = {
    'psnr_y': 'PSNR (dB)',
    'ssim_y': 'SSIM',
    'tof': 'tOF (px)',
    'warp_error': 'warping error',
    'psnr_inside': 'PSNR inside the mask (dB)',
    'psnr_outside': 'PSNR outside the mask (dB)',
}
_NOT_CURVES = ('trial_id', 'test_set', 'video', 'frame', 'ms')
_DASHES = {'-': [], '--': [7, 3], '-.': [7, 3, 1.5, 3], ':': [1.5, 3]}


def describe_grid(grid: GridResults) -> dict:
    """Describes test sets and methods; trials are identified by their index in ``grid.trials``."""
    numbers = {trial_id: number for number, trial_id in enumerate(grid.trials['trial_id'])}
    with_scores = grid.frames.groupby('test_set')['trial_id'].unique()
    sets = [
        {
            'label': test_set.label,
            'videos': [{'name': n, 'frames': frames} for n, frames in test_set.videos.items()],
            'trials': [numbers[trial_id] for trial_id in with_scores.get(key, [])],
        }
        for key, test_set in grid.record.test_sets.items()
    ]
    drawn = set(drawn_methods(grid))
    styles = looks(grid.methods, grid.record.strategies)
    return {
        'focus': list(grid.record.test_sets).index(grid.focus_set),
        'sets': sets,
        'methods': [
            {
                **_describe_method(grid, method, styles[method.short_name], numbers),
                'drawn': method in drawn,
            }
            for method in grid.methods
        ],
    }


def _describe_method(
    grid: GridResults, method: Method, look: Look, numbers: dict[str, int]
) -> dict:
    dash = _DASHES[look.line] if isinstance(look.line, str) else [2 * x for x in look.line[1]]
    trials = grid.trials_of(method)
    states = set(grid.trials.loc[grid.trials['trial_id'].isin(trials), 'status'])
    train = method.train_set
    return {
        'name': method.short_name,
        'group': heading(grid, train, method.network) if method.is_trained else '',
        'network': method.network,
        'networkLabel': grid.record.networks[method.network],
        'train': train,
        'trainLabel': grid.record.train_sets.get(train, ''),
        'color': look.color,
        'dash': dash,
        'note': next((word for state, word in STATUS_WORDS.items() if state in states), 'missing'),
        'trials': [numbers[trial_id] for trial_id in trials],
    }


def encode_curves(grid: GridResults) -> list[tuple[dict, str]]:
    """Encodes every quantity of frames: its description and its packed curves.

    Order of the curves: test sets, videos, then the trials that have scores of the set.
    """
    wanted = [column for column in grid.frames if column not in _NOT_CURVES]
    wanted.sort(key=lambda column: column != 'psnr_y')
    tables = _wide_tables(grid, wanted)
    return [_encode_quantity(grid, column, tables) for column in wanted]


def _wide_tables(grid: GridResults, wanted: list[str]) -> list[pd.DataFrame]:
    """Returns a table per test set and video: a row per frame, a column per quantity and trial."""
    groups = dict(iter(grid.frames.groupby(['test_set', 'video'])))
    with_scores = grid.frames.groupby('test_set')['trial_id'].unique()
    tables = []
    for key, test_set in grid.record.test_sets.items():
        for video, frames in test_set.videos.items() if key in with_scores else ():
            columns = pd.MultiIndex.from_product([wanted, with_scores[key]])
            wide = groups[key, video].pivot(index='frame', columns='trial_id', values=wanted)
            tables.append(wide.reindex(index=range(frames), columns=columns))
    return tables


def _encode_quantity(grid: GridResults, column: str, tables: list) -> tuple[dict, str]:
    values = grid.frames[column].to_numpy(float)
    values = values[np.isfinite(values)]
    low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
    step = PSNR_STEP if column == 'psnr_y' else max((high - low) / STEPS, 1e-9)
    digits = 2 if column == 'psnr_y' else max(0, 1 - math.floor(math.log10(step)) - 1)
    parts = [_differences(table[column].to_numpy(float), low, step) for table in tables]
    numbers = np.concatenate([np.empty(0, '<u2'), *parts]).astype('<u2')
    planes = numbers.view(np.uint8).reshape(-1, 2).T.tobytes()
    packed = base64.b64encode(zlib.compress(planes, 6)).decode()
    about = {'key': column, 'label': LABELS.get(column, column), 'low': low, 'step': step}
    return {**about, 'digits': min(digits, 8)}, packed


def _differences(values: np.ndarray, low: float, step: float) -> np.ndarray:
    """(frames, trials) as differences along frames modulo 2^16, trial after trial."""
    numbers = np.where(np.isfinite(values), np.rint((values - low) / step), MISSING)
    numbers = np.minimum(numbers, MISSING).astype(np.int64)
    return (np.diff(numbers, axis=0, prepend=0) % 65536).T.ravel()


class Pictures:
    """Saved frames; the first ``budget`` bytes are embedded in the page, the others linked.

    Attributes:
        embedded: PNG files in base64, each once.
        linked: number of pictures that are linked.
    """

    def __init__(self, grid: GridResults, images: SavedImages, folder: Path, budget: int):
        self.embedded: list[str] = []
        self.linked = 0
        self._grid, self._images, self._folder, self._left = grid, images, folder, budget
        self._numbers: dict[bytes, int] = {}

    def entries(self) -> list[dict]:
        """Returns one entry per saved video: its frames, and each method's pictures of them."""
        sets = list(self._grid.record.test_sets)
        saved = {key: self._images.videos(key) for key in sets}
        found = {}
        # First videos first: if not all pictures fit into the page, each set has some.
        for place in range(max(map(len, saved.values()), default=0)):
            for key, videos in saved.items():
                if place < len(videos):
                    found[sets.index(key), videos[place]] = self._entry(key, videos[place])
        return [found[place] for place in sorted(found, key=lambda place: place[0])]

    def _entry(self, key: str, video: str) -> dict:
        frames = self._images.frames(key, video)
        own = {method.short_name for method in self._grid.methods}
        kinds = [('gt', 'GT')] + ([] if BICUBIC in own else [('bicubic', BICUBIC)])
        shown = [
            self._shown(name, [self._images.reference(kind, key, video, f) for f in frames])
            for kind, name in kinds
        ]
        trials = list(self._grid.trials['trial_id'])
        for number, method in enumerate(self._grid.methods):
            trial_id = self._images.trial_of(method, key, video)
            if trial_id is None:
                continue
            paths = [self._images.picture(trial_id, key, video, frame) for frame in frames]
            place = trials.index(trial_id)
            seed = int(self._grid.trials.loc[place, 'seed']) if method.is_trained else None
            where = {'method': number, 'trial': place, 'seed': seed}
            shown.append({**self._shown(full_name(self._grid, method), paths), **where})
        test_set = self._grid.record.test_sets[key]
        return {
            'set': list(self._grid.record.test_sets).index(key),
            'video': list(test_set.videos).index(video),
            'frames': frames,
            'shown': shown,
        }

    def _shown(self, name: str, paths: list[Path | None]) -> dict:
        pictures = [self._address(path) if path else None for path in paths]
        nobody = {'method': None, 'trial': None, 'seed': None, 'note': 'no picture'}
        return {'name': name, 'pictures': pictures, **nobody}

    def _address(self, path: Path) -> int | str:
        size = path.stat().st_size
        if size > self._left:
            self.linked += 1
            return quote(os.path.relpath(path, self._folder))
        content = path.read_bytes()
        if content not in self._numbers:  # a static video's ground truth is one picture
            self._numbers[content] = len(self.embedded)
            self.embedded.append(base64.b64encode(content).decode())
            self._left -= size
        return self._numbers[content]
