"""The papers' numbers beside ours.

``paper_values.csv`` holds every number of the tables of PI-BPTT (Tables I to VI) and RISTN (Tables
1 to 3), one a row. A grid file says which of its networks and sets are the papers' by their names
there::

    networks = dict(frvsr=dict(config=..., label='FRVSR', paper='FRVSR'))
    train_sets = dict(vimeo=dict(root=..., label='Vimeo', paper='Vimeo'))
    test_sets = dict(vid4=dict(root=..., label='Vid4', paper='Vid4'))

A network with a setting of its own is named with it: ``paper='RDC-LSTM, layers=10'``. The strategy
and R come from the run: 'FRVSR w/ PI & FC' is the network FRVSR under PI with FC. Rows of the paper
without a strategy (MRVSR, RISTN) are paired with RI, untrained networks and outside results.

A pair gets a difference only where no setting is known to differ or unknown; the reasons are in
``note``. Numbers of the papers that nothing in the grid corresponds to stay alone.
"""

import math
from pathlib import Path
from typing import NamedTuple, Optional

import pandas as pd

from reports.reading.run_files import TestSet
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


def read_values() -> pd.DataFrame:
    """All numbers of the papers: paper, table, method, train_set, test_set, setting, metric, value.

    Names are '' where a table has none.
    """
    texts = dict.fromkeys(['paper', 'table', 'method', 'train_set', 'test_set', 'setting'], str)
    return pd.read_csv(VALUES, dtype=texts, keep_default_na=False)


def base_name(method: str) -> str:
    """The network of a method: 'FRVSR' of 'FRVSR w/ PI & FC'."""
    return method.partition(' w/ ')[0]


def known_names() -> dict[str, set[str]]:
    """The names that ``paper`` entries of networks, train_sets and test_sets can have."""
    values = read_values()
    networks = {
        base_name(method) + (f', {setting}' if setting and not setting.startswith('R=') else '')
        for method, setting in zip(values['method'], values['setting'], strict=True)
    }
    found = {'networks': networks}
    found |= {f'{axis}s': set(values[axis]) for axis in ('train_set', 'test_set')}
    found['train_sets'].add(RISTN_VIDEOS)
    return {axis: names - {''} for axis, names in found.items()}


