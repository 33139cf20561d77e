"""Compares the papers' numbers with ours.

A grid file says which of its networks and sets are the papers' by their names there::

    networks = dict(frvsr=dict(config=..., label='FRVSR', paper='FRVSR'))
    train_sets = dict(vimeo=dict(root=..., label='Vimeo', paper='Vimeo'))
    test_sets = dict(vid4=dict(root=..., label='Vid4', paper='Vid4'))

The name of a network includes its depth: ``paper='RDC-LSTM, layers=10'``. Strategy, FC and R are
those of the run. Numbers without a strategy in the paper (MRVSR, RISTN) are paired with RI,
untrained networks and external results.

A pair has a difference only if all settings are known and equal; otherwise ``note`` gives the
reasons. Numbers of the papers without a counterpart in the grid are listed alone.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import pandas as pd

from harness.runs.grid_json import TestSet
from reports.methods import Method
from reports.paper_values import RISTN_VIDEOS, known_names, network_name, read_values
from reports.results import GridResults

SET_METRICS = ('videos', 'frames_min', 'frames_max')
#: "training iterations" of Sec. VI-A
ITERATIONS = {'FRVSR': 500_000, 'BasicVSR': 300_000}
#: the device of PI-BPTT's times
DEVICE = 'V100'
#: the LR frames of the papers, and the protocol of their scores where it is not the default
LR_KINDS = {'PI-BPTT': 'lr_bd', 'RISTN': 'lr_bi'}
PROTOCOLS = {('RISTN', '1'): 'set5'}

_SCORES = {'psnr_y_db': 'psnr_y', 'ssim_y': 'ssim_y'}
_TIMES = {
    'params_millions': ('parameters', 1e-6),
    'training_ms_per_iteration': ('ms_per_iteration', 1.0),
    'inference_ms_per_frame': ('inference_ms', 1.0),
}


class Candidate(NamedTuple):
    """The grid's counterpart of a number of a paper."""

    method: str
    value: float
    std: float
    seeds: int
    run_ids: str
    reasons: list[str]  # why no difference is given


_NOTHING = Candidate('', math.nan, math.nan, 0, '', [])

OURS = ['our_method', 'ours', 'std', 'seeds', 'difference', 'note', 'run_ids']


def wrong_names(grid: GridResults) -> list[str]:
    """One line for each ``paper`` entry of the grid file that is in no table."""
    record = grid.record
    given = {
        'networks': record.papers,
        'train_sets': {key: videos.paper for key, videos in record.train_videos.items()},
        'test_sets': {key: test_set.paper for key, test_set in record.test_sets.items()},
    }
    return [
        f'{axis}.{key}: paper={name!r} is in no table of the papers, so nothing is compared; '
        f'there are {", ".join(sorted(names))}'
        for axis, names in known_names().items()
        for key, name in given[axis].items()
        if name and name not in names
    ]


def compare(grid: GridResults) -> pd.DataFrame:
    """Lists every number of the papers, with ours if the grid has it.

    Returns:
        The columns of :func:`read_values` and ``OURS``: our_method, ours, std (over seeds), seeds,
        difference (ours minus the paper's), note, run_ids. One row per number of the papers and
        method of ours.
    """
    values = read_values()
    shapes = _paper_sets(values)
    rows = []
    for number in values.to_dict('records'):
        for found in _candidates(grid, number, shapes) or [_NOTHING]:
            rows.append(number | _ours(number, found))
    return pd.DataFrame(rows)


def _ours(number: dict, found: Candidate) -> dict:
    return {
        'our_method': found.method,
        'ours': found.value,
        'std': found.std,
        'seeds': found.seeds,
        'difference': math.nan if found.reasons else found.value - number['value'],
        'note': '; '.join(found.reasons),
        'run_ids': found.run_ids,
    }


def _paper_sets(values: pd.DataFrame) -> dict[str, dict]:
    """Name of a set -> its number of videos and range of lengths in Tables I to III."""
    sets = values[values['metric'].isin(SET_METRICS)]
    names = sets['train_set'] + sets['test_set']
    return {
        name: dict(zip(rows['metric'], rows['value'], strict=True))
        for name, rows in sets.groupby(names)
    }


def _candidates(grid: GridResults, number: dict, shapes: dict) -> list[Candidate]:
    if not number['method']:
        return _set_candidates(grid, number)
    methods = [m for m in grid.plain_methods if _matches(grid, m, number)]
    if number['metric'] in _TIMES:
        # Time does not depend on the training set, and the paper does not state it.
        once = {(method.network, method.name): method for method in methods}
        found = [_time_candidate(grid, method, number) for method in once.values()]
    else:
        tests = [k for k, s in grid.record.test_sets.items() if s.paper == number['test_set']]
        found = [
            _score_candidate(grid, method, key, number, shapes)
            for method in methods
            for key in tests
        ]
    return [candidate for candidate in found if not math.isnan(candidate.value)]


def _matches(grid: GridResults, method: Method, number: dict) -> bool:
    """Returns whether a method of the grid is the one of a number of the paper."""
    if grid.record.papers.get(method.network) != network_name(number):
        return False
    if method.is_trained and number['train_set']:
        trained_on = grid.record.train_videos.get(method.train_set)
        if trained_on is None or trained_on.paper != number['train_set']:
            return False
    if number['repeats'] and str(method.repeats) != number['repeats']:
        return False
    if not number['strategy']:
        return method.strategy in (None, 'RI') and not method.fc
    return (method.strategy, method.fc) == (number['strategy'], number['fc'])


