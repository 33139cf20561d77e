"""The requirements of clips, crops and batches on a training set; imports no torch.

The planner of a training raises these problems, and a grid checks for them before it starts.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Videos(NamedTuple):
    """The frame counts, LR sizes (height, width) and names of the videos of a training set."""

    lengths: Sequence[int]
    lr_sizes: Sequence[tuple[int, int]]
    names: Sequence[str]


def is_count(value: Any) -> bool:
    """Whether a value is a positive whole number."""
    return type(value) is int and value > 0


def number_problems(values: Mapping[str, Any]) -> dict[str, str]:
    """Key -> problem, for each value that is not a positive whole number."""
    return {
        key: f'{value!r} is not a positive whole number'
        for key, value in values.items()
        if not is_count(value)
    }


def clip_problems(
    videos: Videos,
    clip_length: int,
    crop_size: int,
    batch_size: int,
    windows_per_video: int,
    world_size: int,
    repeats: int,
) -> dict[str, str]:
    """Checks that a training set can provide such clips.

    Args:
        videos: The training set.
        clip_length: The frames l of a clip; no video may be shorter.
        crop_size: The side of the window in LR pixels; no frame may be smaller.
        batch_size: Clips per iteration on one rank; they must come from different windows.
        windows_per_video: Windows per video and epoch.
        world_size: The number of ranks, which share the windows.
        repeats: The clips R per window and epoch.

    Returns:
        Key -> problem; empty if there is none.
    """
    problems = number_problems(
        dict(
            repeats=repeats,
            clip_length=clip_length,
            crop_size=crop_size,
            batch_size=batch_size,
            windows_per_video=windows_per_video,
        )
    )
    shortest = min(range(len(videos.lengths)), key=videos.lengths.__getitem__)
    if 'clip_length' not in problems and clip_length > videos.lengths[shortest]:
        problems['clip_length'] = (
            f'{clip_length} frames are more than the {videos.lengths[shortest]} of video '
            f'{videos.names[shortest]}'
        )
    smallest = min(range(len(videos.lr_sizes)), key=lambda number: min(videos.lr_sizes[number]))
    height, width = videos.lr_sizes[smallest]
    if 'crop_size' not in problems and crop_size > min(height, width):
        problems['crop_size'] = (
            f'{crop_size} pixels are more than the {width}x{height} LR frames of video '
            f'{videos.names[smallest]} have'
        )
    if not {'batch_size', 'windows_per_video'} & problems.keys():
        windows = len(videos.lengths) * windows_per_video // world_size
        if batch_size > windows:
            problems['batch_size'] = (
                f'a batch of {batch_size} needs as many different windows, but there are {windows} '
                '(per process): raise windows_per_video or lower batch_size'
            )
    return problems


def bank_slots(
    lengths: Sequence[int],
    clip_length: int,
    batch_size: int,
    windows_per_video: int,
    world_size: int,
    repeats: int,
    keeps_all: bool,
) -> int:
    """The number of hidden states that PI-BPTT stores in the largest epoch on one rank.

    Args:
        lengths: The frame count of each training video.
        clip_length, batch_size, windows_per_video, world_size, repeats: As in
            :func:`clip_problems`.
        keeps_all: Whether states of all boundaries are stored, or only those where clips start.
    """
    windows = len(lengths) * windows_per_video // world_size
    if keeps_all:
        # the worst case over the windows that this rank may get
        boundaries = sorted(length - clip_length + 1 for length in lengths)
        return sum([n for n in boundaries for _ in range(windows_per_video)][-windows:])
    # clips that do not fill a batch are carried over to the next epoch
    return windows * repeats + batch_size - 1
