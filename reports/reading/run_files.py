"""The files of a work directory, read and checked: the grid, and each run's status and timing.

Layout read here, relative to the work directory (for scores, see ``frame_files``)::

    grid.json                       the runs and how each is evaluated, labels, test videos
    runs/<run_id>/status.json       where the run stands (no file: not started)
    runs/<run_id>/timing.json       training time, written when training ends
    external/<key>/external.json    other people's results, scored: label, protocol
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Optional

from reports.files import InvalidFile, read_json

TIMING_FIELDS = (
    'parameters',
    'ms_per_iteration',
    'load_ms',
    'state_pass_ms',
    'step_ms',
    'train_seconds',
    'device',
    'threads',
)
# What tables say of a run that is not done, worst first.
STATUS_WORDS = {
    'FAILED': 'failed',
    'INVALID': 'invalid',  # an unreadable status file
    'RUNNING': 'unfinished',
    'INTERRUPTED': 'unfinished',
    'QUEUED': 'missing',
    'TODO': 'missing',
}
# What each run of the grid must say, and of which types.
RUN_FIELDS = {
    'run_id': (str,),
    'network': (str,),
    'strategy': (str, type(None)),
    'fc': (bool,),
    'repeats': (int, type(None)),
    'train_set': (str, type(None)),
    'seed': (int,),
    'iterations': (int,),
}
STRATEGIES = (None, 'RI', 'TBPTT', 'PI', 'PI-all')  # in display order; None: an untrained reference


class ReportError(Exception):
    """The work directory cannot be reported on at all."""


class Variant(NamedTuple):
    """One way to evaluate the weights of a run.

    Attributes:
        name: what its files have after ``@`` in their names; '' for the plain variant, the main
            one: the last checkpoint, its state carried through the whole video.
        reset_every: the state is set back to the initial one every so many frames; None for never.
        checkpoint: ``last``, or ``best`` for that of the best validation.
    """

    name: str = ''
    reset_every: Optional[int] = None
    checkpoint: str = 'last'


PLAIN = Variant()


@dataclass(frozen=True)
class TestSet:
    """One test set, or the same of a training set.

    Attributes:
        label: as it is displayed.
        videos: video -> number of frames.
        sizes: video -> HR size (height, width) in pixels; empty in old grids.
        paper: its name in the papers' tables, if the grid file gives one.
        checksum: what evaluations must have been made on; empty in old grids.
        protocol: of the scores; '' for the default one.
    """

    __test__ = False  # the name starts with "Test", but it is no test case for pytest

    label: str
    videos: dict[str, int]
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    paper: str = ''
    checksum: str = ''
    protocol: str = ''


@dataclass(frozen=True)
class GridRecord:
    """What ``grid.json`` says of a grid; every mapping keeps display order.

    Attributes:
        networks: network -> label; ``external/<key>`` for results from elsewhere.
        train_sets: training set -> label.
        train_videos: training set -> its videos, where the grid has recorded them.
        runs: axes and identity of each run, and of each result from elsewhere.
        variants: run -> how it is evaluated, the plain variant always among them.
        papers: network -> its name in the papers' tables, where the grid file gives one.
        lr_kinds: network -> the LR frames that it works on.
    """

    name: str
    networks: dict[str, str]
    train_sets: dict[str, str]
    test_sets: dict[str, TestSet]
    runs: list[dict]
    variants: dict[str, list[Variant]]
    train_videos: dict[str, TestSet] = field(default_factory=dict)
    papers: dict[str, str] = field(default_factory=dict)
    lr_kinds: dict[str, str] = field(default_factory=dict)


def read_grid_record(work_dir: Path) -> GridRecord:
    """Read ``grid.json``.

    Raises:
        ReportError: there is no such file, or it does not say what a grid must say.
    """
    path = work_dir / 'grid.json'
    if not path.is_file():
        raise ReportError(
            f'{path} does not exist: {work_dir} is not the work directory of a grid '
            '(expected something like work_dirs/quickstart)'
        )
    try:
        record = _parse_grid(read_json(path))
    except InvalidFile as error:
        raise ReportError(f'{work_dir}: {error}') from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReportError(f'{path}: missing or malformed entry: {error}') from None
    _check_references(record, path)
    return record


def _parse_grid(raw: dict) -> GridRecord:
    external = {f'external/{key}': entry for key, entry in raw.get('external', {}).items()}
    networks = {**raw['networks'], **external}
    return GridRecord(
        name=str(raw['name']),
        networks={key: _label(entry) for key, entry in networks.items()},
        train_sets={key: _label(entry) for key, entry in raw['train_sets'].items()},
        test_sets={key: _parse_set(entry) for key, entry in raw['test_sets'].items()},
        runs=[*raw['runs'], *map(_external_run, external)],
        variants={run.get('run_id'): _parse_variants(run) for run in raw['runs']}
        | {key: [PLAIN] for key in external},
        train_videos={
            key: _parse_set(entry) for key, entry in raw['train_sets'].items() if 'videos' in entry
        },
        papers={key: str(entry['paper']) for key, entry in networks.items() if entry.get('paper')},
        lr_kinds={key: entry.get('lr_kind', 'lr_bd') for key, entry in raw['networks'].items()},
    )


def _parse_variants(run: dict) -> list[Variant]:
    entries = run.get('variants', [PLAIN._asdict()])
    return [Variant(*(entry[name] for name in Variant._fields)) for entry in entries]


def _label(entry: dict) -> str:
    label = entry['label']
    if not isinstance(label, (str, int, float)):
        raise TypeError(f'label {label!r} is no text')
    return str(label)


_SET_TEXTS = ('paper', 'checksum', 'protocol')


def _parse_set(entry: dict) -> TestSet:
    return TestSet(
        label=_label(entry),
        videos=_parse_videos(entry['videos']),
        sizes={video: tuple(size) for video, size in entry.get('sizes', {}).items()},
        **{name: str(entry[name]) for name in _SET_TEXTS if entry.get(name)},
    )


def _parse_videos(entry: dict) -> dict[str, int]:
    for video, frames in entry.items():
        if not _is_count(frames):
            raise TypeError(f'video {video} cannot have {frames!r} frames')
    return entry


def _external_run(network: str) -> dict:
    axes = {'strategy': None, 'fc': False, 'repeats': None, 'train_set': '', 'seed': 0}
    return {'run_id': network, 'network': network, **axes, 'iterations': 0}


def run_folder(work_dir: Path, run_id: str) -> Path:
    """Folder of a run, or of results from elsewhere (``external/<key>``)."""
    return work_dir / (run_id if run_id.startswith('external/') else f'runs/{run_id}')


def _check_references(record: GridRecord, path: Path) -> None:
    if not record.runs or not record.test_sets:
        raise ReportError(f'{path}: the grid has no runs or names no test sets')
    for key, test_set in record.test_sets.items():
        if not test_set.videos:
            raise ReportError(f'{path}: test set {key} has no videos')
    for run in record.runs:
        wrong = _wrong_in(run, record)
        if wrong:
            raise ReportError(f'{path}: run {run.get("run_id")}: {wrong}')
    if len(record.variants) < len(record.runs):
        raise ReportError(f'{path}: two runs have the same run_id')


def _wrong_in(run: dict, record: GridRecord) -> str:
    """What is wrong with a run; '' if nothing is."""
    absent = sorted(set(RUN_FIELDS) - set(run))
    if absent:
        return f'no entry {", ".join(absent)}'
    for name, kinds in RUN_FIELDS.items():
        if type(run[name]) not in kinds:
            return f'{name} cannot be {run[name]!r}'
    known = {'network': record.networks, 'strategy': STRATEGIES}
    if run['strategy'] is not None:
        known['train_set'] = record.train_sets
    for axis, names in known.items():
        if run[axis] not in names:
            return f'unknown {axis} {run[axis]!r}'
    variants = record.variants[run['run_id']]
    if PLAIN not in variants:
        return 'the plain variant is missing'
    if len({variant.name for variant in variants}) < len(variants):
        return 'two variants have the same name'
    wrong = [v for v in variants if v.reset_every is not None and not _is_count(v.reset_every)]
    return f'reset_every cannot be {wrong[0].reset_every!r}' if wrong else ''


def _is_count(number: object) -> bool:
    return type(number) is int and number > 0


def read_status(run_dir: Path) -> tuple[str, str]:
    """Status of a run and, unless it is plainly done, the reason in one line.

    Returns:
        DONE or one of ``STATUS_WORDS``, and the reason.
    """
    path = run_dir / 'status.json'
    if not path.is_file():
        return 'TODO', 'not started'
    try:
        raw = read_json(path)
    except InvalidFile as error:
        return 'INVALID', str(error)
    status = raw.get('status')
    if status not in ('DONE', *STATUS_WORDS):
        return 'INVALID', f'status.json has the unknown status {status!r}'
    return status, _status_reason(status, raw)


def _status_reason(status: str, raw: dict) -> str:
    where = ''
    if 'stage' in raw:
        where = f'{raw["stage"]}, iteration {raw.get("iteration")} of {raw.get("max_iters")}'
    if status in ('DONE', 'TODO'):
        return 'not started' if status == 'TODO' else ''
    if status == 'RUNNING':
        return f'unfinished: {where}, last update {_clock(raw.get("updated"))}'
    recorded = ' '.join(str(raw.get('reason') or '').split())
    reason = {
        'FAILED': recorded or 'no reason recorded',
        'INTERRUPTED': ': '.join(filter(None, ['interrupted, goes on when restarted', recorded])),
        'QUEUED': "waits in the cluster's queue",
    }[status]
    return f'{reason} ({where})' if where else reason


def _clock(seconds: object) -> str:
    """A time in seconds since the epoch, as people read it."""
    try:
        return datetime.fromtimestamp(seconds).isoformat(' ', 'seconds')
    except (TypeError, ValueError, OverflowError, OSError):
        return 'unknown'


def read_timing(run_dir: Path) -> dict:
    """Training time of a run (milliseconds, seconds) and its parameter count; empty if absent.

    Raises:
        InvalidFile: the file is there but cannot be read.
    """
    path = run_dir / 'timing.json'
    if not path.is_file():
        return {}
    raw = read_json(path)
    timing = {field: raw.get(field) for field in TIMING_FIELDS}
    for name, value in timing.items():
        allowed = str if name == 'device' else (int, float)
        if value is not None and (isinstance(value, bool) or not isinstance(value, allowed)):
            raise InvalidFile(f'timing.json: {name} cannot be {value!r}')
    return timing


def read_external(folder: Path) -> tuple[str, str, str]:
    """Status, reason and protocol ('' for the default one) of results from elsewhere."""
    if not (folder / 'external.json').is_file():
        return 'TODO', 'not scored', ''
    try:
        return 'DONE', '', str(read_json(folder / 'external.json').get('protocol') or '')
    except InvalidFile as error:
        return 'INVALID', str(error), ''
