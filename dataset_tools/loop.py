"""Looped videos: a short video is repeated, with a jump from its end to its start."""

from __future__ import annotations

from pathlib import Path

from dataset_tools.kinds import layout_like
from dataset_tools.manifest import VideoSet
from dataset_tools.sources import check_frames, describe_source, frame_paths
from dataset_tools.writer import build_set


def make_loop_set(
    source_set_root: str | Path, output_root: str | Path, frames: int, jobs: int | None = None
) -> tuple[VideoSet, bool]:
    """Makes a set with one looped video for each video of a set.

    Args:
        source_set_root: The source set.
        output_root: The set to make.
        frames: Length of every video: frame t is frame t modulo N of a video of N frames.
        jobs: Frames made in parallel; None means all cores.

    Returns:
        The set, and whether it was made now (False: it was there already).

    Raises:
        DatasetError: See ``build_set``.
    """
    check_frames(frames)
    source = VideoSet.load(source_set_root)
    return build_set(
        output_root,
        tool='loop',
        parameters={'frames': frames},
        source=describe_source(source),
        total=frames * len(source.videos),
        videos=(
            (video.name, frame_paths(source, video.name, (t % video.frames for t in range(frames))))
            for video in source.videos.values()
        ),
        layout=layout_like(source),
        jobs=jobs,
    )
