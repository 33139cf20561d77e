"""Crops: a section of each video, cropped to a window in the middle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from dataset_tools.frames import LazyFrame, read_frame
from dataset_tools.kinds import layout_like
from dataset_tools.manifest import SCALE, DatasetError, VideoSet
from dataset_tools.sources import check_frames, describe_source
from dataset_tools.writer import build_set


def make_crop_set(
    source_set_root: str | Path,
    output_root: str | Path,
    window: tuple[int, int],
    frames: int,
    first: int = 0,
    videos: Sequence[str] | None = None,
    jobs: int | None = None,
) -> tuple[VideoSet, bool]:
    """Makes a set of sections of videos, each cropped to a window in the middle of the frame.

    LR frames are made from the cropped HR frames, so they contain nothing outside the window.

    Args:
        source_set_root: The source set.
        output_root: The set to make.
        window: (height, width) in LR pixels; smaller frames are not cropped.
        frames: Maximum length of the videos.
        first: Number of the first frame.
        videos: Names of the videos to use; None for all.
        jobs: Frames made in parallel; None means all cores.

    Returns:
        The set, and whether it was made now (False: it was there already).

    Raises:
        DatasetError: See ``build_set``; also a video that is not there or ends before ``first``.
    """
    check_frames(frames)
    source = VideoSet.load(source_set_root)
    layout = layout_like(source)
    names = list(source.videos) if videos is None else list(videos)
    stretches = {name: _stretch(source, name, first, frames) for name in names}
    return build_set(
        output_root,
        tool='crop',
        parameters={'window': list(window), 'frames': frames, 'first': first, 'videos': names},
        source=describe_source(source),
        total=sum(map(len, stretches.values())),
        videos=((name, _cropped(source, name, window, stretches[name])) for name in names),
        layout=layout,
        jobs=jobs,
    )


def _stretch(source: VideoSet, name: str, first: int, frames: int) -> range:
    if name not in source.videos:
        raise DatasetError(f'{source.root}: no video {name}; there are {", ".join(source.videos)}')
    total = source.videos[name].frames
    if not 0 <= first < total:
        raise DatasetError(f'{source.root}: {name} has {total} frames, and none of number {first}')
    return range(first, min(first + frames, total))


def _cropped(
    source: VideoSet, name: str, window: tuple[int, int], stretch: range
) -> Iterator[LazyFrame]:
    for number in stretch:
        path = source.frame_path('gt', name, number)
        yield LazyFrame(number, partial(_read_crop, path, window))


def _read_crop(path: Path, window: tuple[int, int]) -> np.ndarray:
    return crop(read_frame(path), window)


def crop(frame: np.ndarray, window: tuple[int, int]) -> np.ndarray:
    """Returns the middle of a frame (h, w, 3); its borders are on whole LR pixels.

    Args:
        frame: HR.
        window: (height, width) in LR pixels; the frame's own size where that is smaller.
    """
    places = []
    for size, wanted in zip(frame.shape, window, strict=False):
        length = min(wanted, size // SCALE)
        start = (size // SCALE - length) // 2
        places.append(slice(SCALE * start, SCALE * (start + length)))
    return frame[tuple(places)]
