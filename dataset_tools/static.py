"""Static videos: one frame, repeated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dataset_tools.frames import LazyFrame
from dataset_tools.kinds import layout_like
from dataset_tools.manifest import VideoSet
from dataset_tools.sources import check_frames, describe_source, frame_paths
from dataset_tools.writer import build_set


def static(frame: np.ndarray, frames: int) -> Iterator[LazyFrame]:
    """Repeats a frame.

    Args:
        frame: uint8, h x w x 3.
        frames: Length of the video, at least 1.

    Raises:
        DatasetError: Fewer than one frame asked for.
    """
    check_frames(frames)
    for _ in range(frames):
        yield LazyFrame(0, lambda: frame)


def make_static_set(
    source_set_root: str | Path,
    output_root: str | Path,
    frames: int,
    index: int = 0,
    jobs: int | None = None,
) -> tuple[VideoSet, bool]:
    """Makes a set with one static video for each video of a set.

    Args:
        source_set_root: The source set.
        output_root: The set to make.
        frames: Length of the static videos.
        index: Which frame of each source video is repeated.
        jobs: Frames made in parallel; None means all cores.

    Returns:
        The set, and whether it was made now (False: it was there already).

    Raises:
        DatasetError: See ``build_set``; also a source video without frame ``index``.
    """
    check_frames(frames)
    source = VideoSet.load(source_set_root)
    return build_set(
        output_root,
        tool='static',
        parameters={'frames': frames, 'index': index},
        source=describe_source(source),
        total=frames * len(source.videos),
        videos=((name, frame_paths(source, name, [index] * frames)) for name in source.videos),
        layout=layout_like(source),
        jobs=jobs,
    )
