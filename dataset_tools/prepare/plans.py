"""Which frames of a download go into which set, one function for each public set.

Every function takes the unpacked folders and gives plans; nothing is written here.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dataset_tools.manifest import DatasetError
from dataset_tools.prepare.public_sets import REDS4, SETS, Comparison, Shape, compare
from dataset_tools.prepare.sources import (
    Source,
    by_name,
    find_images,
    find_videos,
    image_source,
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
        still: Whether that first frame is repeated instead of playing on.
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
        key: Which public set, e.g. ``reds/train``; what follows the slash is the output's folder.
        cuts: Its videos; those of one source follow each other.
        faults: What is missing or not as the papers have it.
        notes: What else the user should know.
        halved: Whether frames are halved in size.
        by_hand: Whether the papers' set cannot be had whole, so that faults stop nobody.
    """

    key: str
    cuts: tuple[Cut, ...]
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    halved: bool = False
    by_hand: bool = False


def plan_named(key: str) -> Callable[[list[Path]], list[Plan]]:
    """Planner of a set whose videos have known names: Vid4, Quasi-Static, SPMCS."""

    def plan(roots: list[Path]) -> list[Plan]:
        return [_named(key, find_videos(roots, hr_only=True))]

    return plan


def plan_reds(roots: list[Path], static_copies: bool = False) -> list[Plan]:
    """REDS: training videos without REDS4, REDS4, and four validation videos.

    Args:
        roots: Folders with ``train_sharp`` and ``val_sharp`` in them, or one of these.
        static_copies: Whether each validation video is joined by its first frame as a still.
    """
    sources = find_videos(roots, hr_only=True)
    train = [source for source in sources if 'train_sharp' in source.parts]
    val = [source for source in sources if 'val_sharp' in source.parts]
    # Of the other validation videos there is nothing to say: nobody uses them here.
    validation = replace(_named('reds/redsval4', val), notes=())
    return [
        _named('reds/train', [source for source in train if source.name not in REDS4]),
        _named('reds/reds4', [source for source in train if source.name in REDS4]),
        _with_stills(validation) if static_copies else validation,
    ]


def plan_vimeo(
    roots: list[Path], validation: Sequence[str] = (), static_copies: bool = False
) -> list[Plan]:
    """The collection of FRVSR and TecoGAN: clips of 120 frames, and validation videos as they are.

    Args:
        roots: Folders of frame folders (``scene_2000``) or of video files.
        validation: Names of the videos that are kept out of training.
        static_copies: Whether each validation video is joined by its first frame as a still.

    Raises:
        DatasetError: No video has the name of a validation video.
    """
    sources = by_name(find_videos(roots))
    absent = [name for name in validation if name not in sources]
    if absent:
        raise DatasetError(
            f'no video is called {", ".join(absent)}; there are {", ".join(sources) or "none"}'
        )
    held_out = {name: sources.pop(name) for name in validation}
    cuts, notes = _clips(list(sources.values()), CLIP_FRAMES)
    shapes = {cut.name: replace(cut.source.shape, frames=cut.frames) for cut in cuts}
    found = compare(SETS['vimeo/train'], shapes)
    plans = [Plan('vimeo/train', tuple(cuts), found.faults, tuple(notes), by_hand=True)]
    if held_out:
        shapes = {name: source.shape for name, source in held_out.items()}
        found = compare(SETS['vimeo/val4'], shapes)
        whole = tuple(_whole(name, source) for name, source in held_out.items())
        plan = Plan('vimeo/val4', whole, found.faults, by_hand=True)
        plans.append(_with_stills(plan) if static_copies else plan)
    return plans


