"""Jumping videos: scene cuts at given frames.

At each cut the next video of the set takes over at the same frame number: frame t of a jumping
video is frame t of the video shown. So its metrics can be compared with those of the uncut videos,
frame by frame.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from dataset_tools.kinds import layout_like
from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.sources import check_frames, describe_source
from dataset_tools.writer import build_set


def jump_order(start: int, videos: int, cuts: Sequence[int], frames: int) -> list[int]:
    """Returns the number of the video shown in each frame.

    Args:
        start: Number of the video that begins.
        videos: Number of videos that take turns.
        cuts: First frame of every later scene, increasing, 0 < cut < frames.
        frames: Length of the result.

    Raises:
        DatasetError: Cuts out of order or out of range.
    """
    check_frames(frames)
    if not all(before < after for before, after in pairwise([0, *cuts, frames])):
        raise DatasetError(
            f'cuts at {", ".join(map(str, cuts))}: must be increasing numbers above 0 and below '
            f'{frames}'
        )
    return [(start + bisect_right(cuts, t)) % videos for t in range(frames)]


def make_jump_set(
    source_set_root: str | Path,
    output_root: str | Path,
    cuts: Sequence[int],
    frames: int,
    jobs: int | None = None,
) -> tuple[VideoSet, bool]:
    """Makes a set with one jumping video for each video of a set, which starts with that video.

    Args:
        source_set_root: The set to start from: at least two videos, all of one size.
        output_root: The set to make.
        cuts: First frame of every later scene, increasing, 0 < cut < frames.
        frames: Length of the videos; no source video may be shorter.
        jobs: Frames made in parallel; None means all cores.

    Returns:
        The set, and whether it was made now (False: it was there already).

    Raises:
        DatasetError: See ``build_set`` and ``jump_order``; also videos that cannot be joined.
    """
    source = VideoSet.load(source_set_root)
    layout = layout_like(source)
    _check_joinable(source, frames)
    names = list(source.videos)
    orders = {name: jump_order(start, len(names), cuts, frames) for start, name in enumerate(names)}
    return build_set(
        output_root,
        tool='jump',
        parameters={'cuts': list(cuts), 'frames': frames},
        source=describe_source(source),
        total=frames * len(names),
        videos=(
            (name, [source.frame_path('gt', names[on], t) for t, on in enumerate(order)])
            for name, order in orders.items()
        ),
        layout=layout,
        jobs=jobs,
    )


def _check_joinable(source: VideoSet, frames: int) -> None:
    videos = list(source.videos.values())
    if len(videos) < 2:
        raise DatasetError(f'{source.root}: holds one video only; cuts need at least two')
    first = videos[0]
    for video in videos:
        if video.sizes['gt'] != first.sizes['gt']:
            raise DatasetError(
                f'{source.root}: {video.name} and {first.name} differ in size; cuts need videos of '
                'one size'
            )
        if video.frames < frames:
            raise DatasetError(
                f'{source.root}: {video.name} has {video.frames} frames, {frames} asked for; ask '
                'for fewer, or lengthen it with the tool composit or loop first'
            )
