"""Ranks the frames of a set by texture density, and picks dense and sparse ones.

The paper chose such frames by hand. The measure is the mean length of the brightness gradient,
which a single strong edge dominates less than it would gradient energy.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from dataset_tools.frames import read_frame
from dataset_tools.kinds import layout_like
from dataset_tools.manifest import DatasetError, VideoSet, find_existing
from dataset_tools.measures import texture
from dataset_tools.sources import describe_source
from dataset_tools.writer import build_set

RANKING = 'ranking.csv'


class RankedFrame(NamedTuple):
    """A frame and its texture density, see ``texture``."""

    video: str
    frame: int
    density: float


def rank_frames(source: VideoSet, jobs: int | None = None) -> list[RankedFrame]:
    """Ranks all HR frames of a set, the densest first.

    Args:
        source: The set.
        jobs: Frames read in parallel; None means all cores.

    Raises:
        DatasetError: A frame cannot be read.
    """
    frames = [
        (video.name, index) for video in source.videos.values() for index in range(video.frames)
    ]
    paths = [os.path.realpath(source.frame_path('gt', *frame)) for frame in frames]
    # Repeated frames are links to one file.
    files = list(dict.fromkeys(paths))
    with ThreadPoolExecutor(jobs or len(os.sched_getaffinity(0))) as pool:
        measured = pool.map(lambda path: round(texture(read_frame(Path(path))), 4), files)
        bar = tqdm(measured, total=len(files), desc='texture', disable=None, leave=False)
        density = dict(zip(files, bar, strict=True))
    ranked = [RankedFrame(*frame, density[path]) for frame, path in zip(frames, paths, strict=True)]
    return sorted(ranked, key=lambda entry: -entry.density)


def pick(ranking: Iterable[RankedFrame], count: int) -> list[RankedFrame]:
    """Returns the first frames of a ranking that come from different videos.

    Raises:
        DatasetError: There are not enough videos.
    """
    first_of_video: dict[str, RankedFrame] = {}
    for entry in ranking:
        first_of_video.setdefault(entry.video, entry)
    if not 1 <= count <= len(first_of_video):
        raise DatasetError(
            f'{count} frames of different videos asked for, the set has {len(first_of_video)} '
            'videos; pick at least 1 and fewer'
        )
    return list(first_of_video.values())[:count]


def make_texture_set(
    source_set_root: str | Path, output_root: str | Path, count: int, jobs: int | None = None
) -> tuple[VideoSet, bool]:
    """Makes a set of stills: the densest and the sparsest frames, each from different videos.

    Args:
        source_set_root: The source set.
        output_root: The set to make; videos of one frame called ``dense<n>_<video>_<frame>`` and
            ``sparse<n>_..``, n from 1, and ``ranking.csv`` with all frames of the source.
        count: How many dense and how many sparse frames.
        jobs: Frames read in parallel; None means all cores.

    Returns:
        The set, and whether it was made now (False: it was there already).

    Raises:
        DatasetError: See ``build_set``; also a source with too few videos.
    """
    source = VideoSet.load(source_set_root)
    layout = layout_like(source)
    plan: dict[str, Any] = {
        'tool': 'texture',
        'parameters': {'count': count, 'measure': 'mean length of the brightness gradient'},
        'source': describe_source(source),
    }
    found = find_existing(Path(output_root), **plan, kinds=tuple(layout.describe()))
    if found is not None:
        return found, False
    ranking = rank_frames(source, jobs)
    picked = {'dense': pick(ranking, count), 'sparse': pick(reversed(ranking), count)}
    return build_set(
        output_root,
        **plan,
        total=2 * count,
        videos=(
            (
                f'{word}{number}_{entry.video}_{entry.frame:08d}',
                [source.frame_path('gt', entry.video, entry.frame)],
            )
            for word, entries in picked.items()
            for number, entry in enumerate(entries, 1)
        ),
        layout=layout,
        files={RANKING: _table(ranking)},
        jobs=jobs,
    )


def _table(ranking: list[RankedFrame]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(RankedFrame._fields)
    writer.writerows(ranking)
    return text.getvalue().encode()