def plan_ristn(roots: list[Path], sequences: int) -> list[Plan]:
    """RISTN's training set: 5-frame sequences of halved 1080p videos, drawn with a fixed seed.

    Args:
        roots: Folders of video files or of frame folders.
        sequences: How many to draw; they do not overlap.
    """
    sources = by_name(find_videos(roots))
    found = compare(SETS['ristn-train'], {name: source.shape for name, source in sources.items()})
    cuts, notes = _clips(list(sources.values()), SEQUENCE_FRAMES)
    faults = found.faults
    if len(cuts) < sequences:
        faults += (f'{len(cuts)} sequences instead of {sequences}',)
    else:
        chosen = sorted(random.Random(0).sample(range(len(cuts)), sequences))
        cuts = [cuts[index] for index in chosen]
    return [Plan('ristn-train', tuple(cuts), faults, tuple(notes), halved=True, by_hand=True)]


def plan_set5(roots: list[Path]) -> list[Plan]:
    """Set5: five images as videos of one frame, by name or as SelfExSR numbers them."""
    names = SETS['set5'].names
    pattern = re.compile(rf'({"|".join(names)}|img_00([1-5]))(_GT|_HR|_SRF_4_HR)?', re.IGNORECASE)
    sources = []
    for path in find_images(roots):
        match = pattern.fullmatch(path.stem)
        if match:
            name = names[int(match[2]) - 1] if match[2] else match[1].lower()
            sources.append(image_source(name, path))
    plan = _named('set5', sources)
    note = 'PSNR on Set5 is usually taken without a border of 4 pixels; so is Table 1 of RISTN'
    return [replace(plan, notes=(*plan.notes, note))]


def plan_images(roots: list[Path], count: int | None = None, least: int = 1) -> list[Plan]:
    """Any images as videos of one frame.

    Args:
        roots: Images, and folders of images however deep.
        count: How many to draw, with a fixed seed; None takes all.
        least: Leave out those with a side of fewer pixels.
    """
    paths = find_images(roots)
    sources, notes, small = [], [], 0
    for path in random.Random(0).sample(paths, len(paths)):
        if len(sources) == count:
            break
        try:
            source = image_source(path.stem, path)
        except DatasetError as error:
            notes.append(f'left out: {error}')
            continue
        if min(source.shape.height, source.shape.width) < least:
            small += 1
        else:
            sources.append(source)
    if small:
        notes.append(f'{small} images with a side below {least} pixels left out')
    if count and len(sources) < count:
        notes.append(f'{len(sources)} images instead of {count}')
    plan = _all('images', sorted(sources, key=lambda source: source.name))
    return [replace(plan, notes=tuple(notes))]


def plan_folder(roots: list[Path]) -> list[Plan]:
    """Any folders of frames; nothing is expected of them."""
    return [_all('folder', [source for source in find_videos(roots) if not source.is_file])]


def plan_video(roots: list[Path]) -> list[Plan]:
    """Any video files; nothing is expected of them."""
    return [_all('video', [source for source in find_videos(roots) if source.is_file])]


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


def _named(key: str, sources: list[Source]) -> Plan:
    expected = SETS[key]
    wanted = {name.lower(): name for name in expected.names}
    found = by_name(
        [replace(source, name=wanted.get(source.name.lower(), source.name)) for source in sources]
    )
    comparison = compare(expected, {name: source.shape for name, source in found.items()})
    return Plan(
        key,
        tuple(_whole(name, found[name]) for name in comparison.used),
        comparison.faults,
        _surplus(comparison),
    )


def _all(key: str, sources: list[Source]) -> Plan:
    return Plan(key, tuple(_whole(name, source) for name, source in by_name(sources).items()))


def _surplus(comparison: Comparison) -> tuple[str, ...]:
    return (comparison.surplus,) if comparison.surplus else ()


def _whole(name: str, source: Source) -> Cut:
    return Cut(name, source, 0, source.shape.frames)


def _with_stills(plan: Plan) -> Plan:
    stills = tuple(replace(cut, name=f'{cut.name}_static', still=True) for cut in plan.cuts)
    return replace(plan, cuts=plan.cuts + stills)


def _clips(sources: list[Source], length: int) -> tuple[list[Cut], list[str]]:
    """Cuts videos into clips that follow each other; a rest at the end is left out."""
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
