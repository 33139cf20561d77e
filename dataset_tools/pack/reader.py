"""Reads windows out of packed sets, and single frames out of any set.

A packed set is ``<root>/<kind>/<video>/``, a Zarr array of frames (n, h, w, 3) in tiles, and the
manifest of the set it was made from with one more entry, ``packed``. Frames that are equal are
stored once: a frame's place in the array follows from the checksums in the manifest.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dataset_tools.frames import read_frame
from dataset_tools.manifest import DatasetError, VideoSet

PACK_FORMAT = 1


def stored_order(checksums: list[str]) -> list[int]:
    """Place of each frame among the different ones, e.g. [0, 1, 0] for checksums a, b, a."""
    places: dict[str, int] = {}
    return [places.setdefault(checksum, len(places)) for checksum in checksums]


def frame_reader(video_set: VideoSet) -> Callable[[str, str, int], np.ndarray]:
    """Gives a function (kind, video, index) -> frame, uint8, h x w x 3, for packed sets and others.

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


def verify_packed(video_set: VideoSet) -> list[str]:
    """Reads a packed set from end to end; every tile carries a checksum.

    Args:
        video_set: A packed set.

    Returns:
        One line for each video that is damaged, or for the first file that is missing.
    """
    problems = []
    try:
        packed = PackedVideos(video_set)
    except DatasetError as error:
        return [str(error)]
    for kind in video_set.kinds:
        for video in video_set.videos.values():
            try:
                for start in range(0, video.frames, packed.block):
                    packed.read(kind, video.name, start, min(start + packed.block, video.frames))
            except DatasetError as error:
                problems.append(str(error))
    return problems


class PackedVideos:
    """The frames of a packed set.

    Arrays are opened when they are first read, so that an object is cheap to make and may be handed
    to other processes.

    Args:
        video_set: A packed set.

    Attributes:
        block: Frames that a file holds; reading starts quickest at a multiple of it.

    Raises:
        DatasetError: Not a packed set, one of another format, or files are missing.
    """

    def __init__(self, video_set: VideoSet) -> None:
        self._set = video_set
        about = video_set.manifest.get('packed')
        if about is None or about['format'] != PACK_FORMAT:
            raise DatasetError(
                f'{video_set.root}: not a packed set of format {PACK_FORMAT}; make it with '
                '`python -m dataset_tools pack SET --output SET_PACKED`'
            )
        self._arrays: dict[tuple[str, str], tuple[Any, np.ndarray]] = {}
        self.block = int(about['frames'])
        self._check_files()

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
            stop: The frame after the last.
            top: First row, in pixels of that kind.
            left: First column.
            height: Rows; None for all below ``top``.
            width: Columns; None for all to the right of ``left``.

        Returns:
            uint8, (stop - start) x height x width x 3.

        Raises:
            DatasetError: No such video, a window that is not inside it, or damaged files.
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
        first = int(wanted.min())
        try:
            stored = array[first : int(wanted.max()) + 1, top:bottom, left:right]
        except (OSError, ValueError, RuntimeError) as error:
            raise DatasetError(
                f'{self._set.root}: {kind}/{video} is damaged ({error}); delete the packed set and '
                'make it again'
            ) from error
        straight = len(stored) == len(wanted) and bool((np.diff(wanted) == 1).all())
        return stored if straight else stored[wanted - first]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_arrays': {}}

    def _open(self, kind: str, video: str) -> tuple[Any, np.ndarray]:
        key = kind, video
        if key not in self._arrays:
            self._set.frame_path(kind, video, 0)  # Raises where there is no such video.
            checksums = self._set.manifest['videos'][video][kind]['sha256']
            import zarr  # Here, so that sets which are not packed do without it.

            array = zarr.open_array(array_folder(self._set.root, kind, video), mode='r')
            self._arrays[key] = array, np.array(stored_order(checksums))
        return self._arrays[key]

    def _check_files(self) -> None:
        """Sees that every file is there, for Zarr reads zeros where one is missing."""
        for name, entry in self._set.manifest['videos'].items():
            for kind in self._set.kinds:
                folder = array_folder(self._set.root, kind, name)
                blocks = math.ceil(len(set(entry[kind]['sha256'])) / self.block)
                for file in ('zarr.json', *(f'c/{n}/0/0/0' for n in range(blocks))):
                    if not (folder / file).is_file():
                        raise DatasetError(
                            f'{folder / file}: missing; delete the packed set and make it again'
                        )
                self._check_shape(folder, kind, name)

    def _check_shape(self, folder: Path, kind: str, video: str) -> None:
        wanted = (*self._set.videos[video].sizes[kind], 3)
        try:
            shape = tuple(json.loads((folder / 'zarr.json').read_text())['shape'][1:])
        except (ValueError, KeyError, TypeError):
            shape = None
        if shape != wanted:
            raise DatasetError(
                f'{folder / "zarr.json"}: has no frames of the size in the manifest; delete the '
                'packed set and make it again'
            )

    def _outside(self, kind: str, video: str, *window: tuple[int, int]) -> DatasetError:
        frames, rows, columns = (f'{first}:{end}' for first, end in window)
        height, width = self._set.videos[video].sizes[kind]
        return DatasetError(
            f'{self._set.root}: frames {frames}, rows {rows}, columns {columns} are not inside '
            f'{kind}/{video}, {self._set.videos[video].frames} frames of {width}x{height}'
        )


def array_folder(root: Path, kind: str, video: str) -> Path:
    """Where the frames of a video of a packed set are."""
    return root / kind / video
