"""Set folders as the rest of the project sees them: ``manifest.json`` and the paths of frames.

A set is ``<root>/<kind>/<video>/%08d.png`` (8-bit RGB, numbered from 0) and a ``manifest.json``.
Kinds are ``gt``, ``lr_bd``, ``lr_bi`` and ``mask`` (grey); a set of changed LR has no ``gt``.
Standard library only, so that whoever reads a manifest imports nothing heavy.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MANIFEST = 'manifest.json'
FORMAT = 1
SCALE = 4

_HOW_TO_MAKE = (
    'make sets with `python -m dataset_tools sample --output data/sample`, or from your own frames '
    'with `python -m dataset_tools degrade FOLDER --output SET`'
)


class DatasetError(RuntimeError):
    """Something is wrong with a set, frame or video; one line: what, where, how to mend it."""


@dataclass(frozen=True)
class Video:
    """One video of a set.

    Attributes:
        name: Folder name below each kind.
        frames: Number of frames, at least 1.
        sizes: Kind -> (height, width) in pixels, e.g. ``{"gt": (136, 320), "lr_bd": (34, 80)}``.
    """

    name: str
    frames: int
    sizes: dict[str, tuple[int, int]]


@dataclass(frozen=True)
class VideoSet:
    """A set folder, read from its manifest.

    Attributes:
        root: The set folder.
        name: The name it was made under; the folder may have been renamed since.
        scale: Size of ``gt`` over that of the LR kinds.
        checksum: SHA-256 over video names, kinds and frame checksums: what it holds, not where.
        kinds: The kinds of frames, e.g. ``("gt", "lr_bd")``.
        videos: Name -> video, in the manifest's order.
        manifest: The whole manifest, as parsed.
    """

    root: Path
    name: str
    scale: int
    checksum: str
    kinds: tuple[str, ...]
    videos: dict[str, Video]
    manifest: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def load(cls, root: str | Path) -> VideoSet:
        """Reads a set's manifest; looks at no frame.

        Args:
            root: The set folder.

        Raises:
            DatasetError: No such folder, no manifest in it, or one that is damaged.
        """
        root = Path(root)
        manifest = _read_manifest(root)
        try:
            if manifest['format'] != FORMAT:
                raise ValueError(f'format {manifest["format"]!r} instead of {FORMAT}')
            kinds = tuple(manifest['kinds'])
            return cls(
                root=root,
                name=str(manifest['name']),
                scale=int(manifest['scale']),
                checksum=str(manifest['checksum']),
                kinds=kinds,
                videos={n: _parse_video(n, v, kinds) for n, v in manifest['videos'].items()},
                manifest=manifest,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = f'no entry {error}' if isinstance(error, KeyError) else error
            raise DatasetError(
                f'{root / MANIFEST}: not a valid manifest ({reason}); delete {root} and make it '
                f'again: {_HOW_TO_MAKE}'
            ) from error

    @property
    def packed(self) -> bool:
        """Whether frames are in the tiled store that ``pack`` makes, instead of PNG files."""
        return 'packed' in self.manifest

    def frame_path(self, kind: str, video: str, index: int) -> Path:
        """Path of one frame.

        Args:
            kind: One of ``kinds``.
            video: One of ``videos``.
            index: Frame number, 0 <= index < frames.

        Raises:
            DatasetError: The set has no such frame.
        """
        if kind not in self.kinds or video not in self.videos:
            raise DatasetError(
                f'{self.root}: no {kind}/{video} in this set (kinds: {", ".join(self.kinds)}; '
                f'videos: {", ".join(self.videos)})'
            )
        frames = self.videos[video].frames
        if not 0 <= index < frames:
            raise DatasetError(
                f'{self.root}: no frame {index} in {video}, which has {frames} frames'
            )
        return frame_file(self.root, kind, video, index)

    def require(self, *kinds: str) -> None:
        """Sees that the set has frames of these kinds.

        Raises:
            DatasetError: It has not.
        """
        for kind in kinds:
            if kind not in self.kinds:
                raise DatasetError(
                    f'{self.root}: has no "{kind}" frames, only {", ".join(self.kinds)}'
                )

    def quick_check(self) -> None:
        """Sees that every frame file is there and each video's first has its size.

        ``verify`` compares the bytes. The store of a packed set is checked where it is opened.

        Raises:
            DatasetError: A frame file is missing, or no PNG of the size in the manifest.
        """
        if self.packed:
            return
        for kind in self.kinds:
            for video in self.videos.values():
                for index in range(video.frames):
                    path = frame_file(self.root, kind, video.name, index)
                    if not os.path.exists(path):
                        raise self._damaged(path, 'frame is missing')
                first, (height, width) = (
                    frame_file(self.root, kind, video.name, 0),
                    video.sizes[kind],
                )
                found = png_size(first)
                if found is None:
                    raise self._damaged(first, 'not a PNG file')
                if found != (height, width):
                    wrong = f'{found[1]}x{found[0]} instead of {width}x{height} pixels'
                    raise self._damaged(first, wrong)

    def _damaged(self, path: Path, problem: str) -> DatasetError:
        return DatasetError(
            f'{path}: {problem}; `python -m dataset_tools verify {self.root}` lists all the '
            f'damage, deleting {self.root} and making it again mends it'
        )


def frame_file(root: Path, kind: str, video: str, index: int) -> Path:
    """The one place that knows how frame files are called."""
    return root / f'{kind}/{video}/{index:08d}.png'


def png_size(path: Path) -> tuple[int, int] | None:
    """(height, width) of a PNG file by its first bytes; None if they are not a PNG's."""
    with path.open('rb') as file:
        head = file.read(24)
    if len(head) < 24 or not head.startswith(b'\x89PNG\r\n\x1a\n'):
        return None
    width, height = struct.unpack('>II', head[16:])
    return height, width


