"""Reads windows from packed sets, and single frames from any set.

A packed set is ``<root>/<kind>/<video>/``, a Zarr array of frames (n, h, w, 3) in tiles, and the
manifest of the set it was made from with one more entry, ``packed``. Equal frames are stored once:
a frame's index in the array follows from the checksums in the manifest.

Zarr reads missing files as zeros. So every file must exist and have the size in the manifest, both
when a set is opened and when a window is read; this takes a few microseconds per window, whereas
checksums would take longer than reading. ``verify`` compares the checksums. Zarr itself detects
wrong bits within a tile.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from dataset_tools.frames import read_frame
from dataset_tools.limits import size_text
from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.pack.files import ABOUT, MAKE_AGAIN, PackedFile, packed_files, shard


def stored_order(checksums: list[str]) -> list[int]:
    """Returns each frame's index among the distinct ones, e.g. [0, 1, 0] for checksums a, b, a."""
    places: dict[str, int] = {}
    return [places.setdefault(checksum, len(places)) for checksum in checksums]


def frame_reader(video_set: VideoSet) -> Callable[[str, str, int], np.ndarray]:
    """Returns a function (kind, video, index) -> frame, uint8, h x w x 3, for any set.

    Raises:
        DatasetError: See ``PackedVideos``; the function raises it for frames that cannot be read.
    """
    if video_set.packed:
        return partial(_read_packed, PackedVideos(video_set))
    return partial(_read_file, video_set)


def _read_packed(packed: PackedVideos, kind: str, video: str, index: int) -> np.ndarray:
    return packed.read(kind, video, index, index + 1)[0]


def _read_file(video_set: VideoSet, kind: str, video: str, index: int) -> np.ndarray:
    try:
        return read_frame(video_set.frame_path(kind, video, index))
    except DatasetError as error:
        raise DatasetError(
            f'{error}; check the set with `python -m dataset_tools verify {video_set.root}`'
        ) from error


class PackedVideos:
    """The frames of a packed set.

    Arrays are opened when they are first read, so an object is cheap to create and can be passed
    to other processes.

    Args:
        video_set: A packed set.

    Attributes:
        block: Frames per file; reading is fastest from a multiple of it.

    Raises:
        DatasetError: Not a packed set, one of another format, or files that are missing or not as
            the manifest lists them.
    """

    def __init__(self, video_set: VideoSet) -> None:
        self._set = video_set
        self._files = packed_files(video_set)
        self._arrays: dict[tuple[str, str], tuple[Any, np.ndarray]] = {}
        self.block = video_set.manifest['packed']['frames']
        for (kind, video), files in self._files.items():
            for name, file in files.items():
                path = video_set.place(kind, video, name)
                _check_size(path, file)
                if name == ABOUT and hashlib.sha256(path.read_bytes()).hexdigest() != file.sha256:
                    raise DatasetError(f'{path}: changed since it was packed; {MAKE_AGAIN}')

    def read(
        self,
        kind: str,
        video: str,
        start: int,
        stop: int,
        top: int = 0,
        left: int = 0,
        height: int | None = None,
        width: int | None = None,
    ) -> np.ndarray:
        """Reads a window of consecutive frames.

        Args:
            kind: One of the set's kinds.
            video: One of its videos.
            start: First frame.
            stop: Frame after the last.
            top: First row, in pixels of that kind.
            left: First column.
            height: Rows; None for all below ``top``.
            width: Columns; None for all to the right of ``left``.

        Returns:
            uint8, (stop - start) x height x width x 3.

        Raises:
            DatasetError: No such video, a window outside it, or damaged files.
        """
        array, places = self._open(kind, video)
        rows, columns = array.shape[1:3]
        bottom = rows if height is None else top + height
        right = columns if width is None else left + width
        if not (0 <= start < stop <= len(places) and 0 <= top < bottom <= rows):
            raise self._outside(kind, video, (start, stop), (top, bottom), (left, right))
        if not 0 <= left < right <= columns:
            raise self._outside(kind, video, (start, stop), (top, bottom), (left, right))
        wanted = places[start:stop]
        first, last = int(wanted.min()), int(wanted.max())
        self._check_shards(kind, video, first, last)
        try:
            stored = array[first : last + 1, top:bottom, left:right]
        except (
            Exception
        ) as error:  # Zarr and its codecs raise many kinds of errors for damaged files
            raise self._damaged(kind, video, error) from error
        straight = len(stored) == len(wanted) and bool((np.diff(wanted) == 1).all())
        return stored if straight else stored[wanted - first]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_arrays': {}}

    def _open(self, kind: str, video: str) -> tuple[Any, np.ndarray]:
        key = kind, video
        if key not in self._arrays:
            self._set.frame_path(kind, video, 0)  # Raises if there is no such video.
            checksums = self._set.manifest['videos'][video][kind]['sha256']
            import zarr  # Here, because sets that are not packed do not need it.

            folder = self._set.place(kind, video)
            try:
                array = zarr.open_array(folder, mode='r', zarr_format=3)
                self._check_array(array, kind, video, len(set(checksums)))
            except Exception as error:  # as above
                raise self._damaged(kind, video, error) from error
            self._arrays[key] = array, np.array(stored_order(checksums))
        return self._arrays[key]

    def _check_array(self, array: Any, kind: str, video: str, frames: int) -> None:
        """Checks that Zarr will read the frames of the manifest from the files that it lists."""
        wanted = (*self._set.videos[video].sizes[kind], 3)
        key = array.metadata.encode_chunk_key((0,) * array.ndim)
        if array.shape[0] < frames or array.shape[1:] != wanted or array.dtype != np.uint8:
            found = f'{array.shape} of {array.dtype}'
            raise ValueError(f'{found} instead of {(frames, *wanted)} of uint8')
        if key != shard(0) or (array.shards or array.chunks)[0] != self.block:
            raise ValueError(f'files other than {shard(0)} of {self.block} frames each')

    def _check_shards(self, kind: str, video: str, first: int, last: int) -> None:
        """Raises if a file was removed or truncated since the set was opened."""
        files = self._files[kind, video]
        for number in range(first // self.block, last // self.block + 1):
            name = shard(number)
            _check_size(f'{self._set.root}/{kind}/{video}/{name}', files[name])

    def _damaged(self, kind: str, video: str, error: Exception) -> DatasetError:
        reason = str(error).partition('\n')[0] or type(error).__name__
        return DatasetError(f'{self._set.root}: {kind}/{video} is damaged ({reason}); {MAKE_AGAIN}')

    def _outside(self, kind: str, video: str, *window: tuple[int, int]) -> DatasetError:
        frames, rows, columns = (f'{first}:{end}' for first, end in window)
        size = size_text(self._set.videos[video].sizes[kind])
        return DatasetError(
            f'{self._set.root}: frames {frames}, rows {rows}, columns {columns} are not inside '
            f'{kind}/{video}, {self._set.videos[video].frames} frames of {size}'
        )


def _check_size(path: str | os.PathLike, file: PackedFile) -> None:
    try:
        size = os.stat(path).st_size
    except OSError as error:
        raise DatasetError(f'{path}: missing; {MAKE_AGAIN}') from error
    if size != file.bytes:
        raise DatasetError(f'{path}: {size} bytes instead of {file.bytes}; {MAKE_AGAIN}')
