"""The files of a work directory, read and checked: the grid, and each run's status, timing, frames.

Layout read here, relative to the work directory::

    grid.json                              planned runs, labels, and the frames of every test video
    runs/<run_id>/status.json              where the run stands (no file: not started)
    runs/<run_id>/timing.json              training time, written when training ends
    runs/<run_id>/frames_<test_set>.csv    PSNR and SSIM of every frame of one test set
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

FRAME_COLUMNS = ['video', 'frame', 'psnr_y', 'ssim_y', 'ms']
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
    """One test set: its display label and the number of frames of each video."""

    __test__ = False  # the name starts with "Test", but it is no test case for pytest

    label: str
    videos: dict[str, int]


@dataclass(frozen=True)
class GridPlan:
    """What ``grid.json`` says was planned; every mapping keeps display order."""

    name: str
    networks: dict[str, str]
    train_sets: dict[str, str]
    test_sets: dict[str, TestSet]
    runs: list[dict]


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
    test_sets = {
        key: TestSet(label=entry['label'], videos=dict(entry['videos']))
        for key, entry in raw['test_sets'].items()
    }
    return GridPlan(
        name=raw['name'],
        networks={key: entry['label'] for key, entry in raw['networks'].items()},
        train_sets={key: entry['label'] for key, entry in raw['train_sets'].items()},
        test_sets=test_sets,
        runs=list(raw['runs']),
    )


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
        for field, names in known.items():
            if run[field] not in names:
                raise ReportError(f'{path}: run {run["run_id"]}: unknown {field} {run[field]!r}')


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
    where = f'{raw.get("stage")}, iteration {raw.get("iteration")} of {raw.get("max_iters")}'
    if status == 'RUNNING':
        return f'unfinished: {where}, last update {raw.get("updated")}'
    if status == 'FAILED':
        return ' '.join(str(raw.get('reason') or 'no reason recorded').split()) + f' ({where})'
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


def read_frames(path: Path, videos: dict[str, int]) -> pd.DataFrame:
    """Read the scores of every frame of one test set.

    Args:
        path: a ``frames_<test_set>.csv``.
        videos: expected number of frames of each video.

    Raises:
        InvalidFile: columns, videos or frames are missing, repeated or not finite numbers.
    """
    try:
        # A video called "000" must stay text.
        frames = pd.read_csv(path, dtype={'video': str})
    except (ValueError, OSError) as error:  # pandas' parser errors are ValueErrors
        raise InvalidFile(f'{path.name}: {" ".join(str(error).split())}') from None
    absent = [column for column in FRAME_COLUMNS if column not in frames]
    if absent:
        raise InvalidFile(f'{path.name}: no column {", ".join(absent)}')
    frames = frames[FRAME_COLUMNS]
    numbers = frames.columns[1:]
    frames = frames.assign(**{c: pd.to_numeric(frames[c], errors='coerce') for c in numbers})
    _check_frames(frames, videos, path.name)
    return frames.astype({'frame': int})


def _check_frames(frames: pd.DataFrame, videos: dict[str, int], name: str) -> None:
    by_video = dict(iter(frames.groupby('video')['frame']))
    unknown = sorted(set(by_video) - set(videos))
    if unknown:
        raise InvalidFile(f'{name}: unexpected video {", ".join(unknown)}')
    for video, expected in videos.items():
        found = np.sort(by_video[video].to_numpy()) if video in by_video else np.array([])
        if len(found) != expected:
            raise InvalidFile(f'{name}: video {video} has {len(found)} of {expected} frames')
        if not np.array_equal(found, np.arange(expected)):
            raise InvalidFile(f'{name}: video {video} does not hold frames 0 to {expected - 1}')
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