def content_checksum(videos: dict[str, dict[str, Any]], kinds: tuple[str, ...]) -> str:
    """SHA-256 over video names, kinds and frame checksums; the order of names is no matter."""
    content = [
        [name, [[kind, videos[name][kind]['sha256']] for kind in sorted(kinds)]]
        for name in sorted(videos)
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def write_manifest(
    folder: Path,
    *,
    name: str,
    tool: str,
    parameters: dict[str, Any],
    source: Any,
    kinds: dict[str, dict[str, Any]],
    videos: dict[str, dict[str, Any]],
    files: dict[str, str] | None = None,
) -> None:
    """Writes ``manifest.json``; the last thing that is done to a set.

    Args:
        folder: Where the frames are at the moment.
        name: Name of the set.
        tool: Name of the tool that made it.
        parameters: The tool's parameters, JSON values.
        source: Where frames come from: a set with its checksum, or files with frame ranges.
        kinds: Kind -> how its frames were made.
        videos: Name -> ``{"frames": n, <kind>: {"height", "width", "sha256": [one a frame]}}``.
        files: Name -> SHA-256 of further files beside the manifest.
    """
    manifest = {
        'format': FORMAT,
        'name': name,
        'tool': tool,
        'parameters': parameters,
        'source': source,
        'scale': SCALE,
        'kinds': kinds,
        'checksum': content_checksum(videos, tuple(kinds)),
        'videos': videos,
    }
    if files:
        manifest['files'] = files
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + '\n', encoding='utf-8')


def find_existing(
    root: Path,
    tool: str,
    parameters: dict[str, Any],
    source: Any,
    kinds: tuple[str, ...] = ('gt', 'lr_bd'),
) -> VideoSet | None:
    """Looks whether an output folder already holds the set that is about to be made.

    Frames are not hashed again, only looked for, so that asking twice costs nothing.

    Returns:
        The set, or None where the folder is absent or empty.

    Raises:
        DatasetError: The folder holds something else, or the set with a frame missing.
    """
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return None
    if not (root / MANIFEST).is_file():
        raise DatasetError(f'{root}: exists and is not a set; move it or choose another output')
    found = VideoSet.load(root)
    wanted = {'tool': tool, 'parameters': parameters, 'source': source, 'kinds': kinds}
    held = {**found.manifest, 'kinds': list(found.kinds)}
    for key, value in json.loads(json.dumps(wanted)).items():
        if held.get(key) != value:
            raise DatasetError(
                f'{root}: holds a set with a different {key} entry; delete it or choose another'
            )
    found.quick_check()
    return found


def _read_manifest(root: Path) -> dict[str, Any]:
    if not root.is_dir():
        raise DatasetError(f'{root}: no such set folder; {_HOW_TO_MAKE}')
    path = root / MANIFEST
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError as error:
        raise DatasetError(f'{root}: no {MANIFEST} in this folder; {_HOW_TO_MAKE}') from error
    except (OSError, ValueError) as error:
        raise DatasetError(
            f'{path}: cannot be read as JSON ({error}); delete {root} and make it again: '
            f'{_HOW_TO_MAKE}'
        ) from error


def _parse_video(name: str, entry: dict[str, Any], kinds: tuple[str, ...]) -> Video:
    frames = int(entry['frames'])
    for kind in kinds:
        checksums = len(entry[kind]['sha256'])
        if not frames == checksums >= 1:
            raise ValueError(f'{name}: {checksums} {kind} checksums for {frames} frames')
    sizes = {kind: (int(entry[kind]['height']), int(entry[kind]['width'])) for kind in kinds}
    return Video(name, frames, sizes)
