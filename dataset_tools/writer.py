"""Writing a set: all of it, or nothing.

Frames go to a hidden sibling folder, ``.<set>.part``; the manifest is written last and the folder
renamed into place, so that a folder under the set's own name is always a whole set.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from tqdm import tqdm

from dataset_tools.frames import Frame, LazyFrame
from dataset_tools.kinds import Layout
from dataset_tools.manifest import DatasetError, VideoSet, find_existing, write_manifest
from dataset_tools.store import FrameStore, size_text

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
    """Makes a set, unless it is already there.

    Args:
        root: The folder to make.
        tool: Name of the tool, as on the command line.
        parameters: All that shapes the frames, JSON values.
        source: Where the frames come from, JSON values.
        total: Number of frames of all videos, for the progress bar.
        videos: Lazy (name, frames) or (name, frames, masks), see ``SetWriter.add_video``. Untouched
            if the set is there.
        layout: The kinds of the set; HR frames are given and BD made of them if left out.
        files: Name -> content of further files at the top of the set.
        jobs: Frames made at once; None takes all cores.

    Returns:
        The set, and whether it was made now (False: already there).

    Raises:
        DatasetError: The output holds something else, or a frame cannot be read, made or written.
    """
    root = Path(root)
    found = find_existing(root, tool, parameters, source, tuple(layout.describe()))
    if found is not None:
        return found, False
    with SetWriter(
        root,
        tool=tool,
        parameters=parameters,
        source=source,
        total=total,
        layout=layout,
        files=files,
        jobs=jobs,
    ) as writer:
        for video in videos:
            writer.add_video(*video)
    return VideoSet.load(root), True


class SetWriter:
    """Context manager that writes one set folder.

    Leaving it normally puts the set into place; an exception (Ctrl-C too) removes every trace. A
    process that was killed leaves its ``.part`` folder, which the next one clears away; a lock on
    that folder keeps two living processes apart.

    Args:
        root: The folder to make; must be absent or empty.
        tool: Name of the tool.
        parameters: The tool's parameters, JSON values.
        source: Where the frames come from, JSON values.
        total: Number of frames expected, for the progress bar.
        layout: The kinds of the set.
        files: Name -> content of further files at the top of the set.
        jobs: Frames made at once; None takes all cores.
    """

    def __init__(
        self,
        root: Path,
        *,
        tool: str,
        parameters: dict[str, Any],
        source: Any,
        total: int,
        layout: Layout = Layout(),  # noqa: B008 - it cannot be changed
        files: dict[str, bytes] | None = None,
        jobs: int | None = None,
    ) -> None:
        self._root = Path(os.path.abspath(root))
        self._part = self._root.parent / f'.{self._root.name}.part'
        self._about = {
            'name': self._root.name,
            'tool': tool,
            'parameters': parameters,
            'source': source,
        }
        self._names: set[str] = set()
        self._new_parents = [folder for folder in self._root.parents if not folder.exists()]
        self._total = total
        self._layout = layout
        self._files = files or {}
        self._jobs = jobs or len(os.sched_getaffinity(0))

    def __enter__(self) -> SetWriter:
        try:
            self._part.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self._part, os.O_RDONLY)
        except OSError as error:
            raise DatasetError(
                f'{self._root}: cannot be made ({error.strerror}); choose another output'
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise DatasetError(
                f'{self._root}: another process is making this set; wait for it'
            ) from error
        for leftover in self._part.iterdir():
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        self._bar = tqdm(
            total=self._total, desc=self._root.name, unit='frame', disable=None, leave=False
        )
        self._store = FrameStore(self._part, self._layout, self._jobs, self._bar.update)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._complete()
        except OSError as failure:
            error = failure
        finally:
            self._store.close()
            self._bar.close()
            if self._part.exists():
                self._remove_traces()
            os.close(self._lock)
        if isinstance(error, OSError):
            raise DatasetError(
                f'{self._root}: not made ({error}); mend that and start again'
            ) from error

    def add_video(
        self, name: str, frames: Iterable[Frame], masks: Iterable[LazyFrame] | None = None
    ) -> None:
        """Writes one video; a frame equal to an earlier one of it becomes a link.

        Args:
            name: Name of the video, a valid folder name that is new to the set.
            frames: Frames of the kind that the layout says is given, all of one size: arrays
                (uint8, h x w x 3), image files, or functions that make them.
            masks: One for each frame, if the layout has masks.

        Raises:
            DatasetError: No frames, frames of different sizes or that cannot be read, or a name
                that cannot be used.
        """
        if name in self._names or not name or '/' in name or name.startswith('.'):
            raise DatasetError(
                f'{self._root}: {name!r} is already taken or no good as the name of a video'
            )
        self._names.add(name)
        self._store.add_video(name, frames, masks)

    def _complete(self) -> None:
        videos = self._store.finish()
        for name, content in self._files.items():
            (self._part / name).write_bytes(content)
        write_manifest(
            self._part,
            kinds=self._layout.describe(),
            videos=videos,
            files={n: hashlib.sha256(content).hexdigest() for n, content in self._files.items()},
            **self._about,
        )
        self._part.rename(self._root)
        self._report_sizes()

    def _report_sizes(self) -> None:
        resized = self._store.resized()
        if resized:
            name, (before, after) = next(iter(resized.items()))
            _LOG.warning(
                '%s: 4 does not divide the size of %d of %d videos; %s, e.g. %s from %s to %s',
                self._root,
                len(resized),
                len(self._names),
                'padded by reflection' if self._layout.pad else 'cropped',
                name,
                size_text(before),
                size_text(after),
            )

    def _remove_traces(self) -> None:
        shutil.rmtree(self._part)
        for folder in self._new_parents:
            # A parent made for this set goes too, unless something else is in it by now.
            with suppress(OSError):
                folder.rmdir()
