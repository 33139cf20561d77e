"""Gamma videos: a still frame whose brightness varies periodically.

The logarithm of gamma follows a cosine: g_min at frame 0, g_max half a period later, and back. On a
logarithmic scale gamma and 1/gamma are equally far from 1, so brightening and darkening each take
half of the period.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from dataset_tools.frames import LazyFrame
from dataset_tools.kinds import layout_like
from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.sources import check_frames, describe_source, stills
from dataset_tools.writer import build_set


def gamma_at(t: int, g_min: float, g_max: float, period: int) -> float:
    """Gamma of frame t.

    Args:
        t: Frame number.
        g_min: Gamma at t = 0, above 0.
        g_max: Gamma at t = period / 2, at least g_min.
        period: Frames of one cycle.
    """
    share = (1 - math.cos(2 * math.pi * t / period)) / 2
    return math.exp(math.log(g_min) + share * (math.log(g_max) - math.log(g_min)))


def gamma(
    frame: np.ndarray, g_min: float, g_max: float, period: int, frames: int
) -> Iterator[LazyFrame]:
    """Changes the gamma of a still frame over time.

    Args:
        frame: uint8, h x w x 3.
        g_min: Least gamma, above 0; below 1 brightens.
        g_max: Largest gamma.
        period: Frames of one run from g_min to g_max and back.
        frames: Length of the video.

    Yields:
        255 * (frame / 255) ** gamma, rounded, uint8, h x w x 3.

    Raises:
        DatasetError: Gammas or period out of range.
    """
    check_frames(frames)
    if not 0 < g_min <= g_max < math.inf or period < 1:
        raise DatasetError(
            f'gamma from {g_min} to {g_max} in a period of {period} frames: must be 0 < g_min <= '
            'g_max, finite, with a period of at least 1'
        )
    # Only 256 values exist, so the power is computed for a table, not for every pixel.
    values = np.arange(256) / 255
    for t in range(frames):
        table = np.rint(255 * values ** gamma_at(t, g_min, g_max, period)).astype(np.uint8)
        yield LazyFrame(table.tobytes(), partial(cv2.LUT, frame, table))


def make_gamma_set(
    source_set_root: str | Path,
    output_root: str | Path,
    g_min: float,
    g_max: float,
    period: int,
    frames: int,
    index: int = 0,
    on: str = 'hr',
    jobs: int | None = None,
) -> tuple[VideoSet, bool]:
    """Makes a set with one gamma video for each video of a set.

    Args:
        source_set_root: The source set.
        output_root: The set to make.
        g_min: Least gamma.
        g_max: Largest gamma.
        period: Frames of one run from g_min to g_max and back.
        frames: Length of the videos.
        index: Which frame of each source video is used.
        on: ``hr``: HR is changed and LR made from it; ``lr``: the LR frame is changed as in the
            paper, without ground truth.
        jobs: Frames made in parallel; None means all cores.

    Returns:
        The set, and whether it was made now (False: it was there already).

    Raises:
        DatasetError: See ``build_set`` and ``gamma``.
    """
    source = VideoSet.load(source_set_root)
    layout = layout_like(source, on)
    return build_set(
        output_root,
        tool='gamma',
        parameters={
            'g_min': g_min,
            'g_max': g_max,
            'period': period,
            'frames': frames,
            'index': index,
            'on': on,
        },
        source=describe_source(source, layout.given),
        total=frames * len(source.videos),
        videos=(
            (name, gamma(frame, g_min, g_max, period, frames))
            for name, frame in stills(source, index, layout.given)
        ),
        layout=layout,
        jobs=jobs,
    )
