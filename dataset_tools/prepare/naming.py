"""Selects the HR videos of a download, and names them.

A folder that only says "these are the HR frames" (``GT/calendar``, ``calendar/truth``) does not
name a video.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dataset_tools.manifest import DatasetError

_HR_FOLDERS = {'gt', 'hr', 'truth', 'original', 'target', 'sharp', 'train_sharp', 'val_sharp'}
_LR_FOLDER = re.compile(
    r'(lr|lq|bi|bd|x\d)(x\d.*|[_-].*|)|(input|inter|bicubic|blur|gaussian).*|.*_(blur|bicubic).*'
)


@dataclass(frozen=True)
class Found:
    """A video that was found in a download; its content has not been read.

    Attributes:
        path: A folder of images, a video file or an image.
        given: Name of the folder, file or archive that the user gave and that contains it.
        folders: Names of the folders that lead to it, outermost first; the last may be its own.
        stem: For a video file or image, its name without suffix; empty for a folder of images.
        name: Its name; by default its stem or the last folder that says more than "HR".
    """

    path: Path
    given: str
    folders: tuple[str, ...]
    stem: str = ''
    name: str = ''

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, 'name', (self.naming_parts or self.parts)[-1])

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders that lead to it and, if it is a file, its stem."""
        return (*self.folders, self.stem) if self.stem else self.folders

    @property
    def naming_parts(self) -> tuple[str, ...]:
        """Its parts without the folders that say only "HR"."""
        folders = tuple(folder for folder in self.folders if folder.lower() not in _HR_FOLDERS)
        return (*folders, self.stem) if self.stem else folders

    @property
    def says_hr(self) -> bool:
        """Whether it is a folder whose own name says only "HR"."""
        return not self.stem and self.folders[-1].lower() in _HR_FOLDERS

    @property
    def is_hr(self) -> bool:
        """Whether its own name or that of a folder above it says "HR"."""
        return len(self.naming_parts) < len(self.parts)

    @property
    def is_lr(self) -> bool:
        """Whether a folder on its path is named like LR frames (``BIx4``, ``LR``)."""
        return any(_LR_FOLDER.fullmatch(part.lower()) for part in self.parts[1:])

    def __str__(self) -> str:
        return '/'.join((*self.folders, *([self.path.name] if self.stem else [])))


def prefer_hr(found: Sequence[Found]) -> tuple[list[Found], tuple[str, ...]]:
    """Drops results, LR frames and the like that lie next to HR frames of the same video.

    These are folders next to one whose name says "HR" (``calendar/output``, ``calendar/original``),
    and videos with the name of one below such a folder (``results/calendar``, ``GT/calendar``).

    Returns:
        The videos to use, and a note about the dropped ones.
    """
    # Files that the user named are always used.
    places = {video.folders[:-1] for video in found if video.says_hr} - {()}
    beside = {v for v in found if v.folders[:-1] in places and not (v.says_hr or v.stem)}
    names = {video.name for video in found if video.is_hr and video not in beside}
    beside |= {video for video in found if video.name in names and not video.is_hr}
    if not beside:
        return list(found), ()
    example = next(video for video in found if video in beside)
    kept = [video for video in found if video not in beside]
    return kept, (f'{len(beside)} videos beside HR frames left out, e.g. {example}',)


def with_unique_names(found: Sequence[Found]) -> list[Found]:
    """Prefixes names with parent folders until they are unique, e.g. ``00001_0001``.

    Raises:
        DatasetError: Two videos have the same path in folders of the same name.
    """
    longest = max((len(video.parts) for video in found), default=0)
    for all_parts in (False, True):
        for length in range(1 + all_parts, longest + 1):
            parts = [v.parts if all_parts else v.naming_parts or v.parts for v in found]
            names = ['_'.join(each[-length:]) for each in parts]
            if len(set(names)) == len(names):
                return [replace(v, name=name) for v, name in zip(found, names, strict=True)]
    return list(by_name(found).values())


def by_name(found: Iterable[Found]) -> dict[str, Found]:
    """Returns name -> video.

    Raises:
        DatasetError: Two videos have the same name.
    """
    named: dict[str, Found] = {}
    for video in found:
        other = named.setdefault(video.name, video)
        if other is not video:
            raise DatasetError(
                f'two videos are called {video.name}: {other} and {video}; {_advice(other, video)}'
            )
    return named


def _advice(one: Found, other: Found) -> str:
    for depth, (here, there) in enumerate(zip(one.parts, other.parts, strict=False), 1):
        if here != there:
            folders = ('/'.join(video.parts[:depth]) for video in (one, other))
            return f'give only one of {" and ".join(folders)}'
    return 'give the folder above both, or only one of them'
