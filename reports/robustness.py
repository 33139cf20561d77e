"""Stability scored as robustness: when networks collapse, and how they do over videos and seeds.

The units are videos x seeds of all long videos (see :mod:`reports.stability`) with ground truth, of
all test sets together; ``docs/scoring.md`` has the definitions for readers.

- *Level* of a frame: its PSNR minus that of bicubic interpolation on the same LR frames, where the
  grid has it (an untrained network whose key or label begins with "bicubic"); else PSNR itself.
- *Collapse*: as :mod:`harness.runs.collapse` has it, from both ends where the record of an
  evaluation says that the network is bidirectional. A video without it is censored at its length.
- *Survival curve*: Kaplan and Meier's estimate of the share of units that have not collapsed
  (``scipy.stats.ecdf``); methods are compared with RI by the log-rank test
  (``scipy.stats.logrank``). It takes units for independent; videos of one training are not, so
  that its p is at best a lower bound.
- *Score* of a unit: mean level of the last ``WINDOW`` frames. Interquartile mean (IQM),
  probability of improvement over RI and performance profile are rliable's (Agarwal et al.,
  NeurIPS 2021): a video is a task, a seed is a run. Their intervals resample videos and seeds both,
  as :mod:`reports.differences` does; rliable resamples runs only, and of one seed has none.
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from harness.runs.collapse import find_collapse
from harness.runs.grid_json import GridRecord
from reports.differences import ALPHA, LEAST_VIDEOS, holm, named_generator
from reports.methods import Method
from reports.results import GridResults
from reports.stability import VIDEO_KEYS, WINDOW

RESAMPLES = 2000
UNIT = ['test_set', 'video', 'seed']
COLUMNS = [
    *('train_set', 'network', 'method', 'units', 'collapsed', 'median_survival', 'p_logrank'),
    *('p_logrank_holm', 'score', 'mean', 'worst', 'iqm', 'iqm_low', 'iqm_high', 'improvement'),
    *('improvement_low', 'improvement_high', 'run_ids'),
]


def robust_sets(grid: GridResults) -> list[str]:
    """The long test sets whose scores compare with ground truth."""
    return [key for key in grid.long_sets if grid.record.test_sets[key].protocol != 'lr']


def units(grid: GridResults) -> pd.DataFrame:
    """One row per trial and long video.

    Returns:
        trial_id, test_set, video, seed, length (frames), collapse (frame, NaN for none) and score
        (dB, NaN if only the levels of other trials are gains).
    """
    wanted = grid.frames['test_set'].isin(robust_sets(grid))
    levels, kind = levels_of(grid, grid.frames[wanted].reset_index(drop=True))
    groups = levels.groupby(VIDEO_KEYS, sort=False)
    found = groups['frame'].max().add(1).rename('length').to_frame()
    found['collapse'] = _collapses(grid, groups)
    tail = levels['frame'] > groups['frame'].transform('max') - WINDOW
    found['score'] = levels[tail].groupby(VIDEO_KEYS)['level'].mean()
    if kind == 'gain':
        found['score'] = found['score'].where(groups['is_gain'].all())
    seeds = grid.trials.set_index('trial_id')['seed']
    found = found.reset_index()
    found['seed'] = found['trial_id'].map(seeds)
    return found[['trial_id', *UNIT, 'length', 'collapse', 'score']]


def score_kind(grid: GridResults) -> str:
    """``gain`` where scores are PSNR minus bicubic's, else ``psnr``."""
    return 'gain' if _references(grid) else 'psnr'


