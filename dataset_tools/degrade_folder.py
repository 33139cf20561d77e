"""The ``degrade`` tool: a set with LR frames from HR videos that exist already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dataset_tools.frames import list_frames, read_frames
from dataset_tools.manifest import MANIFEST, DatasetError, VideoSet
from dataset_tools.sources import describe_source
from dataset_tools.writer import build_set


def make_degraded_set(source_root: str | Path, output_root: str | Path) -> tuple[VideoSet, bool]:
    """Makes a set with ``gt`` (cropped to a multiple of 4) and ``lr_bd`` from HR videos.

    Args:
        source_root: A set, of which ``gt`` is used, or a folder of folders of numbered images.
        output_root: The set to make; frames are numbered from 0 whatever the source's numbers.

    Returns:
        The set, and whether it was made now (False: already there).

    Raises:
        DatasetError: See ``build_set``; also a folder without videos, gaps in numbering, or images
            that cannot be read.
    """
    source_root = Path(source_root)
    if (source_root / MANIFEST).is_file():
        videos, source = _from_set(VideoSet.load(source_root))
    else:
        videos, source = _from_folder(source_root)
    return build_set(
        output_root,
        tool='degrade',
        parameters={'kind': 'bd'},
        source=source,
        total=sum(map(len, videos.values())),
        videos=((name, read_frames(paths)) for name, paths in videos.items()),
    )


def _from_set(source: VideoSet) -> tuple[dict[str, list[Path]], dict[str, Any]]:
    videos = {
        video.name: [source.frame_path('gt', video.name, index) for index in range(video.frames)]
        for video in source.videos.values()
    }
    return videos, describe_source(source)


def _from_folder(folder: Path) -> tuple[dict[str, list[Path]], dict[str, Any]]:
    """Lists videos; the manifest knows them by count and bytes: hashing them would take long."""
    if not folder.is_dir():
        raise DatasetError(
            f'{folder}: no such folder; give a folder that holds one folder of frames a video'
        )
    videos = {
        path.name: list_frames(path)
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith('.')
    }
    if not videos:
        raise DatasetError(
            f'{folder}: holds no video; wanted one folder of numbered images for each video'
        )
    described = {
        name: {
            'first_file': paths[0].name,
            'frames': len(paths),
            'bytes': sum(path.stat().st_size for path in paths),
        }
        for name, paths in videos.items()
    }
    return videos, {'folder': folder.resolve().name, 'videos': described}
