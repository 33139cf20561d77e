"""Makes the planned sets of a public set, after reporting how it differs from the papers'.

An incomplete set is made only on request; its manifest records the differences.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dataset_tools.frames import Frame, LazyFrame, read_frame
from dataset_tools.kinds import Layout
from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.prepare.plans import PLANNERS, Cut, Plan
from dataset_tools.prepare.public_sets import SETS
from dataset_tools.prepare.sources import unpacked
from dataset_tools.static import static
from dataset_tools.video import decode_video
from dataset_tools.writer import build_set


def prepare(
    name: str,
    sources: list[Path],
    output_root: str | Path,
    kinds: Sequence[str] = ('bd',),
    allow_partial: bool = False,
    jobs: int | None = None,
    as_lr: bool = False,
    **options: Any,
) -> Iterator[str | tuple[VideoSet, bool]]:
    """Makes the sets of a public set, one per step of the iterator.

    Args:
        name: Which one, a key of ``PLANNERS``.
        sources: Folders, archives (zip, tar) or video files as downloaded.
        output_root: The set to make; for ``reds`` and ``vimeo`` the folder of their sets.
        kinds: Degradations of the LR frames, of ``DEGRADATIONS``.
        allow_partial: Whether to continue if something is missing or differs.
        jobs: Frames made in parallel; None means all cores.
        as_lr: Whether the frames are LR frames, of the one kind in ``kinds``, and there is no HR.
        **options: Options of the planner, e.g. ``static_copies=True``.

    Yields:
        First what is missing, surplus or different, a line each; then each set, and whether it was
        made now (False: it was there already).

    Raises:
        DatasetError: The set is incomplete, nothing usable was found, or frames cannot be read; no
            set is made before all have been checked.
    """
    output_root = Path(output_root)
    made = tuple(f'lr_{kind}' for kind in sorted(set(kinds)))
    if as_lr and len(made) > 1:
        raise DatasetError('--as-lr: LR frames are of exactly one --kind')
    layout = Layout(given=made[0], made=(), unchanged=True) if as_lr else Layout(made=made)
    with unpacked(sources, output_root) as roots:
        plans = PLANNERS[name](roots, **options)
        _check(name, sources, plans, allow_partial)
        for plan in plans:
            yield from _differences(plan)
        yield from dict.fromkeys(note for cut in _cuts(plans) for note in cut.source.notes)
        for plan in plans:
            if plan.cuts:
                yield _make(plan, output_root, layout, jobs)


def _check(name: str, sources: list[Path], plans: list[Plan], allow_partial: bool) -> None:
    where = ', '.join(map(str, sources))
    if not _cuts(plans):
        notes = '; '.join(line for plan in plans for line in (*plan.faults, *plan.notes))
        raise DatasetError(f'{where}: holds nothing for {name}' + f' ({notes})' * bool(notes))
    faults = [fault for plan in plans if not plan.by_hand for fault in plan.faults]
    faults += _faulty_videos(_cuts(plans))
    if faults and not allow_partial:
        raise DatasetError(
            f'{where}: {"; ".join(faults)}; --allow-partial goes on with what is there'
        )


def _cuts(plans: Iterable[Plan]) -> list[Cut]:
    return [cut for plan in plans for cut in plan.cuts]


def _faulty_videos(cuts: Iterable[Cut]) -> list[str]:
    faulty = {cut.source.name: cut.source.fault for cut in cuts if cut.source.fault}
    return [f'{name}: {fault}' for name, fault in faulty.items()]


def _differences(plan: Plan) -> list[str]:
    """Returns how a set differs from the papers' or from whole videos."""
    return [*plan.faults, *plan.notes, *_faulty_videos(plan.cuts)]


def _make(plan: Plan, output_root: Path, layout: Layout, jobs: int | None) -> tuple[VideoSet, bool]:
    _, _, folder = plan.key.partition('/')
    cuts = {
        cut.name: {
            'video': cut.source.name,
            'first_frame': cut.start,
            'frames': cut.frames,
            'still': cut.still,
        }
        for cut in plan.cuts
    }
    return build_set(
        output_root / folder,
        tool='prepare',
        parameters={'set': plan.key, 'halved': plan.halved, 'cuts': cuts},
        # Only of this set, so that the others of a download can be made later.
        source={
            'title': SETS[plan.key].title if plan.key in SETS else None,
            'given': sorted({cut.source.given for cut in plan.cuts}),
            'differences': _differences(plan),
            'videos': {cut.source.name: cut.source.describe() for cut in plan.cuts},
        },
        total=sum(cut.frames for cut in plan.cuts),
        videos=_read(plan),
        layout=layout,
        jobs=jobs,
    )


def _read(plan: Plan) -> Iterator[tuple[str, Iterable[Frame]]]:
    """Yields the frames of every cut; a video file is decoded only once."""
    for _, cuts in groupby(plan.cuts, key=lambda cut: (cut.source.name, cut.still)):
        stream, position = None, 0
        for cut in cuts:
            paths = cut.source.paths[cut.start : cut.start + cut.frames]
            if cut.still:
                yield cut.name, static(cut.source.first_frame(), cut.frames)
            elif not cut.source.is_file:
                yield cut.name, map(_lazily_halved, paths) if plan.halved else paths
            else:
                stream = stream or decode_video(cut.source.paths[0])
                frames = _exactly(cut, islice(stream, cut.start - position, None))
                position = cut.start + cut.frames
                yield cut.name, map(_halve, frames) if plan.halved else frames


def _exactly(cut: Cut, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    number = 0
    for frame in islice(frames, cut.frames):
        yield frame
        number += 1
    if number < cut.frames:
        raise DatasetError(
            f'{cut.source.paths[0]}: ends after {cut.start + number} frames of the '
            f'{cut.source.shape.frames} that were counted; was it changed?'
        )


def _halve(frame: np.ndarray) -> np.ndarray:
    size = (frame.shape[1] // 2, frame.shape[0] // 2)
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)


def _lazily_halved(path: Path) -> LazyFrame:
    return LazyFrame(path, lambda: _halve(read_frame(path)))
