"""Composit videos: a short video played forwards, backwards, forwards, ...

The frames at which it turns are not repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from dataset_tools.frames import LazyFrame
from dataset_tools.kinds import layout_like
from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.sources import check_frames, describe_source, frame_paths
from dataset_tools.writer import build_set


def composit_order(length: int, frames: int) -> list[int]:
    """Frame numbers of a Composit video: 0, 1, .., N-1, N-2, .., 0, 1, ..

    Args:
        length: N, frames of the short video.
        frames: Frames of the long video; with fewer than N the first pass is cut short.

    Raises:
        DatasetError: Either is below 1.
    """
    check_frames(length)
    check_frames(frames)
    last = length - 1
    # A video of one frame is repeated.
    phases = (t % max(2 * last, 1) for t in range(frames))
    return [min(phase, 2 * last - phase) for phase in phases]


def frames_of_passes(length: int, passes: int) -> int:
    """Returns the frames of a Composit video: 3 passes of 100 frames are 298.

    Raises:
        DatasetError: Fewer than one pass.
    """
    if passes < 1:
        raise DatasetError(f'{passes} passes asked for; there is at least 1')
    return passes * (length - 1) + 1


def composit(clip: Sequence[np.ndarray], frames: int) -> Iterator[LazyFrame]:
    """Plays a clip back and forth.

    Args:
        clip: Frames, uint8, h x w x 3.
        frames: Length of the result.

    Raises:
        DatasetError: See ``composit_order``.
    """
    for index in composit_order(len(clip), frames):
        yield LazyFrame(index, partial(clip.__getitem__, index))


def make_composit_set(
    source_set_root: str | Path,
    output_root: str | Path,
    frames: int | None = None,
    passes: int | None = None,
    jobs: int | None = None,
) -> tuple[VideoSet, bool]:
    """Makes a set with one Composit video for each video of a set.

    Args:
        source_set_root: The source set.
        output_root: The set to make.
        frames: Length of every video; give either this ..
        passes: .. or how often each video is played; back and forth is two passes.
        jobs: Frames made in parallel; None means all cores.

    Returns:
        The set, and whether it was made now (False: it was there already).

    Raises:
        DatasetError: See ``build_set``; also both or neither of frames and passes given.
    """
    if (frames is None) == (passes is None):
        raise DatasetError('composit: give either frames or passes')
    source = VideoSet.load(source_set_root)
    orders = {}
    for video in source.videos.values():
        length = frames_of_passes(video.frames, passes) if passes is not None else frames
        orders[video.name] = composit_order(video.frames, length or 0)
    return build_set(
        output_root,
        tool='composit',
        parameters={'frames': frames, 'passes': passes},
        source=describe_source(source),
        total=sum(map(len, orders.values())),
        videos=((name, frame_paths(source, name, order)) for name, order in orders.items()),
        layout=layout_like(source),
        jobs=jobs,
    )
