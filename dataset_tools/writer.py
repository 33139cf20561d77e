"""Writes a set: all of it, or nothing.

Frames go to a temporary folder next to the set; the manifest is written last, then the folder is
renamed, so a folder with the set's own name is always a complete set.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dataset_tools.kinds import Layout
from dataset_tools.limits import size_text
from dataset_tools.manifest import (
    MANIFEST,
    DatasetError,
    VideoSet,
    content_checksum,
    find_existing,
)
from dataset_tools.names import name_problem
from dataset_tools.schema import FORMAT, SCALE
from dataset_tools.scratch import scratch_folder
from dataset_tools.store import FrameStore, Sizes

_LOG = logging.getLogger(__name__)


def build_set(
    root: str | Path,
    *,
    tool: str,
    parameters: dict[str, Any],
    source: Any,
    total: int,
    videos: Iterable[tuple],
    layout: Layout = Layout(),  # noqa: B008 - it cannot be changed
    files: dict[str, bytes] | None = None,
    jobs: int | None = None,
) -> tuple[VideoSet, bool]:
    """Makes a set, unless it is there already.

    Args:
        root: The folder to make.
        tool: Name of the tool, as on the command line.
        parameters: Everything that determines the frames, JSON values.
        source: Where the frames come from, JSON values.
        total: Number of frames of all videos, for the progress bar.
        videos: Lazy (name, frames) or (name, frames, beside), see ``FrameStore.add_video``.
            Not consumed if the set is there already.
        layout: The kinds of the set; by default HR frames, and BD made from them.
        files: Name -> content of additional files in the set folder.
        jobs: Frames made in parallel; None means all cores.

    Returns:
        The set, and whether it was made now (False: it was there already).

    Raises:
        DatasetError: The output holds something else, a name cannot be used, or a frame cannot be
            read, made or written.
    """
    root = Path(root)
    found = find_existing(root, tool, parameters, source, tuple(layout.describe()))
    if found is not None:
        return found, False
    name = Path(os.path.abspath(root)).name
    check_name(name, root)
    with (
        scratch_folder(root) as folder,
        tqdm(total=total, desc=name, unit='frame', disable=None, leave=False) as bar,
        closing(
            FrameStore(folder / 'set', layout, jobs or len(os.sched_getaffinity(0)), bar.update)
        ) as store,
    ):
        for video in videos:
            check_name(video[0], root)
            store.add_video(*video)
        about = {'name': name, 'tool': tool, 'parameters': parameters, 'source': source}
        _complete(folder / 'set', about, layout.describe(), store.finish(), files or {})
        (folder / 'set').rename(root)
    made = VideoSet.load(root)
    _report_sizes(made, store.resized(), layout.pad)
    return made, True


def check_name(name: str, where: str | Path) -> None:
    """Raises DatasetError if a set or video cannot have this name."""
    problem = name_problem(name)
    if problem:
        raise DatasetError(f'{where}: {problem}')


def _complete(
    folder: Path,
    about: dict[str, Any],
    kinds: dict[str, dict[str, Any]],
    videos: dict[str, dict[str, Any]],
    files: dict[str, bytes],
) -> None:
    """Writes the additional files and finally ``manifest.json``.

    Args:
        folder: The folder with the frames.
        about: Name of the set; tool that made it, with its parameters; and source: a set with its
            checksum, or files with frame ranges.
        kinds: Kind -> how its frames were made.
        videos: Name -> ``{"frames": n, <kind>: {"height", "width", "sha256": [one per frame]}}``.
        files: Name -> content of additional files.
    """
    for name, content in files.items():
        (folder / name).write_bytes(content)
    manifest = {
        'format': FORMAT,
        **about,
        'scale': SCALE,
        'kinds': kinds,
        'checksum': content_checksum(videos, tuple(kinds)),
        'videos': videos,
    }
    if files:
        manifest['files'] = {n: hashlib.sha256(content).hexdigest() for n, content in files.items()}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + '\n', encoding='utf-8')


def _report_sizes(made: VideoSet, resized: dict[str, Sizes], padded: bool) -> None:
    if resized:
        name, (before, after) = next(iter(resized.items()))
        _LOG.warning(
            '%s: 4 does not divide the size of %d of %d videos; %s, e.g. %s from %s to %s',
            made.root,
            len(resized),
            len(made.videos),
            'padded by reflection' if padded else 'cropped',
            name,
            size_text(before),
            size_text(after),
        )
