"""Videos in the folders and archives in which public sets are downloaded.

A video is a folder of numbered images or a video file. Where it lies does not matter; folders that
only say "these are the HR frames" (``GT/calendar``, ``calendar/truth``) do not name it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np

from dataset_tools.frames import IMAGE_SUFFIXES, decode_video, list_frames, read_frame
from dataset_tools.manifest import DatasetError
from dataset_tools.prepare.archives import unpack
from dataset_tools.prepare.public_sets import Shape
from dataset_tools.scratch import scratch_folder

VIDEO_SUFFIXES = ('.mp4', '.mkv', '.y4m', '.gif', '.avi', '.mov', '.webm')

_HR_FOLDERS = {'gt', 'hr', 'truth', 'original', 'target', 'sharp', 'train_sharp', 'val_sharp'}
_LR_FOLDER = re.compile(
    r'(lr|lq|bi|bd|x\d)(x\d.*|[_-].*|)|(input|inter|bicubic|blur|gaussian).*|.*_(blur|bicubic).*'
)


@dataclass(frozen=True)
class Source:
    """A video as it was downloaded.

    Attributes:
        name: Its name.
        parts: Folders that lead to it from the folder or archive given, that one's name first.
        paths: Its numbered images in order, or the one video file.
        shape: Length and size, as the first image or the video file's header tells them.
    """

    name: str
    parts: tuple[str, ...]
    paths: tuple[Path, ...] = field(repr=False)
    shape: Shape

    @property
    def is_file(self) -> bool:
        """Whether it is a video file, not images."""
        return self.paths[0].suffix.lower() in VIDEO_SUFFIXES

    def first_frame(self) -> np.ndarray:
        """Reads its first frame, uint8, h x w x 3.

        Raises:
            DatasetError: See ``read_frame`` and ``decode_video``.
        """
        return next(decode_video(self.paths[0])) if self.is_file else read_frame(self.paths[0])

    def describe(self) -> dict[str, Any]:
        """What a manifest says of it: hashing everything would take long, so count and bytes."""
        return {
            'first_file': self.paths[0].name,
            'frames': self.shape.frames,
            'bytes': sum(path.stat().st_size for path in self.paths),
        }


@contextmanager
def unpacked(paths: list[Path], output: Path) -> Iterator[list[Path]]:
    """Gives folders and video files as they are, and archives as folders.

    Archives are unpacked beside the output, where there has to be room anyway, for the time of the
    ``with`` block.

    Args:
        paths: Folders, video files, zip and tar archives.
        output: Where the sets will be made.

    Raises:
        DatasetError: A path does not exist, or is a damaged archive.
    """
    if not any(_is_archive(path) for path in paths):
        yield paths
        return
    with scratch_folder(output, 'unpacked') as scratch:
        yield [
            unpack(path, scratch / str(n)) if _is_archive(path) else path
            for n, path in enumerate(paths)
        ]


def _is_archive(path: Path) -> bool:
    if not path.is_dir() and not path.is_file():
        raise DatasetError(f'{path}: no such folder or file; give what was downloaded')
    return path.is_file() and path.suffix.lower() not in (*VIDEO_SUFFIXES, *IMAGE_SUFFIXES)


def find_videos(roots: list[Path], hr_only: bool = False) -> list[Source]:
    """Looks for videos, however deep.

    Args:
        roots: Folders and video files.
        hr_only: Pass over folders that are named as LR frames are (``BIx4``, ``input4``, ``LR``).

    Returns:
        The videos in the order of their paths.

    Raises:
        DatasetError: See ``list_frames``, ``read_frame`` and ``decode_video``.
    """
    found = []
    for root in roots:
        for path in _candidates(root):
            relative = path.relative_to(root).parts
            if hr_only and any(_LR_FOLDER.fullmatch(part.lower()) for part in relative):
                continue
            found.append(_source(path, (root.resolve().name, *relative)))
    return found


def find_images(roots: list[Path]) -> list[Path]:
    """Lists image files, given by name or however deep in folders, in the order of their paths."""
    paths = [
        path
        for root in roots
        for path in [
            *([root] if root.is_file() else []),
            *(folder / name for folder, names in _walk(root) for name in names),
        ]
    ]
    return [path for path in paths if path.suffix.lower() in IMAGE_SUFFIXES]


def image_source(name: str, path: Path) -> Source:
    """A video of one frame, given as an image."""
    height, width = read_frame(path).shape[:2]
    return Source(name, path.parts[-2:], (path,), Shape(1, height, width))


def by_name(sources: list[Source]) -> dict[str, Source]:
    """Name -> source.

    Raises:
        DatasetError: Two videos have one name.
    """
    named: dict[str, Source] = {}
    for source in sources:
        other = named.setdefault(source.name, source)
        if other is not source:
            raise DatasetError(
                f'two videos are called {source.name}: {"/".join(other.parts)} and '
                f'{"/".join(source.parts)}; pass the folder that holds only the one to use'
            )
    return named


def _candidates(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
    for folder, names in _walk(root):
        suffixes = {Path(name).suffix.lower() for name in names}
        if suffixes & set(IMAGE_SUFFIXES):
            yield folder
        yield from (folder / n for n in names if Path(n).suffix.lower() in VIDEO_SUFFIXES)


def _walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Folders and their files in a fixed order, without what file managers leave behind."""
    seen: dict[str, str] = {}
    for folder, folders, names in os.walk(root, followlinks=True):
        # Links that lead round in circles would never end.
        other = seen.setdefault(os.path.realpath(folder), folder)
        if other != folder:
            raise DatasetError(f'{folder}: leads to {other}, which is looked at; remove the link')
        folders[:] = sorted(f for f in folders if not f.startswith('.') and f != '__MACOSX')
        yield Path(folder), sorted(name for name in names if not name.startswith('.'))


def _source(path: Path, parts: tuple[str, ...]) -> Source:
    if path.is_file():
        return Source(path.stem, parts, (path,), _video_shape(path))
    paths = list_frames(path)
    height, width = read_frame(paths[0]).shape[:2]
    naming = [part for part in parts if part.lower() not in _HR_FOLDERS]
    name = naming[-1] if naming else parts[-1]
    return Source(name, parts, tuple(paths), Shape(len(paths), height, width))


def _video_shape(path: Path) -> Shape:
    """Shape by the header; where that does not tell the length, packets are counted."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise DatasetError(f'{path}: no video in this file')
            stream = container.streams.video[0]
            frames = stream.frames or sum(packet.size > 0 for packet in container.demux(stream))
            return Shape(frames, stream.height, stream.width)
    except (av.FFmpegError, OSError) as error:
        raise DatasetError(f'{path}: cannot be opened ({error}); fetch the file again') from error