def wrong_names(grid: GridResults) -> list[str]:
    """One line for each ``paper`` entry of the grid file that is in no table."""
    plan = grid.plan
    given = {
        'networks': plan.papers,
        'train_sets': {key: videos.paper for key, videos in plan.train_videos.items()},
        'test_sets': {key: test_set.paper for key, test_set in plan.test_sets.items()},
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
        The columns of :func:`read_values`, and: our_method, ours, std (over seeds), seeds,
        difference (ours minus the paper's), note, run_ids. One row a number of the papers and
        method of ours.
    """
    values = read_values()
    shapes = _paper_sets(values)
    rows = []
    for record in values.to_dict('records'):
        for found in _candidates(grid, record, shapes) or [None]:
            rows.append(record | _ours(record, found))
    return pd.DataFrame(rows)


def _ours(record: dict, found: Optional[Candidate]) -> dict:
    if found is None:
        found = Candidate('', math.nan, math.nan, 0, '', [])
    return {
        'our_method': found.method,
        'ours': found.value,
        'std': found.std,
        'seeds': found.seeds,
        'difference': math.nan if found.reasons else found.value - record['value'],
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


def _candidates(grid: GridResults, record: dict, shapes: dict) -> list[Candidate]:
    if not record['method']:
        return _set_candidates(grid, record)
    methods = [m for m in grid.plain_methods.itertuples() if _matches(grid, m, record)]
    if record['metric'] in _TIMES:
        # Time does not depend on what is trained on, and the paper does not state it.
        once = {(method.network, method.method): method for method in methods}
        found = [_time_candidate(grid, method, record) for method in once.values()]
    else:
        tests = [k for k, s in grid.plan.test_sets.items() if s.paper == record['test_set']]
        found = [
            _score_candidate(grid, method, key, record, shapes)
            for method in methods
            for key in tests
        ]
    return [candidate for candidate in found if not math.isnan(candidate.value)]


def _matches(grid: GridResults, method, record: dict) -> bool:
    """Whether a method of the grid is that of a number of the paper."""
    base, _, strategy = record['method'].partition(' w/ ')
    by_repeats = record['setting'].startswith('R=')
    name = base if by_repeats or not record['setting'] else f'{base}, {record["setting"]}'
    if grid.plan.papers.get(method.network) != name:
        return False
    if method.train_set and record['train_set']:
        trained_on = grid.plan.train_videos.get(method.train_set)
        if trained_on is None or trained_on.paper != record['train_set']:
            return False
    if by_repeats and f'R={method.repeats:.0f}' != record['setting']:
        return False
    ours = f'{method.strategy or ""}{" & FC" if method.fc else ""}'
    return ours == strategy if strategy else ours in ('', 'RI')


def _set_candidates(grid: GridResults, record: dict) -> list[Candidate]:
    name = record['train_set'] or record['test_set']
    sets = grid.plan.train_videos if record['train_set'] else grid.plan.test_sets
    numbers = [(s.label, set_numbers(s)) for s in sets.values() if s.paper == name]
    return [
        Candidate(label, ours[record['metric']], math.nan, 0, '', [])
        for label, ours in numbers
        if record['metric'] in ours
    ]


def set_numbers(videos: TestSet) -> dict[str, float]:
    """The metrics of Tables I to III: videos, and the range of frames and of HR sizes (pixels)."""
    frames = list(videos.videos.values())
    numbers = dict(zip(SET_METRICS, (len(frames), min(frames), max(frames)), strict=True))
    for at, axis in enumerate(('height', 'width') if videos.sizes else ()):
        lengths = [size[at] for size in videos.sizes.values()]
        numbers |= {f'{axis}_min': min(lengths), f'{axis}_max': max(lengths)}
    return numbers


def _score_candidate(grid, method, key: str, record: dict, shapes: dict) -> Candidate:
    cells = grid.cells
    score = _SCORES[record['metric']]
    cell = cells[
        (cells['train_set'] == method.train_set)
        & (cells['network'] == method.network)
        & (cells['method'] == method.method)
        & (cells['test_set'] == key)
    ].iloc[0]
    reasons = [
        *_training_reasons(grid, method, record, shapes),
        *_test_reasons(grid, method, key, record, shapes),
    ]
    numbers = cell[[score, f'{score}_std', 'seeds_done', 'run_ids']]
    return Candidate(_name(grid, method, record), *numbers, reasons)


def _name(grid: GridResults, method, record: dict) -> str:
    """Our method, with its training set where the paper's table names none."""
    if record['train_set'] or not method.train_set or len(grid.plan.train_sets) == 1:
        return method.method
    return f'{method.method}, {grid.plan.train_sets[method.train_set]}'


def _training_reasons(grid, method, record: dict, shapes: dict) -> list[str]:
    if not method.train_set:
        return []
    reasons = []
    if method.strategy == 'PI' and not record['setting'].startswith('R='):
        reasons.append('the paper does not state R')
    trained_on = grid.plan.train_videos.get(method.train_set)
    if record['train_set']:
        reasons += _shape_reasons(trained_on, shapes.get(record['train_set'], {}))
    elif trained_on is None or trained_on.paper != RISTN_VIDEOS:
        label = grid.plan.train_sets[method.train_set]
        reasons.append(f'trained on {label}, the paper on videos of its own')
    theirs = ITERATIONS.get(base_name(record['method']))
    ours = set(_runs_of(grid, method)['iterations'])
    if theirs and ours != {theirs}:
        counts = ', '.join(map(str, sorted(ours)))
        reasons.append(f'{counts} training iterations, the paper {theirs}')
    return reasons


def _test_reasons(grid, method, key: str, record: dict, shapes: dict) -> list[str]:
    test_set = grid.plan.test_sets[key]
    reasons = _shape_reasons(test_set, shapes.get(test_set.paper, {}))
    if test_set.paper == 'Composit':
        reasons.append('the paper does not name the videos of Composit')
    theirs = LR_KINDS[record['paper']]
    ours = grid.plan.lr_kinds.get(method.network, theirs)  # nobody knows it of outside results
    if ours != theirs:
        reasons.append(f'{ours} frames, the paper {theirs}')
    theirs = PROTOCOLS.get((record['paper'], record['table']), '')
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


def _runs_of(grid: GridResults, method) -> pd.DataFrame:
    """Runs of a method on any training set."""
    same = (grid.runs['network'] == method.network) & (grid.runs['method'] == method.method)
    return grid.runs[same]


def _time_candidate(grid: GridResults, method, record: dict) -> Candidate:
    column, scale = _TIMES[record['metric']]
    runs = _runs_of(grid, method).dropna(subset=[column])
    reasons = []
    if record['metric'] != 'params_millions':
        devices = ', '.join(sorted(set(runs['device'].dropna()))) or 'an unknown device'
        if DEVICE not in devices:
            reasons.append(f'measured on {devices}, the paper on {DEVICE}')
        if record['metric'] == 'inference_ms_per_frame':
            reasons.append('the paper does not state the frame size')
        elif method.strategy == 'PI' and not record['setting']:
            reasons.append('the paper does not state R')
    values = runs[column] * scale
    ids = '; '.join(runs['run_id'])
    return Candidate(method.method, values.mean(), values.std(), len(runs), ids, reasons)
