"""Decides which frames of a download go into which set, one function for each public set.

Every function takes the unpacked folders and returns plans; nothing is written here.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dataset_tools.manifest import DatasetError
from dataset_tools.prepare.naming import Found, by_name, prefer_hr, with_unique_names
from dataset_tools.prepare.public_sets import REDS4, SETS, Shape, compare
from dataset_tools.prepare.sources import (
    Source,
    find_images,
    find_videos,
    open_image,
    open_source,
)

CLIP_FRAMES = 120
SEQUENCE_FRAMES = 5


@dataclass(frozen=True)
class Cut:
    """A video of the set to make.

    Attributes:
        name: Its name.
        source: Where its frames come from.
        start: First frame there.
        frames: Its length.
        still: Whether that first frame is repeated for the whole video.
    """

    name: str
    source: Source
    start: int
    frames: int
    still: bool = False


@dataclass(frozen=True)
class Plan:
    """A set to make.

    Attributes:
        key: Which public set, e.g. ``reds/train``; the part after the slash is the output folder.
        cuts: Its videos; those of one source are consecutive.
        faults: What is missing or differs from the papers.
        notes: What else the user should know.
        halved: Whether frames are halved in size.
        by_hand: Whether the papers' set is not completely available, so that faults are only noted.
    """

    key: str
    cuts: tuple[Cut, ...]
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    halved: bool = False
    by_hand: bool = False


def plan_named(key: str) -> Callable[[list[Path]], list[Plan]]:
    """Returns the planner of a set whose videos have known names: Vid4, Quasi-Static, SPMCS."""

    def plan(roots: list[Path]) -> list[Plan]:
        return [_named(key, find_videos(roots, hr_only=True))]

    return plan


def plan_reds(roots: list[Path], static_copies: bool = False) -> list[Plan]:
    """Plans REDS: training videos without REDS4, REDS4, and four validation videos.

    Args:
        roots: Folders with ``train_sharp`` and ``val_sharp`` in them, or one of these.
        static_copies: Whether to add the first frame of each validation video as a still.
    """
    found = find_videos(roots, hr_only=True)
    train = [video for video in found if 'train_sharp' in video.parts]
    val = [video for video in found if 'val_sharp' in video.parts]
    # The other validation videos are not used, so there is no note on them.
    validation = replace(_named('reds/redsval4', val), notes=())
    return [
        _named('reds/train', [video for video in train if video.name not in REDS4]),
        _named('reds/reds4', [video for video in train if video.name in REDS4]),
        _with_stills(validation) if static_copies else validation,
    ]


def plan_vimeo(
    roots: list[Path], validation: Sequence[str] = (), static_copies: bool = False
) -> list[Plan]:
    """Plans the collection of FRVSR and TecoGAN: clips of 120 frames, and whole validation videos.

    Args:
        roots: Folders of frame folders (``scene_2000``) or of video files.
        validation: Names of the videos that are left out of training.
        static_copies: Whether to add the first frame of each validation video as a still.

    Raises:
        DatasetError: No video has the name of a validation video.
    """
    sources, left_out = _sources(find_videos(roots))
    absent = [name for name in validation if name not in sources]
    if absent:
        raise DatasetError(
            f'no video is called {", ".join(absent)}; there are {", ".join(sources) or "none"}'
        )
    held_out = {name: sources.pop(name) for name in validation}
    cuts, notes = _clips(list(sources.values()), CLIP_FRAMES)
    shapes = {cut.name: replace(cut.source.shape, frames=cut.frames) for cut in cuts}
    faults, _ = compare(SETS['vimeo/train'], shapes)
    plans = [Plan('vimeo/train', tuple(cuts), faults, (*left_out, *notes), by_hand=True)]
    if held_out:
        shapes = {name: source.shape for name, source in held_out.items()}
        faults, _ = compare(SETS['vimeo/val4'], shapes)
        whole = tuple(map(_whole, held_out.values()))
        plan = Plan('vimeo/val4', whole, faults, by_hand=True)
        plans.append(_with_stills(plan) if static_copies else plan)
    return plans


def plan_ristn(roots: list[Path], sequences: int) -> list[Plan]:
    """Plans RISTN's training set: 5-frame sequences of halved 1080p videos, with a fixed seed.

    Args:
        roots: Folders of video files or of frame folders.
        sequences: How many to draw; they do not overlap.
    """
    sources, left_out = _sources(find_videos(roots))
    shapes = {name: source.shape for name, source in sources.items()}
    faults, _ = compare(SETS['ristn-train'], shapes)
    cuts, notes = _clips(list(sources.values()), SEQUENCE_FRAMES)
    if len(cuts) < sequences:
        faults += (f'{len(cuts)} sequences instead of {sequences}',)
    else:
        chosen = sorted(random.Random(0).sample(range(len(cuts)), sequences))
        cuts = [cuts[index] for index in chosen]
    told = (*left_out, *notes)
    return [Plan('ristn-train', tuple(cuts), faults, told, halved=True, by_hand=True)]


def plan_set5(roots: list[Path]) -> list[Plan]:
    """Plans Set5: five images as videos of one frame, by name or as SelfExSR numbers them."""
    names = SETS['set5'].names
    pattern = re.compile(rf'({"|".join(names)}|img_00([1-5]))(_GT|_HR|_SRF_4_HR)?', re.IGNORECASE)
    found = []
    for image in find_images(roots):
        match = pattern.fullmatch(image.stem)
        if match:
            name = names[int(match[2]) - 1] if match[2] else match[1].lower()
            found.append(replace(image, name=name))
    plan = _named('set5', found, open_image)
    note = 'PSNR on Set5 is usually taken without a border of 4 pixels; so is Table 1 of RISTN'
    return [replace(plan, notes=(*plan.notes, note))]


def plan_images(roots: list[Path], count: int | None = None, least: int = 1) -> list[Plan]:
    """Plans any images as videos of one frame.

    Args:
        roots: Images, and folders with images at any depth.
        count: How many to draw, with a fixed seed; None for all.
        least: Skip images with a side of fewer pixels.
    """
    images, left_out = prefer_hr(find_images(roots))
    chosen: dict[Found, Source] = {}
    notes, small = list(left_out), 0
    for image in random.Random(0).sample(images, len(images)):
        if len(chosen) == count:
            break
        try:
            source = open_image(image)
        except DatasetError as error:
            notes.append(f'left out: {error}')
            continue
        if min(source.shape.height, source.shape.width) < least:
            small += 1
        else:
            chosen[image] = source
    if small:
        notes.append(f'{small} images with a side below {least} pixels left out')
    if count and len(chosen) < count:
        notes.append(f'{len(chosen)} images instead of {count}')
    named = zip(with_unique_names(list(chosen)), chosen.values(), strict=True)
    sources = sorted((replace(s, name=image.name) for image, s in named), key=lambda s: s.name)
    return [Plan('images', tuple(map(_whole, sources)), notes=tuple(notes))]


def plan_folder(roots: list[Path]) -> list[Plan]:
    """Plans any folders of frames, without comparing them with anything."""
    return [_all('folder', [video for video in find_videos(roots) if not video.stem])]


def plan_video(roots: list[Path]) -> list[Plan]:
    """Plans any video files, without comparing them with anything."""
    return [_all('video', [video for video in find_videos(roots) if video.stem])]


PLANNERS: dict[str, Callable[..., list[Plan]]] = {
    'vid4': plan_named('vid4'),
    'reds': plan_reds,
    'vimeo': plan_vimeo,
    'ristn-train': plan_ristn,
    'quasi-static': plan_named('quasi-static'),
    'spmcs': plan_named('spmcs'),
    'set5': plan_set5,
    'images': plan_images,
    'folder': plan_folder,
    'video': plan_video,
}


def _named(key: str, found: list[Found], look: Callable[[Found], Source] = open_source) -> Plan:
    """Plans a set whose videos have known names; other videos are not read."""
    expected = SETS[key]
    wanted = {name.lower(): name for name in expected.names}
    found, notes = prefer_hr([replace(v, name=wanted.get(v.name.lower(), v.name)) for v in found])
    own = by_name(video for video in found if video.name in expected.names)
    sources = {name: look(own[name]) for name in expected.names if name in own}
    surplus = {video.name for video in found} - set(sources)
    shapes = {name: source.shape for name, source in sources.items()}
    faults, surplus_note = compare(expected, shapes, surplus)
    notes = (*notes, *([surplus_note] if surplus_note else []))
    return Plan(key, tuple(map(_whole, sources.values())), faults, notes)


def _all(key: str, found: list[Found]) -> Plan:
    sources, notes = _sources(found)
    return Plan(key, tuple(map(_whole, sources.values())), notes=notes)


def _sources(found: list[Found]) -> tuple[dict[str, Source], tuple[str, ...]]:
    """Returns name -> video, without those next to HR frames, and a note about these."""
    found, notes = prefer_hr(found)
    return {video.name: open_source(video) for video in with_unique_names(found)}, notes


def _whole(source: Source) -> Cut:
    return Cut(source.name, source, 0, source.shape.frames)


def _with_stills(plan: Plan) -> Plan:
    stills = tuple(replace(cut, name=f'{cut.name}_static', still=True) for cut in plan.cuts)
    return replace(plan, cuts=plan.cuts + stills)


def _clips(sources: list[Source], length: int) -> tuple[list[Cut], list[str]]:
    """Cuts videos into consecutive clips; a remainder at the end is left out."""
    cuts, notes = [], []
    for source in sources:
        starts = range(0, source.shape.frames - length + 1, length)
        if not starts:
            notes.append(
                f'{source.name}: {_frames(source.shape)}, too few for a clip of {length}; left out'
            )
        for number, start in enumerate(starts):
            name = source.name if source.shape.frames == length else f'{source.name}_{number:04d}'
            cuts.append(Cut(name, source, start, length))
    return cuts, notes


def _frames(shape: Shape) -> str:
    return f'{shape.frames} frame' + 's' * (shape.frames != 1)