def levels_of(grid: GridResults, frames: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Frames with their ``level``, and what it is for the grid, as ``score_kind`` says.

    Args:
        grid: Where they come from; knows bicubic interpolation on the same LR frames.
        frames: Rows of ``grid.frames``.
    """
    references = _references(grid)
    frames = frames[[*VIDEO_KEYS, 'frame', 'psnr_y']].assign(
        reference=frames['trial_id'].map(references).astype(object)
    )
    keys = ['test_set', 'video', 'frame']
    plain = frames.rename(columns={'psnr_y': 'plain'})[['trial_id', *keys, 'plain']]
    plain = plain[plain['trial_id'].isin(references.values())]
    plain = plain.rename(columns={'trial_id': 'reference'})
    frames = frames.merge(plain, on=['reference', *keys], how='left')
    is_gain = frames['plain'].notna()
    level = frames['psnr_y'] - frames['plain'].fillna(0.0)
    return frames.assign(level=level, is_gain=is_gain), 'gain' if references else 'psnr'


def _references(grid: GridResults) -> dict[str, str]:
    """Trial -> that of bicubic interpolation on the same LR frames, scored in the same way."""
    done = set(grid.frames['trial_id'])
    record, found = grid.record, {}
    bicubic = {
        record.lr_kinds.get(method.network, 'lr_bd'): trial_id
        for trial_id, method in reversed(grid.method_of.items())
        if is_bicubic(method, record) and trial_id in done
    }
    protocols = grid.trials.set_index('trial_id')['protocol']
    for trial_id, method in grid.method_of.items():
        reference = bicubic.get(record.lr_kinds.get(method.network, 'lr_bd'))
        if reference and not protocols[trial_id]:
            found[trial_id] = reference
    return found


def is_bicubic(method: Method, record: GridRecord) -> bool:
    """Whether a method is bicubic interpolation: untrained, and called so by its key or label."""
    names = (method.network, record.networks[method.network])
    is_named = any(name.lower().startswith('bicubic') for name in names)
    return is_named and method.is_plain and not method.is_trained


def _collapses(grid: GridResults, groups: Any) -> pd.Series:
    """Frame of collapse by ``VIDEO_KEYS``; NaN for none."""
    periods = grid.trials.set_index('trial_id')['reset_every']
    both_ends = grid.evaluations.set_index(['trial_id', 'test_set'])['bidirectional']
    frames = {}
    for (trial_id, test_set, video), rows in groups:
        period = periods[trial_id]
        frames[trial_id, test_set, video] = find_collapse(
            rows['psnr_y'],
            rows['plain'] if rows['is_gain'].all() else None,
            both_ends[trial_id, test_set],
            None if math.isnan(period) else int(period),
            rows['frame'],
        ).frame
    return pd.Series(frames, dtype=float)


def survival(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Frames and the share of units that have not collapsed from there on.

    Args:
        rows: of :func:`units`, of one method.

    Returns:
        Where the curve steps, beginning at 0, and its value from there on, shape (n,) both; it ends
        at the longest length.
    """
    curve = stats.ecdf(_censored(rows)).sf
    frames = np.concatenate([[0.0], curve.quantiles, [float(rows['length'].max())]])
    shares = np.concatenate([[1.0], curve.probabilities, curve.probabilities[-1:]])
    return frames, shares


def _censored(rows: pd.DataFrame) -> stats.CensoredData:
    collapsed = rows['collapse'].notna()
    return stats.CensoredData(
        uncensored=rows['collapse'][collapsed].to_numpy(float),
        right=rows['length'][~collapsed].to_numpy(float),
    )


def _median_survival(rows: pd.DataFrame) -> float:
    """The first frame by which half of the units have collapsed; NaN if they have not."""
    frames, shares = survival(rows)
    reached = frames[shares <= 0.5]
    return float(reached[0]) if len(reached) else math.nan


def _logrank(rows: pd.DataFrame, baseline: pd.DataFrame) -> float:
    """p of the log-rank test; NaN where nothing has collapsed."""
    if rows['collapse'].isna().all() and baseline['collapse'].isna().all():
        return math.nan
    return float(stats.logrank(_censored(rows), _censored(baseline)).pvalue)


def interquartile_mean(scores: np.ndarray) -> np.ndarray:
    """Mean of the middle half of (..., videos, seeds), over both."""
    flat = scores.reshape(*scores.shape[:-2], -1)
    return stats.trim_mean(flat, 0.25, axis=-1)


def improvement(scores: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Probability that a seed of the method beats one of the baseline on a video; ties count half.

    Args:
        scores, baseline: (..., videos, seeds) of the same videos; numbers of seeds may differ.
    """
    difference = scores[..., :, None] - baseline[..., None, :]
    wins = (difference > 0) + 0.5 * (difference == 0)
    return wins.mean(axis=(-3, -2, -1))


def profile(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Share of (..., videos, seeds) above each threshold, (..., thresholds)."""
    flat = scores.reshape(*scores.shape[:-2], -1, 1)
    return (flat > thresholds).mean(axis=-2)


def resampled(scores: np.ndarray, name: str, *more: np.ndarray) -> list[np.ndarray]:
    """Matrices (videos, seeds) with videos and seeds drawn anew, (RESAMPLES, videos, seeds).

    Args:
        scores: the first matrix.
        name: what they are for; names the random numbers.
        more: others of the same videos, which are drawn together.
    """
    generator = named_generator('robustness', name)
    videos = generator.integers(len(scores), size=(RESAMPLES, len(scores)))
    drawn = []
    for matrix in (scores, *more):
        seeds = generator.integers(matrix.shape[1], size=(RESAMPLES, matrix.shape[1]))
        drawn.append(matrix[videos[:, :, None], seeds[:, None, :]])
    return drawn


def interval(values: np.ndarray, videos: int) -> tuple[float, float]:
    """95 % percentile interval of resampled values; NaN for fewer than ``LEAST_VIDEOS``."""
    if videos < LEAST_VIDEOS:
        return math.nan, math.nan
    low, high = np.quantile(values, [ALPHA / 2, 1 - ALPHA / 2])
    return float(low), float(high)


def matrix(rows: pd.DataFrame) -> np.ndarray:
    """Scores (videos, seeds) of the seeds that have all videos."""
    table = rows.pivot(index=['test_set', 'video'], columns='seed', values='score')
    return table.dropna(axis='columns').to_numpy(float)


def by_method(grid: GridResults, rows: pd.DataFrame) -> dict[Method, pd.DataFrame]:
    """Units of each method that has any, in display order."""
    method = rows['trial_id'].map(grid.method_of)
    return {m: rows[method == m] for m in grid.methods if (method == m).any()}


def baseline_of(method: Method, methods: Iterable[Method]) -> Method | None:
    """RI of the same network and training set, where it is there and another method."""
    for other in methods:
        same = (other.train_set, other.network) == (method.train_set, method.network)
        plain = other == replace(other, reset=None, checkpoint='last', fc=False, options=())
        if same and plain and other.strategy == 'RI' and other != method and method.is_trained:
            return other
    return None


def robustness(grid: GridResults) -> pd.DataFrame:
    """One row per method that has finished long videos: the columns ``COLUMNS``."""
    found = by_method(grid, units(grid))
    kind = score_kind(grid)
    rows = [_row(method, rows, found, kind) for method, rows in found.items()]
    table = pd.DataFrame(rows, columns=[c for c in COLUMNS if c != 'p_logrank_holm'])
    table['p_logrank_holm'] = holm(table['p_logrank'])
    return table[COLUMNS]


def _row(method: Method, rows: pd.DataFrame, found: dict, kind: str) -> dict:
    scores, baseline = matrix(rows), baseline_of(method, found)
    row: dict[str, Any] = {'train_set': method.train_set, 'network': method.network}
    row |= {'method': method.name}
    row |= {'units': len(rows), 'collapsed': int(rows['collapse'].notna().sum())}
    row |= {'median_survival': _median_survival(rows), 'score': kind}
    row |= {'run_ids': '; '.join(dict.fromkeys(rows['trial_id']))}
    if baseline:
        row['p_logrank'] = _logrank(rows, found[baseline])
    if not scores.size:
        return row
    name = '/'.join(method.key)
    drawn = interquartile_mean(resampled(scores, name)[0])
    row |= {'mean': scores.mean(), 'worst': scores.mean(axis=1).min()}
    row |= {'iqm': float(interquartile_mean(scores))}
    row['iqm_low'], row['iqm_high'] = interval(drawn, len(scores))
    other = matrix(found[baseline]) if baseline else np.empty((0, 0))
    if len(other) == len(scores):
        both = resampled(scores, name, other)
        row['improvement'] = float(improvement(scores, other))
        row['improvement_low'], row['improvement_high'] = interval(improvement(*both), len(scores))
    return row
