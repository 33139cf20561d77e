"""Writing a set: all of it, or nothing.

Frames go to a hidden sibling folder, ``.<set>.part``; the manifest is written last and the folder
renamed into place, so that a folder under the set's own name is always a whole set.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from tqdm import tqdm

from dataset_tools.degrade import KINDS, crop_to_multiple, degrade_bd
from dataset_tools.frames import encode_png
from dataset_tools.manifest import (
    SCALE,
    DatasetError,
    VideoSet,
    find_existing,
    frame_file,
    write_manifest,
)


def build_set(
    root: str | Path,
    *,
    tool: str,
    parameters: dict[str, Any],
    source: Any,
    total: int,
    videos: Iterable[tuple[str, Iterable[np.ndarray]]],
) -> tuple[VideoSet, bool]:
    """Makes a set, unless it is already there.

    Args:
        root: The folder to make.
        tool: Name of the tool, as on the command line.
        parameters: All that shapes the frames, JSON values.
        source: Where the frames come from, JSON values.
        total: Number of frames of all videos, for the progress bar.
        videos: Lazy (name, HR frames) pairs, uint8, h x w x 3. Untouched if the set is there.

    Returns:
        The set, and whether it was made now (False: already there).

    Raises:
        DatasetError: The output holds something else, or a frame cannot be read, made or written.
    """
    root = Path(root)
    found = find_existing(root, tool, parameters, source)
    if found is not None:
        return found, False
    with SetWriter(root, tool=tool, parameters=parameters, source=source, total=total) as writer:
        for name, frames in videos:
            writer.add_video(name, frames)
    return VideoSet.load(root), True


class SetWriter:
    """Context manager that writes one set folder with ``gt`` and ``lr_bd``.

    Leaving it normally puts the set into place; an exception (Ctrl-C too) removes every trace. A
    process that was killed leaves its ``.part`` folder, which the next one clears away; a lock on
    that folder keeps two living processes apart.

    Args:
        root: The folder to make; must be absent or empty.
        tool: Name of the tool.
        parameters: The tool's parameters, JSON values.
        source: Where the frames come from, JSON values.
        total: Number of frames expected, for the progress bar.
    """

    def __init__(
        self, root: Path, *, tool: str, parameters: dict[str, Any], source: Any, total: int
    ) -> None:
        self._root = Path(os.path.abspath(root))
        self._part = self._root.parent / f'.{self._root.name}.part'
        self._about = {
            'name': self._root.name,
            'tool': tool,
            'parameters': parameters,
            'source': source,
        }
        self._videos: dict[str, dict[str, Any]] = {}
        self._new_parents = [folder for folder in self._root.parents if not folder.exists()]
        self._total = total

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
        # Threads suffice: NumPy, OpenCV and hashlib release the interpreter lock for the real work.
        self._workers = len(os.sched_getaffinity(0))
        self._pool = ThreadPoolExecutor(self._workers)
        self._bar = tqdm(
            total=self._total, desc=self._root.name, unit='frame', disable=None, leave=False
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._bar.close()
        try:
            if kind is None:
                write_manifest(self._part, kinds=KINDS, videos=self._videos, **self._about)
                self._part.rename(self._root)
        except OSError as failure:
            error = failure
        finally:
            if self._part.exists():
                self._remove_traces()
            os.close(self._lock)
        if isinstance(error, OSError):
            raise DatasetError(
                f'{self._root}: not made ({error}); mend that and start again'
            ) from error

    def add_video(self, name: str, frames: Iterable[np.ndarray]) -> None:
        """Writes one video.

        A frame equal to an earlier one of this video is stored once: it becomes a relative link,
        so that a still of 300 frames costs one PNG and the set can still be moved, renamed or
        packed as a whole.

        Args:
            name: Name of the video, a valid folder name that is new to the set.
            frames: HR frames, uint8, h x w x 3, all of one size; cropped here to a multiple of 4.

        Raises:
            DatasetError: No frames, frames of different sizes, or a name that cannot be used.
        """
        if name in self._videos or not name or '/' in name or name.startswith('.'):
            raise DatasetError(
                f'{self._root}: {name!r} is already taken or no good as the name of a video'
            )
        for kind in KINDS:
            (self._part / kind / name).mkdir(parents=True)
        shape, first_with, waiting = None, {}, deque()
        stored: list[Future[dict[str, str]]] = []
        for index, frame in enumerate(frames):
            hr = np.ascontiguousarray(crop_to_multiple(frame))
            shape = hr.shape if shape is None else shape
            if hr.shape != shape:
                raise DatasetError(
                    f'{name}: frame {index} is {_size(hr.shape)}, the ones before {_size(shape)}'
                )
            first = first_with.setdefault(hashlib.sha256(hr.data).digest(), index)
            if first == index:
                stored.append(self._pool.submit(self._store, name, index, hr))
                waiting.append(stored[-1])
            else:
                self._link(name, index, first)
                stored.append(stored[first])
            # As many frames in memory as keep the threads busy, whatever the length of the video.
            if len(waiting) > 2 * self._workers:
                waiting.popleft().result()
            self._bar.update()
        if shape is None:
            raise DatasetError(f'{name}: a video needs at least one frame')
        self._videos[name] = _entry(shape, [future.result() for future in stored])

    def _store(self, name: str, index: int, hr: np.ndarray) -> dict[str, str]:
        """Writes one frame of every kind; returns kind -> SHA-256 of the file."""
        checksums = {}
        for kind, frame in (('gt', hr), ('lr_bd', degrade_bd(hr))):
            data = encode_png(frame)
            frame_file(self._part, kind, name, index).write_bytes(data)
            checksums[kind] = hashlib.sha256(data).hexdigest()
        return checksums

    def _link(self, name: str, index: int, first: int) -> None:
        for kind in KINDS:
            target = frame_file(self._part, kind, name, first).name
            frame_file(self._part, kind, name, index).symlink_to(target)

    def _remove_traces(self) -> None:
        shutil.rmtree(self._part)
        for folder in self._new_parents:
            # A parent made for this set goes too, unless something else is in it by now.
            with suppress(OSError):
                folder.rmdir()


def _entry(shape: tuple[int, ...], checksums: list[dict[str, str]]) -> dict[str, Any]:
    """A video's entry in the manifest."""
    height, width = shape[:2]
    sizes = {'gt': (height, width), 'lr_bd': (height // SCALE, width // SCALE)}
    entry: dict[str, Any] = {'frames': len(checksums)}
    for kind, (kind_height, kind_width) in sizes.items():
        entry[kind] = {
            'height': kind_height,
            'width': kind_width,
            'sha256': [frame[kind] for frame in checksums],
        }
    return entry


def _size(shape: tuple[int, ...]) -> str:
    return f'{shape[1]}x{shape[0]}'
