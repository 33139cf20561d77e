"""What clips, crops and batches ask of a training set; said once, and without importing torch.

The planner of a training raises these problems, and a grid looks for them before it starts.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Videos(NamedTuple):
    """What planning needs to know of the training set: frames, LR (height, width) and names."""

    lengths: Sequence[int]
    lr_sizes: Sequence[tuple[int, int]]
    names: Sequence[str]


def is_count(value: Any) -> bool:
    """Whether a value is a positive whole number."""
    return type(value) is int and value > 0


def number_problems(values: Mapping[str, Any]) -> dict[str, str]:
    """Key -> what is wrong with each value that is not a positive whole number."""
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
    """Key -> why a training set cannot give such clips; empty if it can.

    Args:
        videos: the training set.
        clip_length: frames l of a clip; no video may be shorter.
        crop_size: side of the window in LR pixels, which all frames must have room for.
        batch_size: clips of an iteration on one rank; no window comes twice in a batch.
        windows_per_video: windows of each video in an epoch.
        world_size: ranks, which share the windows.
        repeats: clips R of each window in an epoch.
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
            f'{crop_size} pixels are more than LR frames of {width}x{height} have, those of video '
            f'{videos.names[smallest]}'
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
    """Hidden states that PI-BPTT keeps of the largest epoch on one rank.

    Args:
        lengths: frames of each training video.
        clip_length, batch_size, windows_per_video, world_size, repeats: see :func:`clip_problems`.
        keeps_all: those of all boundaries instead of those that clips start from.
    """
    windows = len(lengths) * windows_per_video // world_size
    if keeps_all:
        # whichever windows this rank is dealt
        boundaries = sorted(length - clip_length + 1 for length in lengths)
        return sum([n for n in boundaries for _ in range(windows_per_video)][-windows:])
    # the remainder of a batch is carried into the next epoch
    return windows * repeats + batch_size - 1
