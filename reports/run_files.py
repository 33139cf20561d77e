"""The files of a work directory, read and checked: the grid, and each run's status, timing, frames.

Layout read here, relative to the work directory::

    grid.json                              planned runs, labels, and the frames of every test video
    runs/<run_id>/status.json              where the run stands (no file: not started)
    runs/<run_id>/timing.json              training time, written when training ends
    runs/<run_id>/frames_<test_set>.csv    PSNR and SSIM of every frame of one test set
    runs/<run_id>/evaluations.json         the version of the test set each of them was made on
    external/<key>/external.json           other people's results, scored: label, protocol
    external/<key>/frames_<test_set>.csv
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

FRAME_COLUMNS = ['video', 'frame', 'psnr_y', 'ssim_y', 'ms']
REQUIRED_COLUMNS = FRAME_COLUMNS[:4]  # results from elsewhere have no times
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
RUN_STATUSES = ('DONE', 'RUNNING', 'FAILED', 'TODO')
RUN_FIELDS = {
    'run_id',
    'network',
    'strategy',
    'fc',
    'repeats',
    'train_set',
    'seed',
    'iterations',
}
STRATEGIES = (None, 'RI', 'TBPTT', 'PI', 'PI-all')  # in display order; None: an untrained reference


class ReportError(Exception):
    """The work directory cannot be reported on at all."""


class InvalidFile(Exception):
    """One file of a run is damaged; the message is the one-line reason."""


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
class GridPlan:
    """What ``grid.json`` says was planned; every mapping keeps display order.

    Attributes:
        networks: network -> label; ``external/<key>`` for results from elsewhere.
        train_sets: training set -> label.
        train_videos: training set -> its videos, where the grid has recorded them.
        runs: axes and identity of each run, and of each result from elsewhere.
        papers: network -> its name in the papers' tables, where the grid file gives one.
        lr_kinds: network -> the LR frames that it works on.
    """

    name: str
    networks: dict[str, str]
    train_sets: dict[str, str]
    test_sets: dict[str, TestSet]
    runs: list[dict]
    train_videos: dict[str, TestSet] = field(default_factory=dict)
    papers: dict[str, str] = field(default_factory=dict)
    lr_kinds: dict[str, str] = field(default_factory=dict)


def read_plan(work_dir: Path) -> GridPlan:
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
        plan = _parse_plan(_read_json(path))
    except InvalidFile as error:
        raise ReportError(f'{work_dir}: {error}') from None
    except (KeyError, TypeError, AttributeError) as error:
        raise ReportError(f'{path}: missing or malformed entry: {error}') from None
    _check_references(plan, path)
    return plan


def _parse_plan(raw: dict) -> GridPlan:
    external = {f'external/{key}': entry for key, entry in raw.get('external', {}).items()}
    networks = {**raw['networks'], **external}
    return GridPlan(
        name=raw['name'],
        networks={key: entry['label'] for key, entry in networks.items()},
        train_sets={key: entry['label'] for key, entry in raw['train_sets'].items()},
        test_sets={key: _parse_set(entry) for key, entry in raw['test_sets'].items()},
        runs=[*raw['runs'], *map(_external_run, external)],
        train_videos={
            key: _parse_set(entry) for key, entry in raw['train_sets'].items() if 'videos' in entry
        },
        papers={key: entry['paper'] for key, entry in networks.items() if entry.get('paper')},
        lr_kinds={key: entry.get('lr_kind', 'lr_bd') for key, entry in raw['networks'].items()},
    )


_SET_TEXTS = ('paper', 'checksum', 'protocol')


def _parse_set(entry: dict) -> TestSet:
    return TestSet(
        label=entry['label'],
        videos=dict(entry['videos']),
        sizes={video: tuple(size) for video, size in entry.get('sizes', {}).items()},
        **{name: entry[name] for name in _SET_TEXTS if entry.get(name)},
    )


def _external_run(network: str) -> dict:
    axes = {'strategy': None, 'fc': False, 'repeats': None, 'train_set': '', 'seed': 0}
    return {'run_id': network, 'network': network, **axes, 'iterations': 0}


def run_folder(work_dir: Path, run_id: str) -> Path:
    """Folder of a run, or of results from elsewhere (``external/<key>``)."""
    return work_dir / (run_id if run_id.startswith('external/') else f'runs/{run_id}')


def _check_references(plan: GridPlan, path: Path) -> None:
    if not plan.runs or not plan.test_sets:
        raise ReportError(f'{path}: the grid plans no runs or names no test sets')
    for run in plan.runs:
        absent = sorted(RUN_FIELDS - set(run))
        if absent:
            raise ReportError(f'{path}: run {run.get("run_id")}: no entry {", ".join(absent)}')
        known = {'network': plan.networks, 'strategy': STRATEGIES}
        if run['strategy'] is not None:
            known['train_set'] = plan.train_sets
        for axis, names in known.items():
            if run[axis] not in names:
                raise ReportError(f'{path}: run {run["run_id"]}: unknown {axis} {run[axis]!r}')


def read_status(run_dir: Path) -> tuple[str, str]:
    """Status of a run and, unless it is plainly done, the reason in one line.

    Returns:
        One of DONE, RUNNING, FAILED, TODO, INVALID (an unreadable status file), and the reason.
    """
    path = run_dir / 'status.json'
    if not path.is_file():
        return 'TODO', 'not started'
    try:
        raw = _read_json(path)
    except InvalidFile as error:
        return 'INVALID', str(error)
    status = raw.get('status')
    if status not in RUN_STATUSES:
        return 'INVALID', f'status.json has the unknown status {status!r}'
    return status, _status_reason(status, raw)


def _status_reason(status: str, raw: dict) -> str:
    where = ''
    if 'stage' in raw:
        where = f'{raw["stage"]}, iteration {raw.get("iteration")} of {raw.get("max_iters")}'
    if status == 'RUNNING':
        return f'unfinished: {where}, last update {raw.get("updated")}'
    if status == 'FAILED':
        reason = ' '.join(str(raw.get('reason') or 'no reason recorded').split())
        return f'{reason} ({where})' if where else reason
    return 'not started' if status == 'TODO' else ''


def read_timing(run_dir: Path) -> dict:
    """Training time of a run (milliseconds, seconds) and its parameter count; empty if absent.

    Raises:
        InvalidFile: the file is there but cannot be read.
    """
    path = run_dir / 'timing.json'
    if not path.is_file():
        return {}
    raw = _read_json(path)
    return {field: raw.get(field) for field in TIMING_FIELDS}


def read_external(folder: Path) -> tuple[str, str, str]:
    """Status, reason and protocol ('' for the default one) of results from elsewhere."""
    if not (folder / 'external.json').is_file():
        return 'TODO', 'not scored', ''
    try:
        return 'DONE', '', _read_json(folder / 'external.json').get('protocol') or ''
    except InvalidFile as error:
        return 'INVALID', str(error), ''


def is_outdated(run_dir: Path, test_set: str, checksum: str) -> bool:
    """Whether the frames of ``test_set`` were scored on another version of the set."""
    path = run_dir / 'evaluations.json'
    if not checksum or not path.is_file():
        return False
    return _read_json(path).get(test_set) != checksum


def read_frames(path: Path, videos: dict[str, int], whole: bool = True) -> pd.DataFrame:
    """Read the scores of every frame of one test set.

    Columns beyond ``FRAME_COLUMNS`` are optional quantities; those without any number are left out.

    Args:
        path: a ``frames_<test_set>.csv``.
        videos: expected number of frames of each video.
        whole: whether every frame must be there; other protocols leave some out.

    Raises:
        InvalidFile: columns, videos or frames are missing, repeated or not finite numbers.
    """
    try:
        # A video called "000" must stay text.
        frames = pd.read_csv(path, dtype={'video': str})
    except (ValueError, OSError) as error:  # pandas' parser errors are ValueErrors
        raise InvalidFile(f'{path.name}: {" ".join(str(error).split())}') from None
    absent = [column for column in REQUIRED_COLUMNS if column not in frames]
    if absent:
        raise InvalidFile(f'{path.name}: no column {", ".join(absent)}')
    optional = [column for column in frames if column not in FRAME_COLUMNS]
    frames = frames.reindex(columns=[*FRAME_COLUMNS, *optional])
    numbers = frames.columns[1:]
    frames = frames.assign(**{c: pd.to_numeric(frames[c], errors='coerce') for c in numbers})
    _check_frames(frames, videos, path.name, whole)
    empty = [column for column in optional if frames[column].isna().all()]
    return frames.drop(columns=empty).astype({'frame': int})


def _check_frames(frames: pd.DataFrame, videos: dict[str, int], name: str, whole: bool) -> None:
    by_video = dict(iter(frames.groupby('video')['frame']))
    unknown = sorted(set(by_video) - set(videos))
    if unknown:
        raise InvalidFile(f'{name}: unexpected video {", ".join(unknown)}')
    for video, expected in videos.items():
        found = np.sort(by_video[video].to_numpy()) if video in by_video else np.array([])
        if not len(found) or (whole and len(found) != expected):
            raise InvalidFile(f'{name}: video {video} has {len(found)} of {expected} frames')
        once = np.isin(found, np.arange(expected)).all() and (np.diff(found) > 0).all()
        if not once:
            raise InvalidFile(f'{name}: {video} does not hold frames 0 to {expected - 1} once')
    finite = np.isfinite(frames[['psnr_y', 'ssim_y']].to_numpy(dtype=float)).all(axis=1)
    if not finite.all():
        bad = frames[~finite].iloc[0]
        raise InvalidFile(f'{name}: score of {bad.video}, frame {bad.frame:.0f} is not finite')
    if frames['video'].isna().any():
        raise InvalidFile(f'{name}: a row names no video')


def _read_json(path: Path) -> dict:
    try:
        raw = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise InvalidFile(f'{path.name} is not readable JSON: {error}') from None
    if not isinstance(raw, dict):
        raise InvalidFile(f'{path.name} holds no JSON object')
    return raw
