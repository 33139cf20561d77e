"""Sliding windows: a window moves over one large frame and turns back at its borders.

The window and its step are given in LR pixels, as in the paper; on an HR frame everything is four
times that, so that ground truth exists and every window starts on the LR grid. Each frame has a
mask of the pixels that are in all windows of the video, the paper's red rectangle (Fig. 3). It is
fixed in the large frame, so within the window it moves in the opposite direction.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from dataset_tools.degrade.filters import crop_to_multiple
from dataset_tools.frames import LazyFrame
from dataset_tools.kinds import layout_like
from dataset_tools.manifest import SCALE, DatasetError, VideoSet
from dataset_tools.sources import check_frames, describe_source, stills
from dataset_tools.writer import build_set

DIRECTIONS = ('horizontal', 'vertical', 'diagonal')

_LOG = logging.getLogger(__name__)


def sliding_window(
    frame: np.ndarray,
    window: tuple[int, int],
    step: int,
    direction: str,
    frames: int,
    unit: int = SCALE,
) -> Iterator[LazyFrame]:
    """Moves a window over a frame.

    Args:
        frame: uint8, h x w x 3.
        window: (height, width) in LR pixels.
        step: LR pixels from frame to frame, at least 1.
        direction: One of ``DIRECTIONS``; the window is centred perpendicular to its movement.
        frames: Length of the video.
        unit: Pixels of the frame per LR pixel: 4 for an HR frame, 1 for an LR frame.

    Yields:
        Windows, uint8, unit * height x unit * width x 3.

    Raises:
        DatasetError: The window is larger than the frame, or there is no room for one step.
    """
    large = crop_to_multiple(frame, unit)
    height, width = (unit * size for size in window)
    for top, left in _places(frame.shape, window, step, direction, frames, unit):
        rows, columns = slice(top, top + height), slice(left, left + width)
        yield LazyFrame((top, left), partial(large.__getitem__, (rows, columns)))


def overlap_masks(
    shape: tuple[int, ...],
    window: tuple[int, int],
    step: int,
    direction: str,
    frames: int,
    unit: int = SCALE,
) -> Iterator[LazyFrame]:
    """Yields masks of the pixels that are in all windows of a video; black if there are none.

    Args:
        shape: Height and width of the large frame.
        window: (height, width) in LR pixels.
        step: LR pixels from frame to frame.
        direction: One of ``DIRECTIONS``.
        frames: Length of the video.
        unit: Pixels of the frame per LR pixel.

    Yields:
        uint8, unit * height x unit * width: 255 in all windows, 0 elsewhere.

    Raises:
        DatasetError: See ``sliding_window``.
    """
    places = _places(shape, window, step, direction, frames, unit)
    size = tuple(unit * length for length in window)
    first, last = np.max(places, axis=0), np.min(places, axis=0) + size
    for place in places:
        box = tuple(
            slice(max(a, 0), max(b, 0)) for a, b in zip(first - place, last - place, strict=True)
        )
        yield LazyFrame(place, partial(_mask, size, box))


def _mask(size: tuple[int, ...], box: tuple[slice, ...]) -> np.ndarray:
    mask = np.zeros(size, np.uint8)
    mask[box] = 255
    return mask


def _places(
    shape: tuple[int, ...],
    window: tuple[int, int],
    step: int,
    direction: str,
    frames: int,
    unit: int,
) -> list[tuple[int, int]]:
    """Returns (top, left) of the window in each frame, in pixels of the large frame."""
    check_frames(frames)
    height, width = window
    large_height, large_width = (size // unit for size in shape[:2])
    room = (large_height - height, large_width - width)
    if min(window) < 1 or min(room) < 0:
        raise DatasetError(
            f'window of {width}x{height} LR pixels does not fit a frame of '
            f'{large_width}x{large_height} LR pixels; choose a smaller window'
        )
    return [
        (unit * top, unit * left) for top, left in window_positions(room, step, direction, frames)
    ]


def window_positions(
    room: tuple[int, int], step: int, direction: str, frames: int
) -> list[tuple[int, int]]:
    """Returns the position of the window in each frame.

    It moves by exactly ``step`` in every frame, even when it turns: it turns at the last multiple
    of ``step`` that fits, which may be up to ``step - 1`` LR pixels from the border.

    Args:
        room: How far the window can move (down, right) from the upper left corner, LR pixels.
        step: LR pixels from frame to frame.
        direction: One of ``DIRECTIONS``.
        frames: Number of positions.

    Returns:
        (top, left) in LR pixels, one for each frame.

    Raises:
        DatasetError: Unknown direction, step below 1, or no room for one step.
    """
    if direction not in DIRECTIONS:
        raise DatasetError(f'direction {direction!r} is not one of {", ".join(DIRECTIONS)}')
    moves = (direction != 'horizontal', direction != 'vertical')
    if step < 1 or any(moving and space < step for moving, space in zip(moves, room, strict=True)):
        raise DatasetError(
            f'a step of {step} LR pixels does not fit: the window can move {room[1]} to the right '
            f'and {room[0]} down; choose a step of at least 1, or a smaller window'
        )
    tops, lefts = (
        [_bounce(t, space // step) * step for t in range(frames)]
        if moving
        else [space // 2] * frames
        for moving, space in zip(moves, room, strict=True)
    )
    return list(zip(tops, lefts, strict=True))


def _bounce(t: int, last: int) -> int:
    """Returns the t-th number of 0, 1, .., last, last - 1, .., 0, 1, .."""
    phase = t % (2 * last)
    return min(phase, 2 * last - phase)


def make_sliding_window_set(
    source_set_root: str | Path,
    output_root: str | Path,
    window: tuple[int, int],
    steps: Sequence[int],
    direction: str,
    frames: int,
    index: int = 0,
    on: str = 'hr',
    jobs: int | None = None,
) -> tuple[VideoSet, bool]:
    """Makes a set with a sliding window over one frame of each video of a set, for each step.

    Args:
        source_set_root: The source set.
        output_root: The set to make; its videos are called ``<video>_s<step>``, and its kind
            ``mask`` marks the pixels that are in all windows.
        window: (height, width) in LR pixels.
        steps: Steps in LR pixels; each gives one video for each source video.
        direction: One of ``DIRECTIONS``.
        frames: Length of the videos.
        index: Which frame of each source video is used.
        on: ``hr``, or ``lr`` for windows of the LR frame as in the paper, without ground truth.
        jobs: Frames made in parallel; None means all cores.

    Returns:
        The set, and whether it was made now (False: it was there already).

    Raises:
        DatasetError: See ``build_set`` and ``sliding_window``.
    """
    source = VideoSet.load(source_set_root)
    layout = layout_like(source, on, mask=True)
    unit = SCALE if on == 'hr' else 1

    def videos() -> Iterator[tuple[str, Iterable[LazyFrame], dict[str, Iterable[LazyFrame]]]]:
        for name, frame in stills(source, index, layout.given):
            for step in steps:
                motion = (window, step, direction, frames, unit)
                masks = list(overlap_masks(frame.shape, *motion))
                if not masks[0].make().any():
                    _LOG.warning(
                        '%s_s%d: no pixel is in all windows; its masks are black', name, step
                    )
                yield f'{name}_s{step}', sliding_window(frame, *motion), {'mask': masks}

    return build_set(
        output_root,
        tool='sliding-window',
        parameters={
            'window': list(window),
            'steps': list(steps),
            'direction': direction,
            'frames': frames,
            'index': index,
            'on': on,
        },
        source=describe_source(source, layout.given),
        total=frames * len(steps) * len(source.videos),
        videos=videos(),
        layout=layout,
        jobs=jobs,
    )
