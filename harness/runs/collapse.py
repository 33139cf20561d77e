"""Where a network collapses on a video: the one definition, for reports, commands and studies.

- *Level* of a frame: its Y-PSNR minus that of bicubic interpolation on the same LR frames, by which
  content that becomes harder is no loss; Y-PSNR itself where bicubic's is not known.
- *Running level*: median of ``RUN`` frames in a row (of all, in shorter videos). Fewer than half of
  them, be it a bright start, a bad last frame or a good one in between, do not change it.
- *Under* is a level at least ``DROP`` dB under the best running level of the video itself or, where
  bicubic's PSNR is known, below 0.
- *Collapse*: from some place on, all running levels to the end of the video are under; its frame
  is the first one under from there on. Where the state is set back every N frames, what happens
  after the last time does not count: it may be set right by the next.
- A backward branch fails towards the start of a video. Of bidirectional networks the reversed video
  is looked at as well, its frames are counted from its end, and the sooner collapse counts.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

RUN = 10  # frames
DROP = 1.0  # dB


class Collapse(NamedTuple):
    """What :func:`find_collapse` finds.

    Attributes:
        frame: how many frames the network has survived; None where it does not collapse.
        loss: dB from the best running level to that at the end where it collapses or, where it does
            not, loses most; at least 0. Below bicubic from the first frame on, it may be 0.
    """

    frame: int | None
    loss: float


def find_collapse(
    psnr: Sequence[float],
    bicubic: Sequence[float] | None = None,
    bidirectional: bool = False,
    reset_every: int | None = None,
    frames: Sequence[int] | None = None,
) -> Collapse:
    """Where a network collapses on one video, see above.

    Args:
        psnr: Y-PSNR (dB) of its T frames.
        bicubic: that of bicubic interpolation on the same LR frames.
        bidirectional: whether the network has a backward branch, which fails from the other end.
        reset_every: after how many frames the state is set back; None for never.
        frames: T frame numbers, ascending, where some frames have no score; 0 to T - 1.

    Raises:
        ValueError: there is no frame, the lengths differ, or a PSNR is not finite.
    """
    level = _level(psnr, bicubic)
    numbers = np.arange(len(level)) if frames is None else np.asarray(frames)
    if len(numbers) != len(level):
        raise ValueError(f'{len(level)} frames have PSNR, but {len(numbers)} have a number')
    last, stretch = int(numbers[-1]), reset_every or math.inf
    # Frames since the last time that the state was set back, of each branch.
    ends = [_from_start(level, numbers, bicubic is not None, last % stretch)]
    if bidirectional:
        mirrored = last - numbers[::-1]
        ends += [_from_start(level[::-1], mirrored, bicubic is not None, stretch - 1)]
    return min(ends, key=lambda end: (math.inf if end.frame is None else end.frame, -end.loss))


def running_level(level: Sequence[float]) -> np.ndarray:
    """Medians of ``RUN`` levels in a row, shape (T - RUN + 1,), or of all of a shorter video."""
    level = np.asarray(level, float)
    windows = np.lib.stride_tricks.sliding_window_view(level, min(RUN, len(level)))
    return np.median(windows, axis=-1)


def _level(psnr, bicubic) -> np.ndarray:
    level = np.asarray(psnr, float)
    if bicubic is not None:
        if len(bicubic) != len(level):
            raise ValueError(f'{len(level)} frames have PSNR, but {len(bicubic)} have bicubic PSNR')
        level = level - np.asarray(bicubic, float)
    if level.ndim != 1 or not len(level) or not np.isfinite(level).all():
        raise ValueError('collapse needs the finite PSNR of at least one frame')
    return level


def _from_start(level, numbers, is_gain: bool, since_reset: float) -> Collapse:
    running = running_level(level)
    best = running.max()

    def is_under(values):
        return (values <= best - DROP) | (is_gain & (values < 0))

    loss = float(best - running[-1])
    fine = np.flatnonzero(~is_under(running))
    start = int(fine[-1]) + 1 if len(fine) else 0
    if start == len(running):
        return Collapse(None, loss)
    frame = int(numbers[start + np.argmax(is_under(level[start:]))])
    # Without a reset, any frame before the end will do.
    latest = numbers[-1] - (since_reset if since_reset < numbers[-1] else 0)
    return Collapse(frame if frame <= latest else None, loss)
