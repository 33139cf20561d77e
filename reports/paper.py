"""The papers' numbers beside ours.

``paper_values.csv`` holds every number of the tables of PI-BPTT (Tables I to VI) and RISTN (Tables
1 to 3), one a row. A grid file says which of its networks and sets are the papers' by their names
there::

    networks = dict(frvsr=dict(config=..., label='FRVSR', paper='FRVSR'))
    train_sets = dict(vimeo=dict(root=..., label='Vimeo', paper='Vimeo'))
    test_sets = dict(vid4=dict(root=..., label='Vid4', paper='Vid4'))

A network of a given depth is named with it: ``paper='RDC-LSTM, layers=10'``. Strategy, FC and R are
those of the run. Numbers of a paper that names no strategy (MRVSR, RISTN) are paired with RI,
untrained networks and outside results.

A pair gets a difference only where no setting is known to differ or unknown; the reasons are in
``note``. Numbers of the papers that nothing in the grid corresponds to stay alone.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from harness.runs.grid_json import TestSet
from reports.methods import Method
from reports.results import GridResults

VALUES = Path(__file__).with_name('paper_values.csv')
SET_METRICS = ('videos', 'frames_min', 'frames_max')
#: "training iterations" of Sec. VI-A
ITERATIONS = {'FRVSR': 500_000, 'BasicVSR': 300_000}
#: name of the training set of RISTN's Tables 2 and 3, which do not mention it
RISTN_VIDEOS = 'RISTN videos'
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
    """What of the grid corresponds to a number of a paper."""

    method: str
    value: float
    std: float
    seeds: int
    run_ids: str
    reasons: list[str]  # why the two cannot be subtracted


#: the columns that say what a number of a paper is, as files have them
NUMBER = ['paper', 'table', 'method', 'train_set', 'test_set', 'setting', 'metric', 'value']
OURS = ['our_method', 'ours', 'std', 'seeds', 'difference', 'note', 'run_ids']


def read_values() -> pd.DataFrame:
    """All numbers of the papers.

    Returns:
        The columns ``NUMBER``, of which ``method`` and ``setting`` are made of the others: network,
        strategy, fc (bool), repeats (R) and layers. Texts are '' where a table has none.
    """
    values = pd.read_csv(VALUES, dtype=str, keep_default_na=False)
    return values.assign(
        fc=values['fc'] == 'yes',
        value=pd.to_numeric(values['value']),
        method=[_method_label(number) for number in values.to_dict('records')],
        setting=[_setting_label(number) for number in values.to_dict('records')],
    )


def _method_label(number: dict) -> str:
    strategy = number['strategy'] + (' & FC' if number['fc'] else '')
    return ' w/ '.join(filter(None, [number['network'], strategy]))


def _setting_label(number: dict) -> str:
    parts = (('R', number['repeats']), ('layers', number['layers']))
    return ', '.join(f'{name}={value}' for name, value in parts if value)


def _network_name(number: dict) -> str:
    """What the grid file calls the network of a number."""
    depth = f'layers={number["layers"]}' if number['layers'] else ''
    return ', '.join(filter(None, [number['network'], depth]))


def known_names() -> dict[str, set[str]]:
    """The names that ``paper`` entries of networks, train_sets and test_sets can have."""
    values = read_values()
    found = {'networks': {_network_name(number) for number in values.to_dict('records')}}
    found |= {f'{axis}s': set(values[axis]) for axis in ('train_set', 'test_set')}
    found['train_sets'].add(RISTN_VIDEOS)
    return {axis: names - {''} for axis, names in found.items()}


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
    """Every number of the papers, with ours where the grid has it.

    Returns:
        The columns of :func:`read_values` and ``OURS``: our_method, ours, std (over seeds), seeds,
        difference (ours minus the paper's), note, run_ids. One row a number of the papers and
        method of ours.
    """
    values = read_values()
    shapes = _paper_sets(values)
    rows = []
    for number in values.to_dict('records'):
        for found in _candidates(grid, number, shapes) or [None]:
            rows.append(number | _ours(number, found))
    return pd.DataFrame(rows)


def _ours(number: dict, found: Candidate | None) -> dict:
    if found is None:
        found = Candidate('', math.nan, math.nan, 0, '', [])
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
        # Time does not depend on what is trained on, and the paper does not state it.
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
    """Whether a method of the grid is that of a number of the paper."""
    if grid.record.papers.get(method.network) != _network_name(number):
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
    numbers = dict(zip(SET_METRICS, (len(frames), min(frames), max(frames)), strict=True))
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
    numbers = cell[[score, f'{score}_std', 'seeds_done', 'run_ids']]
    return Candidate(_name(grid, method, number), *numbers, reasons)


def _name(grid: GridResults, method: Method, number: dict) -> str:
    """Our method, with its training set where the paper's table names none."""
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
    if number['train_set']:
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
    ours = grid.record.lr_kinds.get(method.network, theirs)  # nobody knows it of outside results
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
    same = [replace(m, train_set='') for m in map(grid.method_of.get, grid.runs['run_id'])]
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
