"""Finds videos to score: in sets, folders of images and video files."""

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from dataset_tools.frames import IMAGE_SUFFIXES, number_frames, read_image
from dataset_tools.manifest import MANIFEST, VideoSet
from dataset_tools.pack.reader import frame_reader
from dataset_tools.video import VIDEO_SUFFIXES, decode_video, read_header
from harness.errors import fail

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class FrameSource:
    """The frames of one video.

    Attributes:
        place: Where they are, for messages.
        frames: Yields them one by one, uint8, (H, W, 3) RGB or (H, W) grey.
        count: Their number; None if only decoding would tell.
        first: The number in the name of the first frame, if names have numbers.
        masks: Yields a mask (H, W) for each frame, 0 outside; None without masks.
    """

    place: str
    frames: Callable[[], Iterator[np.ndarray]]
    count: int | None = None
    first: int | None = None
    masks: Callable[[], Iterator[np.ndarray | None]] | None = None


def find_videos(path: Path, kind: str = 'gt') -> dict[str, Callable[[], FrameSource]]:
    """Finds the videos in a set folder, a folder of frames or of videos, or a video file.

    In a folder of images without numbers, every image is a video of one frame. Other files are
    ignored.

    Args:
        path: The folder or file.
        kind: The kind of frames to read from a set.

    Returns:
        Name -> a function that opens the video; it raises DatasetError if frames are missing.

    Raises:
        UserError: The path does not exist, or contains nothing to score.
        DatasetError: A set is damaged or has no such frames.
    """
    if path.is_file():
        return {path.stem: partial(_file_source, path)}
    if not path.is_dir():
        fail(f'{path}: no such file or folder')
    if (path / MANIFEST).is_file():
        return _set_sources(VideoSet.load(path), kind)
    images = _files(path, IMAGE_SUFFIXES)
    if images:
        return _image_sources(path, images)
    videos = {file.stem: partial(_file_source, file) for file in _files(path, VIDEO_SUFFIXES)}
    for folder in filter(Path.is_dir, path.iterdir()):
        if images := _files(folder, IMAGE_SUFFIXES):
            videos[folder.name] = partial(_folder_source, folder, images)
    if not videos:
        fail(
            f'{path}: no frames here; expected images ({", ".join(IMAGE_SUFFIXES)}), videos '
            f'({", ".join(VIDEO_SUFFIXES)}), folders of images, or a set with its manifest.json'
        )
    return dict(sorted(videos.items()))


def set_frames(test_set: VideoSet, kind: str, video: str) -> Iterator[np.ndarray]:
    """Yields all frames of a video of a set; consecutive equal frames are decoded once."""
    read = frame_reader(test_set)
    checksums = test_set.manifest['videos'][video][kind]['sha256']
    previous = None
    for number, checksum in enumerate(checksums):
        if checksum != previous:
            image, previous = read(kind, video, number), checksum
        yield image


def set_masks(test_set: VideoSet, video: str) -> Iterator[np.ndarray | None]:
    """Yields the mask (H, W) of each frame of a video, 0 outside; None if the set has no masks."""
    if 'mask' not in test_set.kinds:
        return iter([None] * test_set.videos[video].frames)
    return (np.ascontiguousarray(m[..., 0]) for m in set_frames(test_set, 'mask', video))


def _set_sources(test_set: VideoSet, kind: str) -> dict[str, Callable[[], FrameSource]]:
    test_set.require(kind)
    return {name: partial(_set_source, test_set, kind, name) for name in test_set.videos}


def _set_source(test_set: VideoSet, kind: str, name: str) -> FrameSource:
    has_masks = kind == 'gt' and 'mask' in test_set.kinds
    return FrameSource(
        f'{test_set.root}/{kind}/{name}',
        partial(set_frames, test_set, kind, name),
        count=test_set.videos[name].frames,
        first=0,
        masks=partial(set_masks, test_set, name) if has_masks else None,
    )


def _file_source(path: Path) -> FrameSource:
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return FrameSource(str(path), lambda: iter([read_image(path)]), count=1)
    for note in read_header(path).notes:
        _LOG.warning('%s: %s', path, note)
    return FrameSource(str(path), partial(decode_video, path))


def _image_sources(folder: Path, images: list[Path]) -> dict[str, Callable[[], FrameSource]]:
    if any(re.search(r'\d', image.stem) is None for image in images):
        return {image.stem: partial(_file_source, image) for image in images}
    return {folder.resolve().name: partial(_folder_source, folder, images)}


def _folder_source(folder: Path, images: list[Path]) -> FrameSource:
    numbered = number_frames(images)
    paths = [numbered[number] for number in sorted(numbered)]
    return FrameSource(
        str(folder), lambda: map(read_image, paths), count=len(paths), first=min(numbered)
    )


def _files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in suffixes and path.is_file() and not path.name.startswith('.')
    )
