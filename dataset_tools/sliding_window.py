"""Sliding windows: a window moves over one large frame and turns back at its borders.

The window and its step are given in LR pixels, as in the paper; on the HR frame everything is four
times that, so that ground truth exists and every window starts on the LR grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from dataset_tools.degrade import crop_to_multiple
from dataset_tools.manifest import SCALE, DatasetError, VideoSet
from dataset_tools.sources import check_frames, describe_source, stills
from dataset_tools.writer import build_set

DIRECTIONS = ('horizontal', 'vertical', 'diagonal')


def sliding_window(
    frame: np.ndarray, window: tuple[int, int], step: int, direction: str, frames: int
) -> Iterator[np.ndarray]:
    """Moves a window over a frame.

    Args:
        frame: HR, uint8, h x w x 3.
        window: (height, width) in LR pixels.
        step: LR pixels from frame to frame, at least 1.
        direction: One of ``DIRECTIONS``; across the direction of movement the window is centred.
        frames: Length of the video.

    Yields:
        HR windows, uint8, 4 * height x 4 * width x 3.

    Raises:
        DatasetError: The window is larger than the frame, or has no room for one step.
    """
    check_frames(frames)
    large = crop_to_multiple(frame)
    height, width = window
    room = (large.shape[0] // SCALE - height, large.shape[1] // SCALE - width)
    if min(window) < 1 or min(room) < 0:
        raise DatasetError(
            f'window of {width}x{height} LR pixels does not fit a frame of '
            f'{large.shape[1] // SCALE}x{large.shape[0] // SCALE} LR pixels; choose a smaller '
            f'window'
        )
    for top, left in window_positions(room, step, direction, frames):
        rows = slice(SCALE * top, SCALE * (top + height))
        yield large[rows, SCALE * left : SCALE * (left + width)]


def window_positions(
    room: tuple[int, int], step: int, direction: str, frames: int
) -> list[tuple[int, int]]:
    """Where the window is in each frame.

    It moves by exactly ``step`` in every frame, also when it turns: it turns at the last multiple
    of ``step`` that fits, which may be up to ``step - 1`` LR pixels short of the border.

    Args:
        room: How far the window can go (down, right) from the upper left corner, LR pixels.
        step: LR pixels from frame to frame.
        direction: One of ``DIRECTIONS``.
        frames: Number of positions.

    Returns:
        (top, left) in LR pixels, one for each frame.

    Raises:
        DatasetError: Unknown direction, step below 1, or no room for one step.
    """
    if direction not in DIRECTIONS:
        raise DatasetError(f'direction {direction!r} is none of {", ".join(DIRECTIONS)}')
    moves = (direction != 'horizontal', direction != 'vertical')
    if step < 1 or any(moving and space < step for moving, space in zip(moves, room, strict=True)):
        raise DatasetError(
            f'a step of {step} LR pixels does not fit: the window has {room[1]} to go to the '
            f'right and {room[0]} '
            'down; choose a step of at least 1, or a smaller window'
        )
    tops, lefts = (
        [_bounce(t, space // step) * step for t in range(frames)]
        if moving
        else [space // 2] * frames
        for moving, space in zip(moves, room, strict=True)
    )
    return list(zip(tops, lefts, strict=True))


def _bounce(t: int, last: int) -> int:
    """The t-th number of 0, 1, .., last, last - 1, .., 0, 1, .."""
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
) -> tuple[VideoSet, bool]:
    """Makes a set with a sliding window over one frame of each video of a set, for each step.

    Args:
        source_set_root: The set to start from.
        output_root: The set to make; its videos are called ``<video>_s<step>``.
        window: (height, width) in LR pixels.
        steps: Steps in LR pixels; each gives one video for each source video.
        direction: One of ``DIRECTIONS``.
        frames: Length of the videos.
        index: Which frame of each source video is used.

    Returns:
        The set, and whether it was made now (False: already there).

    Raises:
        DatasetError: See ``build_set`` and ``sliding_window``.
    """
    source = VideoSet.load(source_set_root)
    return build_set(
        output_root,
        tool='sliding-window',
        parameters={
            'window': list(window),
            'steps': list(steps),
            'direction': direction,
            'frames': frames,
            'index': index,
        },
        source=describe_source(source),
        total=frames * len(steps) * len(source.videos),
        videos=(
            (f'{name}_s{step}', sliding_window(frame, window, step, direction, frames))
            for name, frame in stills(source, index)
            for step in steps
        ),
    )
