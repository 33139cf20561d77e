"""Set folders as the rest of the project sees them: ``manifest.json`` and the paths of frames.

A set is ``<root>/<kind>/<video>/%08d.png`` (8-bit RGB, numbered from 0) and a ``manifest.json``.
Kinds are ``gt``, ``lr_bd``, ``lr_bi``, .. (see ``DEGRADATIONS``) and ``mask`` (grey); a set of
changed LR frames has no ``gt``. Nothing outside the set folder is read: names cannot point outside
(see ``name_problem``), and links may only point to files of the same set, as for repeated frames.
The set folder itself may be a link. Imports only the standard library.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from dataset_tools.limits import size_text
from dataset_tools.schema import DEGRADATIONS as DEGRADATIONS  # what reads sets takes
from dataset_tools.schema import SCALE as SCALE  # these from here
from dataset_tools.schema import check_manifest

MANIFEST = 'manifest.json'

_HOW_TO_MAKE = (
    'make sets with `python -m dataset_tools sample --output data/sample`, or from your own frames '
    'with `python -m dataset_tools degrade FOLDER --output SET`'
)


class DatasetError(RuntimeError):
    """Something is wrong with a set, frame or video; one line: what, where, how to fix it."""


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

    @property
    def hr_size(self) -> tuple[int, int]:
        """(height, width) of HR frames, even if there are none."""
        if 'gt' in self.sizes:
            return self.sizes['gt']
        height, width = next(size for kind, size in self.sizes.items() if kind != 'mask')
        return SCALE * height, SCALE * width


@dataclass(frozen=True)
class VideoSet:
    """A set folder, read from its manifest.

    Attributes:
        root: The set folder.
        name: The name it was made under; the folder may have been renamed since.
        scale: Size of ``gt`` divided by that of the LR kinds.
        checksum: SHA-256 over video names, kinds and frame checksums; paths do not matter.
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
        """Reads a set's manifest, but no frame.

        Args:
            root: The set folder.

        Raises:
            DatasetError: No such folder, no manifest in it, or one that is damaged or impossible.
        """
        root = Path(root)
        manifest = _read_manifest(root)
        try:
            check_manifest(manifest)
        except (ValueError, RecursionError) as error:
            raise DatasetError(
                f'{root / MANIFEST}: not a valid manifest ({error}); delete {root} and make it '
                f'again: {_HOW_TO_MAKE}'
            ) from error
        kinds = tuple(manifest['kinds'])
        return cls(
            root=root,
            name=manifest['name'],
            scale=manifest['scale'],
            checksum=manifest['checksum'],
            kinds=kinds,
            videos={n: _video(n, entry, kinds) for n, entry in manifest['videos'].items()},
            manifest=manifest,
        )

    @cached_property
    def _resolved(self) -> str:
        return os.path.realpath(self.root)

    def place(self, *parts: str) -> Path:
        """Returns the path of a file or folder in the set.

        Args:
            parts: Names of its folders below the root, and its own.

        Raises:
            DatasetError: A link on the path leads out of the set.
        """
        path = self.root.joinpath(*parts)
        resolved = os.path.realpath(path)
        if os.path.commonpath([resolved, self._resolved]) != self._resolved:
            raise DatasetError(
                f'{path}: leads out of the set, to {resolved}; links in a set may only lead to '
                'files of that set, so put the file itself there'
            )
        return path

    @property
    def packed(self) -> bool:
        """Whether frames are in the tiled store that ``pack`` makes, not in PNG files."""
        return 'packed' in self.manifest

    @property
    def lr_kinds(self) -> tuple[str, ...]:
        """The kinds of LR frames, in the order of ``DEGRADATIONS``."""
        return tuple(kind for name in DEGRADATIONS if (kind := f'lr_{name}') in self.kinds)

    def frame_path(self, kind: str, video: str, index: int) -> Path:
        """Returns the path of one frame.

        Args:
            kind: One of ``kinds``.
            video: One of ``videos``.
            index: Frame number, 0 <= index < frames.

        Raises:
            DatasetError: The set has no such frame, or a link in its place leads out of the set.
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
        return self.place(kind, video, frame_name(index))

    def require(self, *kinds: str) -> None:
        """Checks that the set has frames of these kinds.

        Raises:
            DatasetError: It does not.
        """
        for kind in kinds:
            if kind not in self.kinds:
                raise DatasetError(
                    f'{self.root}: has no "{kind}" frames, only {", ".join(self.kinds)}'
                )

    def quick_check(self) -> None:
        """Checks that every frame file is there and each video's first has the right size.

        ``verify`` compares the bytes. The store of a packed set is checked when it is opened.

        Raises:
            DatasetError: A frame file is missing, or not a PNG of the size in the manifest.
        """
        if self.packed:
            return
        for kind in self.kinds:
            for video in self.videos.values():
                self._check_frames(kind, video)

    def _check_frames(self, kind: str, video: Video) -> None:
        folder = self.place(kind, video.name)
        try:
            present = {entry.name: entry for entry in os.scandir(folder)}
        except OSError:
            present = {}
        for index in range(video.frames):
            name = frame_name(index)
            if name in present and present[name].is_symlink():
                self.place(kind, video.name, name)
            if name not in present or not present[name].is_file():
                raise self._damaged(folder / name, 'frame is missing')
        first, size = folder / frame_name(0), video.sizes[kind]
        with first.open('rb') as file:
            found = png_size(file.read(24))
        if found is None:
            raise self._damaged(first, 'not a PNG file')
        if found != size:
            wrong = f'{size_text(found)} instead of {size_text(size)} pixels'
            raise self._damaged(first, wrong)

    def _damaged(self, path: Path, problem: str) -> DatasetError:
        return DatasetError(
            f'{path}: {problem}; `python -m dataset_tools verify {self.root}` lists all the '
            f'damage, deleting {self.root} and making it again mends it'
        )


def frame_name(index: int) -> str:
    """Returns the file name of a frame; the only place that knows it."""
    return f'{index:08d}.png'


def png_size(head: bytes) -> tuple[int, int] | None:
    """Returns (height, width) from the first 24 bytes of a PNG file; None for other files."""
    if len(head) < 24 or not head.startswith(b'\x89PNG\r\n\x1a\n'):
        return None
    width, height = struct.unpack('>II', head[16:24])
    return height, width


def content_checksum(videos: dict[str, dict[str, Any]], kinds: tuple[str, ...]) -> str:
    """Returns the SHA-256 over video names, kinds and frame checksums, in any order of names."""
    content = [
        [name, [[kind, videos[name][kind]['sha256']] for kind in sorted(kinds)]]
        for name in sorted(videos)
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def find_existing(
    root: Path,
    tool: str,
    parameters: dict[str, Any],
    source: Any,
    kinds: tuple[str, ...] = ('gt', 'lr_bd'),
) -> VideoSet | None:
    """Checks whether an output folder already holds the set that is about to be made.

    Frame files must exist, but are not hashed again.

    Returns:
        The set, or None if the folder is absent or empty.

    Raises:
        DatasetError: The folder holds something else, or a frame of the set is missing.
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
        # reading a pipe would block
        if not path.is_file():
            raise DatasetError(f'{root}: no {MANIFEST} in this folder; {_HOW_TO_MAKE}')
        return json.loads(path.read_text(encoding='utf-8-sig'))
    except OSError as error:
        raise DatasetError(f'{path}: cannot be read: {error.strerror}') from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(
            f'{path}: cannot be read as JSON ({error}); delete {root} and make it again: '
            f'{_HOW_TO_MAKE}'
        ) from error


def _video(name: str, entry: dict[str, Any], kinds: tuple[str, ...]) -> Video:
    sizes = {kind: (entry[kind]['height'], entry[kind]['width']) for kind in kinds}
    return Video(name, entry['frames'], sizes)
