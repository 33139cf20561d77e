"""Finds videos in downloaded folders and archives.

A video is a folder of numbered images or a video file, at any depth.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dataset_tools.frames import IMAGE_SUFFIXES, list_frames, read_frame
from dataset_tools.manifest import DatasetError
from dataset_tools.prepare.archives import unpack
from dataset_tools.prepare.naming import Found
from dataset_tools.prepare.public_sets import Shape
from dataset_tools.scratch import scratch_folder
from dataset_tools.video import VIDEO_SUFFIXES, count_pictures, decode_video, read_header


@dataclass(frozen=True)
class Source:
    """A video as it was downloaded.

    Attributes:
        name: Its name.
        given: Name of the folder, file or archive that the user gave and that contains it.
        paths: Its numbered images in order, or the video file.
        shape: Length and size; for images the size of the first.
        fault: What is wrong with a video file of which only the first frames are usable, if so.
        notes: What else the user should know about it.
    """

    name: str
    given: str
    paths: tuple[Path, ...] = field(repr=False)
    shape: Shape
    fault: str | None = None
    notes: tuple[str, ...] = ()

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
        """Describes it for the manifest by count and bytes, since hashing takes long."""
        return {
            'first_file': self.paths[0].name,
            'frames': self.shape.frames,
            'bytes': sum(path.stat().st_size for path in self.paths),
        }


@contextmanager
def unpacked(paths: list[Path], output: Path) -> Iterator[list[Path]]:
    """Yields the given folders and video files, and archives as folders.

    For the duration of the ``with`` block archives are unpacked next to the output, where there
    must be space anyway.

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


def find_videos(roots: list[Path], hr_only: bool = False) -> list[Found]:
    """Finds folders of images and video files at any depth, without reading them.

    Args:
        roots: Folders and video files.
        hr_only: Skip folders that are named like LR frames (``BIx4``, ``input4``, ``LR``).

    Returns:
        The videos in the order of their paths.
    """
    found = []
    for folder in _walk_all(roots):
        if not folder.of_file and _with_suffix(folder.files, IMAGE_SUFFIXES):
            found.append(Found(folder.path, folder.given, folder.parts))
        found += _files(folder, VIDEO_SUFFIXES)
    return [video for video in found if not (hr_only and video.is_lr)]


def find_images(roots: list[Path]) -> list[Found]:
    """Lists image files, given by name or at any depth in folders, in the order of their paths."""
    return [image for folder in _walk_all(roots) for image in _files(folder, IMAGE_SUFFIXES)]


def open_source(found: Found) -> Source:
    """Opens a video that was found; a video file is decoded to count its frames.

    Raises:
        DatasetError: See ``list_frames``, ``read_frame`` and ``read_header``.
    """
    if found.path.is_dir():
        paths = list_frames(found.path)
        height, width = read_frame(paths[0]).shape[:2]
        return Source(found.name, found.given, tuple(paths), Shape(len(paths), height, width))
    header = read_header(found.path)
    count, fault = count_pictures(found.path)
    return Source(
        found.name,
        found.given,
        (found.path,),
        Shape(count, header.height, header.width),
        fault,
        tuple(f'{found.name}: {note}' for note in header.notes),
    )


def open_image(found: Found) -> Source:
    """Opens an image as a video of one frame.

    Raises:
        DatasetError: See ``read_frame``.
    """
    height, width = read_frame(found.path).shape[:2]
    # For images the manifest names the folders, which are classes in ImageNet.
    return Source(found.name, found.path.parts[-2:][0], (found.path,), Shape(1, height, width))


class _Folder(NamedTuple):
    """A folder, or the one that a file is in.

    Attributes:
        path: The folder.
        given: Name of the folder or file that was given.
        parts: Names of the folders that lead to it from there.
        files: The files in it.
        of_file: Whether the user gave one file in it, not the folder.
    """

    path: Path
    given: str
    parts: tuple[str, ...]
    files: list[Path]
    of_file: bool = False


def _walk_all(roots: list[Path]) -> Iterator[_Folder]:
    seen: set[Path] = set()
    for root in roots:
        given = root.resolve()
        if root.is_file():
            yield _Folder(root.parent, given.name, (given.parent.name,), [root], of_file=True)
        else:
            yield from _walk(root, seen)


def _walk(root: Path, seen: set[Path]) -> list[_Folder]:
    """Returns folders in the order of their paths, each once despite links; no hidden files."""
    given, found, waiting = root.resolve(), [], [os.fspath(root)]
    while waiting:
        links = []
        for start in waiting:
            for path, folders, files in os.walk(start):
                real = Path(path).resolve()
                # A link to a parent of the given folder would also loop.
                if real in seen or real in given.parents:
                    folders.clear()
                    continue
                seen.add(real)
                folders[:] = [f for f in folders if not f.startswith('.') and f != '__MACOSX']
                links += [link for f in folders if os.path.islink(link := os.path.join(path, f))]
                parts = (given.name, *Path(path).relative_to(root).parts)
                shown = [Path(path, file) for file in sorted(files) if not file.startswith('.')]
                found.append(_Folder(Path(path), given.name, parts, shown))
        waiting = sorted(links)
    return sorted(found, key=lambda folder: folder.parts)


def _with_suffix(files: list[Path], suffixes: tuple[str, ...]) -> list[Path]:
    return [file for file in files if file.suffix.lower() in suffixes]


def _files(folder: _Folder, suffixes: tuple[str, ...]) -> list[Found]:
    files = _with_suffix(folder.files, suffixes)
    return [Found(file, folder.given, folder.parts, file.stem) for file in files]
