"""What the tools that change a whole set have in common: reading from the set they start from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dataset_tools.frames import read_frame
from dataset_tools.manifest import DatasetError, VideoSet


def describe_source(source: VideoSet) -> dict[str, Any]:
    """What a manifest says of the set that frames come from: not where it is, but what it holds."""
    return {'set': source.name, 'checksum': source.checksum, 'kind': 'gt'}


def stills(source: VideoSet, index: int) -> Iterator[tuple[str, np.ndarray]]:
    """Reads one HR frame of every video.

    Args:
        source: The set.
        index: Number of the frame in each video.

    Yields:
        (name of the video, frame uint8 h x w x 3).

    Raises:
        DatasetError: A video has no such frame, or its file cannot be read.
    """
    for name in source.videos:
        yield name, read_frame(source.frame_path('gt', name, index))


def check_frames(frames: int) -> None:
    """Raises DatasetError unless a video can have that many frames."""
    if frames < 1:
        raise DatasetError(f'{frames} frames asked for; a video has at least 1')
