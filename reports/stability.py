"""How quality changes over a video: first and last frames, drift, divergence, worst frame.

Quantities of one video in one trial, PSNR on Y in dB:

- ``psnr_y``, ``ssim_y``: mean over all frames;
- ``psnr_first50``, ``psnr_last50`` (and ``ssim_...``): mean over the first and last ``WINDOW``
  frames, as MRVSR's tables (Chiche et al., 2022) give them;
- ``drift``: last 50 minus first 50, negative if quality is lost;
- ``divergence_frame``: the first frame from which PSNR stays at least ``DROP`` dB under the mean of
  the first 50 until the end, be it the last frame alone. NaN where there is none, which
  ``diverged`` (False) tells from videos too short to say (missing). Where the state is reset
  every N frames, the frame after the last time must be under it too: each stretch may end low;
- ``worst_frame``, ``worst_psnr``: the frame with the lowest PSNR, the earliest of several.

Videos of fewer than ``LONG`` frames have no first and last 50, drift or divergence: the two windows
would share frames and hide the difference they are there to show. A network whose *backward* branch
fails is bad from frame 0 on; there drift is positive, and only mean and worst frame show it.
"""

from typing import Any

import pandas as pd

WINDOW = 50  # frames in "first 50" and "last 50"
LONG = 2 * WINDOW
DROP = 1.0  # dB

VIDEO_KEYS = ['trial_id', 'test_set', 'video']
# All other columns of a CSV are optional quantities of each frame.
BASE_COLUMNS = [*VIDEO_KEYS, 'frame', 'psnr_y', 'ssim_y', 'ms']
#: averaged over videos, then over seeds
SCORES = [
    *('psnr_y', 'ssim_y', 'psnr_first50', 'psnr_last50', 'drift'),
    *('ssim_first50', 'ssim_last50'),
]


def optional_quantities(frames: pd.DataFrame) -> list[str]:
    """Columns of ``frames`` beyond those that every run has, e.g. ``tof``."""
    return [column for column in frames if column not in BASE_COLUMNS]


def video_statistics(frames: pd.DataFrame, reset_every: pd.Series) -> pd.DataFrame:
    """One row per trial x test set x video, in the order of ``frames``.

    Args:
        frames: trial_id, test_set, video, frame (0-based), psnr_y (dB), ssim_y, ms, and optional
            quantities, which are averaged like PSNR.
        reset_every: after how many frames each trial (the index) resets its state, or NaN.
    """
    frames = frames.reset_index(drop=True)
    groups = frames.groupby(VIDEO_KEYS, sort=False)
    averaged = ['psnr_y', 'ssim_y', 'ms', *optional_quantities(frames)]
    videos = groups[averaged].mean()
    videos.insert(0, 'frames', groups.size())
    videos = _windows(frames, groups, videos)
    videos = _divergence(frames, videos, reset_every)
    worst = frames.loc[groups['psnr_y'].idxmin()].set_index(VIDEO_KEYS)
    videos = videos.join(worst[['frame', 'psnr_y']].set_axis(['worst_frame', 'worst_psnr'], axis=1))
    return videos.reset_index()


def _windows(frames: pd.DataFrame, groups: Any, videos: pd.DataFrame) -> pd.DataFrame:
    # External results may lack frames; the first ones, usually.
    first, last = groups['frame'].transform('min'), groups['frame'].transform('max')
    is_long = last - first + 1 >= LONG
    inside = {
        'first50': is_long & (frames['frame'] < first + WINDOW),
        'last50': is_long & (frames['frame'] > last - WINDOW),
    }
    for name, rows in inside.items():
        means = frames[rows].groupby(VIDEO_KEYS)[['psnr_y', 'ssim_y']].mean()
        videos = videos.join(means.set_axis([f'psnr_{name}', f'ssim_{name}'], axis='columns'))
    return videos.assign(drift=videos['psnr_last50'] - videos['psnr_first50'])


def _divergence(frames: pd.DataFrame, videos: pd.DataFrame, reset_every: pd.Series) -> pd.DataFrame:
    start = frames[VIDEO_KEYS].merge(videos['psnr_first50'].reset_index(), how='left')
    fine = frames['psnr_y'] > start['psnr_first50'] - DROP
    # The first 50 frames are not all below their own mean: every long video has a good frame.
    last_fine = frames[fine].groupby(VIDEO_KEYS)['frame'].max().reindex(videos.index)
    last = frames.groupby(VIDEO_KEYS)['frame'].max().reindex(videos.index)
    every = reset_every.reindex(videos.index.get_level_values('trial_id')).to_numpy()
    last_reset = last // every * every  # 0 where there was none, NaN where there is never one
    diverged = last_fine < last_reset.where(last_reset > 0, last)
    return videos.assign(
        diverged=diverged.astype('boolean').mask(last_fine.isna()),
        divergence_frame=(last_fine + 1).where(diverged),
    )


def with_video_scores(videos: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """Adds statistics of videos without frame scores; columns that they lack stay missing.

    Args:
        videos: of :func:`video_statistics`.
        more: trial_id, test_set, video and some of the other columns.
    """
    if more.empty:
        return videos
    diverged = more['divergence_frame'].notna().astype('boolean')
    more = more.assign(diverged=diverged.mask(more['psnr_last50'].isna()))
    return pd.concat([videos, more.reindex(columns=videos.columns)], ignore_index=True)


def set_statistics(videos: pd.DataFrame, quantities: list[str]) -> pd.DataFrame:
    """One row per trial x test set: means over videos, and what is not averaged.

    ``diverged`` of ``diverged_of`` long videos diverge, the first at ``divergence_frame``;
    ``worst_psnr`` is that of the worst frame of all videos.

    Args:
        videos: of :func:`video_statistics`.
        quantities: of :func:`optional_quantities`.
    """
    keys = ['trial_id', 'test_set']
    groups = videos.groupby(keys, sort=False)
    means = groups[[*SCORES, *quantities]].mean()
    return means.assign(
        diverged=groups['diverged'].sum().astype(float),
        diverged_of=groups['diverged'].count(),
        divergence_frame=groups['divergence_frame'].min(),
        worst_psnr=groups['worst_psnr'].min(),
    ).reset_index()
