"""The ``degrade`` tool: makes a set with LR frames from existing HR videos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dataset_tools.frames import list_frames
from dataset_tools.kinds import Layout
from dataset_tools.manifest import MANIFEST, DatasetError, VideoSet
from dataset_tools.sources import describe_source, frame_paths
from dataset_tools.writer import build_set


def make_degraded_set(
    source_root: str | Path,
    output_root: str | Path,
    degradations: Sequence[str] = ('bd',),
    pad: bool = False,
    jobs: int | None = None,
) -> tuple[VideoSet, bool]:
    """Makes a set with ``gt`` and LR frames from HR videos.

    Args:
        source_root: A set, whose ``gt`` is used, or a folder of folders of numbered images.
        output_root: The set to make; its frames are numbered from 0.
        degradations: Of ``DEGRADATIONS``; ``bd`` makes the kind ``lr_bd``, and so on.
        pad: Whether sizes that 4 does not divide are padded by reflection; otherwise they are
            cropped. Either is logged.
        jobs: Frames made in parallel; None means all cores.

    Returns:
        The set, and whether it was made now (False: it was there already).

    Raises:
        DatasetError: See ``build_set``; also a folder without videos, gaps in numbering, or images
            that cannot be read.
    """
    source_root = Path(source_root)
    if (source_root / MANIFEST).is_file():
        videos, source = _from_set(VideoSet.load(source_root))
    else:
        videos, source = _from_folder(source_root)
    made = sorted(set(degradations))
    return build_set(
        output_root,
        tool='degrade',
        parameters={'kind': '+'.join(made)} | ({'pad': 'reflect'} if pad else {}),
        source=source,
        total=sum(map(len, videos.values())),
        videos=videos.items(),
        layout=Layout(made=tuple(f'lr_{kind}' for kind in made), pad=pad),
        jobs=jobs,
    )


def _from_set(source: VideoSet) -> tuple[dict[str, list[Path]], dict[str, Any]]:
    videos = {
        video.name: frame_paths(source, video.name, range(video.frames))
        for video in source.videos.values()
    }
    return videos, describe_source(source)


def _from_folder(folder: Path) -> tuple[dict[str, list[Path]], dict[str, Any]]:
    """Lists videos; the manifest records their count and bytes, since hashing takes long."""
    if not folder.is_dir():
        raise DatasetError(
            f'{folder}: no such folder; give a folder that holds one folder of frames per video'
        )
    videos = {
        path.name: list_frames(path)
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith('.')
    }
    if not videos:
        raise DatasetError(
            f'{folder}: holds no video; it needs one folder of numbered images for each video'
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
