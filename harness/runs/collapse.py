"""The definition of a network's collapse on a video, for reports, commands and studies.

- *Level* of a frame: its Y-PSNR minus that of bicubic interpolation on the same LR frames, so that
  harder content does not count as a loss; Y-PSNR itself if bicubic's is unknown.
- *Running level*: the median of ``RUN`` consecutive frames (of all frames in shorter videos). A
  minority of them, such as a bright start or a bad last frame, does not change it.
- A level is *low* if it is at least ``DROP`` dB below the best running level of the same video or,
  if bicubic's PSNR is known, below 0.
- *Collapse*: from some point to the end of the video, all running levels are low; the frame of the
  collapse is the first low one from there on. If the state is reset every N frames, a collapse
  after the last reset does not count, because the next reset may end it.
- A backward branch fails towards the start of a video. For bidirectional networks the reversed
  video is therefore analysed as well, with frames counted from its end; the earlier collapse
  counts.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

RUN = 10  # frames
DROP = 1.0  # dB


class Collapse(NamedTuple):
    """The result of :func:`find_collapse`.

    Attributes:
        frame: The number of frames that the network survives; None if it does not collapse.
        loss: The loss in dB (at least 0) from the best running level to the last one, at the end of
            the video where it collapses or, if it does not, loses most. It may be 0 for a network
            that is below bicubic from the first frame on.
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
    """Finds where a network collapses on one video, by the definition above.

    Args:
        psnr: Y-PSNR (dB) of its T frames.
        bicubic: Y-PSNR (dB) of bicubic interpolation on the same LR frames.
        bidirectional: Whether the network has a backward branch, which fails from the other end.
        reset_every: The number of frames between resets of the state; None for never.
        frames: The T frame numbers, ascending, if some frames have no score (default: 0 to T - 1).

    Raises:
        ValueError: There is no frame, the lengths differ, or a PSNR is not finite.
    """
    level = _level(psnr, bicubic)
    numbers = np.arange(len(level)) if frames is None else np.asarray(frames)
    if len(numbers) != len(level):
        raise ValueError(f'{len(level)} frames have PSNR, but {len(numbers)} have a number')
    last, stretch = int(numbers[-1]), reset_every or math.inf
    # the last argument is the number of frames since the last reset, for each branch
    ends = [_from_start(level, numbers, bicubic is not None, last % stretch)]
    if bidirectional:
        mirrored = last - numbers[::-1]
        ends += [_from_start(level[::-1], mirrored, bicubic is not None, stretch - 1)]
    return min(ends, key=lambda end: (math.inf if end.frame is None else end.frame, -end.loss))


def running_level(level: Sequence[float] | np.ndarray) -> np.ndarray:
    """Medians of ``RUN`` consecutive levels, shape (T - RUN + 1,), or (1,) of a shorter video."""
    levels = np.asarray(level, float)
    windows = np.lib.stride_tricks.sliding_window_view(levels, min(RUN, len(levels)))
    return np.median(windows, axis=-1)


def _level(psnr: Sequence[float], bicubic: Sequence[float] | None) -> np.ndarray:
    level = np.asarray(psnr, float)
    if bicubic is not None:
        if len(bicubic) != len(level):
            raise ValueError(f'{len(level)} frames have PSNR, but {len(bicubic)} have bicubic PSNR')
        level = level - np.asarray(bicubic, float)
    if level.ndim != 1 or not len(level) or not np.isfinite(level).all():
        raise ValueError('collapse needs the finite PSNR of at least one frame')
    return level


def _from_start(
    level: np.ndarray, numbers: np.ndarray, is_gain: bool, since_reset: float
) -> Collapse:
    running = running_level(level)
    best = running.max()

    def is_low(values: np.ndarray) -> np.ndarray:
        return (values <= best - DROP) | (is_gain & (values < 0))

    loss = float(best - running[-1])
    fine = np.flatnonzero(~is_low(running))
    start = int(fine[-1]) + 1 if len(fine) else 0
    if start == len(running):
        return Collapse(None, loss)
    frame = int(numbers[start + np.argmax(is_low(level[start:]))])
    # without a reset, any frame before the end counts
    latest = numbers[-1] - (since_reset if since_reset < numbers[-1] else 0)
    return Collapse(frame if frame <= latest else None, loss)
