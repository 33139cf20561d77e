"""Videos to score, wherever their frames are: sets, folders of images, video files."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Optional

import numpy as np

from dataset_tools.frames import IMAGE_SUFFIXES, read_image
from dataset_tools.manifest import MANIFEST, VideoSet
from dataset_tools.pack.reader import frame_reader
from dataset_tools.video import VIDEO_SUFFIXES, decode_video
from harness.errors import fail


@dataclass(frozen=True)
class FrameSource:
    """The frames of one video.

    Attributes:
        place: where they are, for messages.
        frames: gives them one by one, uint8, (H, W, 3) RGB or (H, W) grey.
        count: how many there are; None where only decoding them all would tell.
        first: number in the name of the first, where names have numbers.
        masks: gives a mask (H, W) with each frame, 0 outside; None without masks.
    """

    place: str
    frames: Callable[[], Iterator[np.ndarray]]
    count: Optional[int] = None
    first: Optional[int] = None
    masks: Optional[Callable[[], Iterator[np.ndarray]]] = None


def find_videos(path: Path) -> dict[str, Callable[[], FrameSource]]:
    """Looks for videos in a set folder, folder of frames or of videos, or takes a video file.

    In a folder of images without numbers every image is a video of one frame. Files that are
    neither images nor videos are passed over.

    Returns:
        Name -> a function that opens the video; it raises UserError if frames are missing.

    Raises:
        UserError: there is no such place, or nothing to score in it.
        DatasetError: a set is damaged or has no GT.
    """
    if path.is_file():
        return {path.stem: partial(_file_source, path)}
    if not path.is_dir():
        fail(f'{path}: no such file or folder')
    if (path / MANIFEST).is_file():
        return _set_sources(VideoSet.load(path))
    images = _files(path, IMAGE_SUFFIXES)
    if images:
        return _image_sources(path, images)
    videos = {file.stem: partial(_file_source, file) for file in _files(path, VIDEO_SUFFIXES)}
    for folder in filter(Path.is_dir, path.iterdir()):
        if images := _files(folder, IMAGE_SUFFIXES):
            videos[folder.name] = partial(_folder_source, folder, images)
    if not videos:
        fail(
            f'{path}: no frames here; wanted are images ({", ".join(IMAGE_SUFFIXES)}), videos '
            f'({", ".join(VIDEO_SUFFIXES)}), folders of images, or a set with its manifest.json'
        )
    return dict(sorted(videos.items()))


def set_frames(test_set: VideoSet, kind: str, video: str) -> Iterator[np.ndarray]:
    """All frames of a video of a set; a frame stored once (static videos) is decoded once."""
    read = frame_reader(test_set)
    checksums = test_set.manifest['videos'][video][kind]['sha256']
    previous = None
    for number, checksum in enumerate(checksums):
        if checksum != previous:
            image, previous = read(kind, video, number), checksum
        yield image


def set_masks(test_set: VideoSet, video: str) -> Iterator[Optional[np.ndarray]]:
    """The mask (H, W) of each frame of a video, 0 outside; None for each where there are none."""
    if 'mask' not in test_set.kinds:
        return iter([None] * test_set.videos[video].frames)
    return (np.ascontiguousarray(m[..., 0]) for m in set_frames(test_set, 'mask', video))


def _set_sources(test_set: VideoSet) -> dict[str, Callable[[], FrameSource]]:
    test_set.require('gt')
    return {name: partial(_set_source, test_set, name) for name in test_set.videos}


def _set_source(test_set: VideoSet, name: str) -> FrameSource:
    return FrameSource(
        f'{test_set.root}/gt/{name}',
        partial(set_frames, test_set, 'gt', name),
        count=test_set.videos[name].frames,
        first=0,
        masks=partial(set_masks, test_set, name) if 'mask' in test_set.kinds else None,
    )


def _file_source(path: Path) -> FrameSource:
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return FrameSource(str(path), lambda: iter([read_image(path)]), count=1)
    return FrameSource(str(path), partial(decode_video, path))


def _image_sources(folder: Path, images: list[Path]) -> dict[str, Callable[[], FrameSource]]:
    if any(re.search(r'\d', image.stem) is None for image in images):
        return {image.stem: partial(_file_source, image) for image in images}
    return {folder.resolve().name: partial(_folder_source, folder, images)}


def _folder_source(folder: Path, images: list[Path]) -> FrameSource:
    numbered = _number(folder, images)
    paths = [numbered[number] for number in sorted(numbered)]
    return FrameSource(
        str(folder), lambda: map(read_image, paths), count=len(paths), first=min(numbered)
    )


def _number(folder: Path, images: list[Path]) -> dict[int, Path]:
    """Images by the number that their names end with, or else by the first one in them."""
    for pattern in (r'(\d+)$', r'(\d+)'):
        found = [re.search(pattern, image.stem) for image in images]
        if not all(found):
            continue
        numbered = {int(f[1]): image for f, image in zip(found, images, strict=True)}
        if len(numbered) == len(images):
            break
    else:
        fail(f'{folder}: names of images must have a number each, such as 00000000.png')
    for number, following in pairwise(sorted(numbered)):
        if following != number + 1:
            fail(f'{folder}: no frame {number + 1} between {number} and {following}')
    return numbered


def _files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in suffixes and path.is_file() and not path.name.startswith('.')
    )
