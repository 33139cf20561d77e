"""Scores of frames, read and checked: the CSVs of runs and of external results."""

from pathlib import Path

import numpy as np
import pandas as pd

from harness.runs.files import InvalidFile
from harness.runs.text import clean

FRAME_COLUMNS = ['video', 'frame', 'psnr_y', 'ssim_y', 'ms']
REQUIRED_COLUMNS = FRAME_COLUMNS[:4]  # external results have no times
# Possible values, with a margin for rounding; identical frames have 100 dB. Other values mean a
# damaged file: one changed digit could give a mean of millions of dB.
_PSNR, _NOT_NEGATIVE = (0.0, 100.0), (0.0, np.inf)
LIMITS = {
    **dict.fromkeys(('psnr_y', 'psnr_inside', 'psnr_outside'), _PSNR),
    'ssim_y': (-1 - 1e-6, 1 + 1e-6),
    **dict.fromkeys(('ms', 'tof', 'warp_error', 'frame_difference'), _NOT_NEGATIVE),
    'vmaf': _PSNR,
}
# Columns of the reports' own tables; quantities of frames cannot have these names.
TAKEN_COLUMNS = {
    *('trial_id', 'test_set', 'run_id', 'train_set', 'network', 'method', 'variant', 'strategy'),
    *('fc', 'repeats', 'reset_every', 'checkpoint', 'seed', 'seeds_done', 'seeds_planned'),
    *('iteration', 'iterations', 'videos', 'frames', 'status', 'reason', 'file', 'files'),
    *('run_ids', 'drift', 'psnr_first50', 'psnr_last50', 'ssim_first50', 'ssim_last50'),
    *('diverged', 'diverged_of', 'divergence_frame', 'worst_frame', 'worst_psnr', 'shift'),
    *('not_finite', 'bidirectional'),
}


def read_frames(path: Path, videos: dict[str, int], whole: bool = True) -> pd.DataFrame:
    """Read the scores of every frame of one test set.

    Columns beyond ``FRAME_COLUMNS`` are optional quantities; those without any number are left out.

    Args:
        path: a ``frames_<test_set>.csv``.
        videos: expected number of frames of each video.
        whole: whether every frame must be there; other protocols leave some out.

    Raises:
        InvalidFile: columns, videos or frames are missing or repeated, or a cell is not a number or
            an impossible one.
    """
    try:
        # Names are read as text: "000" and "NA" are ordinary names.
        frames = pd.read_csv(path, converters={'video': str}, encoding='utf-8-sig')
    except (ValueError, OSError) as error:  # pandas' parser errors are ValueErrors
        raise InvalidFile(f'{path.name}: {" ".join(clean(str(error)).split())}') from None
    frames = frames.rename(columns=clean)
    twice = frames.columns[frames.columns.duplicated()]
    if len(twice):
        raise InvalidFile(f'{path.name}: column {twice[0]} appears more than once')
    absent = [column for column in REQUIRED_COLUMNS if column not in frames]
    if absent:
        raise InvalidFile(f'{path.name}: no column {", ".join(absent)}')
    optional = [column for column in frames if column not in FRAME_COLUMNS]
    taken = [column for column in optional if column in TAKEN_COLUMNS or column.endswith('_std')]
    if taken:
        raise InvalidFile(f'{path.name}: column {taken[0]} has a name that reports use internally')
    frames = frames.reindex(columns=[*FRAME_COLUMNS, *optional])
    # Names repeat in all rows, so each is cleaned once.
    frames['video'] = frames['video'].map({name: clean(name) for name in frames['video'].unique()})
    frames = frames.assign(**{c: _numbers(frames, c, path.name) for c in frames.columns[1:]})
    _check_frames(frames, videos, path.name, whole)
    empty = [column for column in optional if frames[column].isna().all()]
    return frames.drop(columns=empty).astype({'frame': int})


def _numbers(frames: pd.DataFrame, column: str, name: str) -> pd.Series:
    """Returns a column as numbers, NaN for empty cells; a column of only text becomes NaN."""
    numbers = pd.to_numeric(frames[column], errors='coerce').astype(float)
    low, high = LIMITS.get(column, (-np.inf, np.inf))
    wrong = (numbers < low) | (numbers > high) | np.isinf(numbers)
    if numbers.notna().any():
        wrong |= numbers.isna() & frames[column].notna()
    if wrong.any():
        video, frame, value = (frames.loc[wrong, c].iloc[0] for c in ('video', 'frame', column))
        where = f'{name}: {column} of {video}, frame {frame}'
        raise InvalidFile(f'{where} cannot be {clean(str(value))}')
    return numbers


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
