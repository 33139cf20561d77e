"""Reading from a source set, for the tools that make one set from another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dataset_tools.frames import read_frame
from dataset_tools.manifest import DatasetError, VideoSet


def describe_source(source: VideoSet, kind: str = 'gt') -> dict[str, Any]:
    """Describes a source set for a manifest: its content, not its path."""
    return {'set': source.name, 'checksum': source.checksum, 'kind': kind}


def stills(source: VideoSet, index: int, kind: str = 'gt') -> Iterator[tuple[str, np.ndarray]]:
    """Reads one frame of every video.

    Args:
        source: The set.
        index: Number of the frame in each video.
        kind: Kind of the frames.

    Yields:
        (name of the video, frame uint8 h x w x 3).

    Raises:
        DatasetError: A video has no such frame, or its file cannot be read.
    """
    for name in source.videos:
        yield name, read_frame(source.frame_path(kind, name, index))


def frame_paths(source: VideoSet, name: str, order: Iterable[int]) -> list[Path]:
    """Returns the paths of a video's HR frames in a new order.

    Raises:
        DatasetError: The video has no such frame.
    """
    return [source.frame_path('gt', name, index) for index in order]


def check_frames(frames: int) -> None:
    """Raises DatasetError if a video cannot have this many frames."""
    if frames < 1:
        raise DatasetError(f'{frames} frames asked for; a video has at least 1')
