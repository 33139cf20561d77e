"""Writes the frames of a set: threads make and encode them, equal frames of a video only once.

Threads suffice, because NumPy, OpenCV and hashlib release the interpreter lock. The output does not
depend on their number, because frames are settled in order: a frame equal to an earlier one of its
video becomes a relative link to it. So a still of 300 frames costs one PNG, and the set can still
be moved, renamed or packed as a whole.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from dataset_tools.degrade.filters import degrade
from dataset_tools.frames import Frame, LazyFrame, encode_png, read_frame
from dataset_tools.kinds import Layout
from dataset_tools.limits import size_text
from dataset_tools.manifest import DatasetError, frame_name


class _Ready(NamedTuple):
    """A frame that waits to be settled."""

    frame: np.ndarray
    digest: bytes
    size_before: tuple[int, ...]


class _Written(NamedTuple):
    height: int
    width: int
    sha256: str


_NOTHING: Mapping[str, Iterable[Frame]] = MappingProxyType({})

#: (height, width) of a frame before and after it is fitted
Sizes = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass
class _Stream:
    """The frames that a tool gives for one video (and the LR frames from them), or those beside.

    Attributes:
        video: Name of the video.
        kinds: The kinds that are written for each frame.
        fit: Brings a frame to its final size.
        first_with_key: Key -> number of the first frame that has it.
        first_with_digest: Checksum of the pixels -> number of the first frame that has it.
        originals: For each settled frame the number of the frame whose file it shares.
        files: Number of the frame -> kind -> file, once written.
        size: (height, width) of the first frame before and after ``fit``.
    """

    video: str
    kinds: tuple[str, ...]
    fit: Callable[[np.ndarray], np.ndarray]
    count: int = 0
    first_with_key: dict[Hashable, int] = field(default_factory=dict)
    first_with_digest: dict[bytes, int] = field(default_factory=dict)
    originals: list[int] = field(default_factory=list)
    files: dict[int, Future[dict[str, _Written]]] = field(default_factory=dict)
    size: Sizes | None = None


class FrameStore:
    """Writes the frames of a set's videos.

    Args:
        root: Folder for ``<kind>/<video>/``.
        layout: The kinds of the set.
        jobs: Frames made in parallel.
        settled: Called after every frame of the layout's kind ``given``.
    """

    def __init__(self, root: Path, layout: Layout, jobs: int, settled: Callable[[], None]) -> None:
        self._root = root
        self._layout = layout
        self._jobs = jobs
        self._settled = settled
        self._pool = ThreadPoolExecutor(jobs)
        self._streams: dict[str, list[_Stream]] = {}
        self._waiting: deque[tuple[_Stream, int, int, Future[_Ready] | None]] = deque()
        self._writing: deque[Future[dict[str, _Written]]] = deque()

    def add_video(
        self, name: str, frames: Iterable[Frame], beside: Mapping[str, Iterable[Frame]] = _NOTHING
    ) -> None:
        """Adds a video and writes most of it; ``finish`` waits for the rest.

        Args:
            name: Name of the video, new to the set.
            frames: Frames of the layout's kind ``given``, all of one size: arrays (uint8,
                h x w x 3), image files, or functions that make them. A frame equal to an earlier
                one becomes a link to it.
            beside: Kind -> frames of the layout's kinds ``beside``; masks are uint8, h x w.

        Raises:
            DatasetError: A name that is taken, no frames, or frames (of any video so far) that
                cannot be read or differ in size.
        """
        if name in self._streams:
            raise DatasetError(f'two videos would be called {name}; rename one of them')
        stream = _Stream(name, (self._layout.given, *self._layout.made), self._layout.fit)
        self._streams[name] = [stream]
        self._take(stream, frames)
        if not stream.count:
            raise DatasetError(f'{name}: a video needs at least one frame')
        for kind, given in beside.items():
            stream = _Stream(name, (kind,), lambda frame: frame)
            self._streams[name].append(stream)
            self._take(stream, given)

    def finish(self) -> dict[str, dict[str, Any]]:
        """Waits until everything is written.

        Returns:
            Name of each video -> its entry in the manifest.

        Raises:
            DatasetError: See ``add_video``.
        """
        while self._waiting:
            self._settle()
        return {name: _entry(streams) for name, streams in self._streams.items()}

    def resized(self) -> dict[str, Sizes]:
        """Returns name -> sizes before and after, of videos whose size 4 does not divide."""
        sizes = {name: streams[0].size for name, streams in self._streams.items()}
        return {name: size for name, size in sizes.items() if size and size[0] != size[1]}

    def close(self) -> None:
        """Stops the threads, dropping work they have not begun."""
        self._pool.shutdown(cancel_futures=True)

    def _take(self, stream: _Stream, frames: Iterable[Frame]) -> None:
        for kind in stream.kinds:
            (self._root / kind / stream.video).mkdir(parents=True)
        for frame in frames:
            key, make = _key_and_maker(frame)
            index = stream.count
            first = index if key is None else stream.first_with_key.setdefault(key, index)
            ready = None
            if first == index:
                place = str(frame) if isinstance(frame, Path) else f'{stream.video}: frame {index}'
                ready = self._pool.submit(_prepare, make, stream.fit, place)
            self._waiting.append((stream, index, first, ready))
            stream.count += 1
            # Only as many frames in memory as keep the threads busy.
            while len(self._waiting) > 2 * self._jobs:
                self._settle()

    def _settle(self) -> None:
        """Writes the frame that has waited longest, or makes it a link."""
        stream, index, first, future = self._waiting.popleft()
        if future is None:
            original = stream.originals[first]
        else:
            ready = future.result()
            _check_size(stream, index, ready)
            original = stream.first_with_digest.setdefault(ready.digest, index)
        stream.originals.append(original)
        if original == index:
            written = self._pool.submit(self._write, stream, index, ready.frame)
            stream.files[index] = written
            self._writing.append(written)
            # So a full disk is noticed at once, not after the last frame.
            if len(self._writing) > 2 * self._jobs:
                self._writing.popleft().result()
        else:
            for kind in stream.kinds:
                os.symlink(frame_name(original), self._file(kind, stream.video, index))
        if self._layout.given in stream.kinds:
            self._settled()

    def _write(self, stream: _Stream, index: int, frame: np.ndarray) -> dict[str, _Written]:
        written = {}
        for kind in stream.kinds:
            is_made = kind in self._layout.made
            image = degrade(frame, kind) if is_made else frame
            data = encode_png(image)
            self._file(kind, stream.video, index).write_bytes(data)
            height, width = image.shape[:2]
            written[kind] = _Written(height, width, hashlib.sha256(data).hexdigest())
        return written

    def _file(self, kind: str, video: str, index: int) -> Path:
        return self._root / kind / video / frame_name(index)


def _key_and_maker(frame: Frame) -> tuple[Hashable, Callable[[], np.ndarray]]:
    if isinstance(frame, LazyFrame):
        return frame.key, frame.make
    if isinstance(frame, Path):
        # Repeated frames of a set are links to one file.
        return os.path.realpath(frame), partial(read_frame, frame)
    return None, lambda: frame


def _prepare(
    make: Callable[[], np.ndarray], fit: Callable[[np.ndarray], np.ndarray], place: str
) -> _Ready:
    made = make()
    try:
        frame = np.ascontiguousarray(fit(made))
    except DatasetError as error:
        raise DatasetError(f'{place}: {error}') from error
    return _Ready(frame, hashlib.sha256(frame.data).digest(), made.shape[:2])


def _check_size(stream: _Stream, index: int, ready: _Ready) -> None:
    size = (ready.size_before, ready.frame.shape[:2])
    stream.size = stream.size or size
    if size != stream.size:
        raise DatasetError(
            f'{stream.video}: frame {index} is {size_text(size[0])}, the ones before '
            f'{size_text(stream.size[0])}; all frames of a video must have one size'
        )


def _entry(streams: list[_Stream]) -> dict[str, Any]:
    """Returns a video's entry in the manifest."""
    entry: dict[str, Any] = {'frames': streams[0].count}
    for stream in streams:
        files = {index: future.result() for index, future in stream.files.items()}
        for kind in stream.kinds:
            first = files[0][kind]
            entry[kind] = {
                'height': first.height,
                'width': first.width,
                'sha256': [files[original][kind].sha256 for original in stream.originals],
            }
    return entry
