"""The files of a packed set, as its manifest lists them.

The manifest's entry ``packed`` is ``{"format", "frames", "tiles", "files"}``: frames per shard,
tile size of each kind, and kind -> video -> file -> [bytes, SHA-256].
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any, NamedTuple

from dataset_tools.manifest import MANIFEST, DatasetError, VideoSet
from dataset_tools.schema import check_sha256

PACK_FORMAT = 2
ABOUT = 'zarr.json'
MAKE_AGAIN = 'delete the packed set and make it again'


class PackedFile(NamedTuple):
    """Size and checksum that a file of a packed set should have."""

    bytes: int
    sha256: str


def shard(number: int) -> str:
    """Returns the path of a shard below the folder of its video."""
    return f'c/{number}/0/0/0'


def array_files(folder: Path) -> dict[str, list[Any]]:
    """Returns the files of a packed video, as the manifest lists them."""
    files = {}
    for path in sorted(path for path in folder.rglob('*') if path.is_file()):
        data = path.read_bytes()
        name = path.relative_to(folder).as_posix()
        files[name] = [len(data), hashlib.sha256(data).hexdigest()]
    return files


def packed_files(video_set: VideoSet) -> dict[tuple[str, str], dict[str, PackedFile]]:
    """Returns the files of a packed set: (kind, video) -> file -> size and checksum.

    Raises:
        DatasetError: Not a packed set of this format, or its list of files is impossible.
    """
    about = video_set.manifest.get('packed')
    if not isinstance(about, dict) or about.get('format') != PACK_FORMAT:
        raise DatasetError(
            f'{video_set.root}: not a packed set of format {PACK_FORMAT}; make it with '
            '`python -m dataset_tools pack SET --output SET_PACKED`'
        )
    frames = about.get('frames')
    try:
        if type(frames) is not int or frames < 1:
            raise ValueError(f'{frames!r:.40} frames a shard')
        return {
            (kind, video): _listed(video_set, kind, video, about['files'][kind][video], frames)
            for kind in video_set.kinds
            for video in video_set.videos
        }
    except (KeyError, TypeError, ValueError) as error:
        reason = f'no entry {error}' if isinstance(error, KeyError) else error
        raise DatasetError(
            f'{video_set.root / MANIFEST}: packed: cannot be right ({reason}); {MAKE_AGAIN}'
        ) from error


def _listed(
    video_set: VideoSet, kind: str, video: str, listed: dict[str, Any], frames: int
) -> dict[str, PackedFile]:
    different = len(set(video_set.manifest['videos'][video][kind]['sha256']))
    # There may be more, if only a part of the set is used.
    shards = max(len(listed) - 1, math.ceil(different / frames))
    if set(listed) != {ABOUT, *map(shard, range(shards))}:
        raise ValueError(f'{kind}/{video} lists other files than {different} frames have')
    for name, (size, sha256) in listed.items():
        if type(size) is not int or size < 1:
            raise ValueError(f'{kind}/{video}/{name}: {size!r:.40} bytes')
        check_sha256(sha256, f'{kind}/{video}/{name}')
    return {name: PackedFile(*about) for name, about in listed.items()}