def _set_candidates(grid: GridResults, number: dict) -> list[Candidate]:
    name = number['train_set'] or number['test_set']
    sets = grid.record.train_videos if number['train_set'] else grid.record.test_sets
    numbers = [(s.label, set_numbers(s)) for s in sets.values() if s.paper == name]
    return [
        Candidate(label, ours[number['metric']], math.nan, 0, '', [])
        for label, ours in numbers
        if number['metric'] in ours
    ]


def set_numbers(videos: TestSet) -> dict[str, float]:
    """The metrics of Tables I to III: videos, and the range of frames and of HR sizes (pixels)."""
    frames = list(videos.videos.values())
    counts = (len(frames), min(frames), max(frames))
    numbers: dict[str, float] = dict(zip(SET_METRICS, counts, strict=True))
    for at, axis in enumerate(('height', 'width') if videos.sizes else ()):
        lengths = [size[at] for size in videos.sizes.values()]
        numbers |= {f'{axis}_min': min(lengths), f'{axis}_max': max(lengths)}
    return numbers


def _score_candidate(
    grid: GridResults, method: Method, key: str, number: dict, shapes: dict
) -> Candidate:
    cell = grid.cell(method, key)
    score = _SCORES[number['metric']]
    reasons = [
        *_training_reasons(grid, method, number, shapes),
        *_test_reasons(grid, method, key, number, shapes),
    ]
    value, std, seeds, run_ids = cell[[score, f'{score}_std', 'seeds_done', 'run_ids']]
    return Candidate(_name(grid, method, number), value, std, seeds, run_ids, reasons)


def _name(grid: GridResults, method: Method, number: dict) -> str:
    """Returns the name of our method, with its training set if the paper's table names none."""
    if number['train_set'] or not method.is_trained or len(grid.record.train_sets) == 1:
        return method.name
    return f'{method.name}, {grid.record.train_sets[method.train_set]}'


def _training_reasons(grid: GridResults, method: Method, number: dict, shapes: dict) -> list[str]:
    if not method.is_trained:
        return []
    reasons = [f'trained with {option}' for option in method.options]
    if method.strategy == 'PI' and not number['repeats']:
        reasons.append('the paper does not state R')
    trained_on = grid.record.train_videos.get(method.train_set)
    if number['train_set'] and trained_on:
        reasons += _shape_reasons(trained_on, shapes.get(number['train_set'], {}))
    elif trained_on is None or trained_on.paper != RISTN_VIDEOS:
        label = grid.record.train_sets[method.train_set]
        reasons.append(f'trained on {label}, the paper on videos of its own')
    theirs = ITERATIONS.get(number['network'])
    ours = set(_runs_of(grid, method)['iterations'])
    if theirs and ours != {theirs}:
        counts = ', '.join(map(str, sorted(ours)))
        reasons.append(f'{counts} training iterations, the paper {theirs}')
    return reasons


def _test_reasons(
    grid: GridResults, method: Method, key: str, number: dict, shapes: dict
) -> list[str]:
    test_set = grid.record.test_sets[key]
    reasons = _shape_reasons(test_set, shapes.get(test_set.paper, {}))
    if test_set.paper == 'Composit':
        reasons.append('the paper does not name the videos of Composit')
    theirs = LR_KINDS[number['paper']]
    ours = grid.record.lr_kinds.get(method.network, theirs)  # unknown for external results
    if ours != theirs:
        reasons.append(f'{ours} frames, the paper {theirs}')
    theirs = PROTOCOLS.get((number['paper'], number['table']), '')
    ours = _runs_of(grid, method)['protocol'].iloc[0] or test_set.protocol
    if ours != theirs:
        reasons.append(f'{ours or "default"} protocol, the paper {theirs or "default"}')
    return reasons


def _shape_reasons(videos: TestSet, shape: dict) -> list[str]:
    ours = set_numbers(videos)
    words = {'videos': 'videos', 'frames_min': 'frames at least', 'frames_max': 'frames at most'}
    return [
        f'{videos.label} has {ours[what]} {words[what]}, the paper {theirs:.0f}'
        for what, theirs in shape.items()
        if ours[what] != theirs
    ]


def _runs_of(grid: GridResults, method: Method) -> pd.DataFrame:
    """Runs of a method on any training set."""
    same = [replace(grid.method_of[run_id], train_set='') for run_id in grid.runs['run_id']]
    return grid.runs[[own == replace(method, train_set='') for own in same]]


def _time_candidate(grid: GridResults, method: Method, number: dict) -> Candidate:
    column, scale = _TIMES[number['metric']]
    runs = _runs_of(grid, method).dropna(subset=[column])
    reasons = []
    if number['metric'] != 'params_millions':
        devices = ', '.join(sorted(set(runs['device'].dropna()))) or 'an unknown device'
        if DEVICE not in devices:
            reasons.append(f'measured on {devices}, the paper on {DEVICE}')
        if number['metric'] == 'inference_ms_per_frame':
            reasons.append('the paper does not state the frame size')
        elif method.strategy == 'PI' and not number['repeats']:
            reasons.append('the paper does not state R')
    values = runs[column] * scale
    ids = '; '.join(runs['run_id'])
    return Candidate(method.name, values.mean(), values.std(), len(runs), ids, reasons)
