"""Saves the references for SR frames in figures, once per grid: GT, LR and bicubic interpolation.

For sets without GT, only the other two are saved. ``references/<set>/`` in the grid's work
directory contains ``<video>/<frame:08d>_gt.png``, ``_lr.png`` and ``_bicubic.png`` (and
``_mask.png`` for sets with masks), ``<video>/profile_gt.png`` and ``profile_bicubic.png``, and
``images.json``, which lists them.
"""

import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np

from dataset_tools.degrade.filters import phase
from dataset_tools.manifest import SCALE, VideoSet
from harness.errors import fail
from harness.evaluation.bicubic import bicubic
from harness.evaluation.images import Crop, Selection, VideoSelection, write_png
from harness.evaluation.videos import set_frames, set_masks
from harness.runs.files import read_json, write_json


def write_references(
    folder: Path, test_set: VideoSet, selection: Selection, lr_kind: str = 'lr_bd'
) -> None:
    """Writes the references of a set unless they exist already.

    Several commands may do so at the same time. A folder with other content is not touched.

    Args:
        folder: ``references/<set>``; references for another selection are removed.
        test_set: The set.
        selection: What runs save of it.
        lr_kind: The LR frames on which runs are evaluated.

    Raises:
        DatasetError: A frame cannot be read.
        UserError: The folder contains something else.
    """
    content = _describe(test_set, selection, lr_kind)
    if read_json(folder / 'images.json') == content:
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='.references-', dir=folder.parent) as temporary:
        draft = Path(temporary) / 'new'
        draft.mkdir()
        for video, chosen in selection.items():
            _write_video(draft / video, test_set, video, chosen, lr_kind)
        write_json(draft / 'images.json', content)
        _put_in_place(draft, folder, Path(temporary) / 'old')


def _put_in_place(draft: Path, folder: Path, old: Path) -> None:
    """Moves ``draft`` to ``folder``, and an existing folder to ``old``."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / 'images.json').is_file():
        fail(f'{folder}: contains something other than references (no images.json); move it away')
    with suppress(FileNotFoundError):  # it did not exist, or another command has just moved it
        folder.rename(old)
    try:
        draft.rename(folder)
    except OSError:
        if read_json(folder / 'images.json') != read_json(draft / 'images.json'):
            raise  # otherwise another command has written the same


def _describe(test_set: VideoSet, selection: Selection, lr_kind: str) -> dict:
    images = [
        dict(video=video, frame=frame, crop=list(chosen.crop), size=_size(test_set, video))
        for video, chosen in selection.items()
        for frame in chosen.frames
    ]
    profiles = [
        dict(video=video, row=chosen.row, frames=chosen.length)
        for video, chosen in selection.items()
    ]
    masks = {'masks': True} if 'mask' in test_set.kinds else {}
    return dict(
        checksum=test_set.checksum, lr_kind=lr_kind, images=images, profiles=profiles, **masks
    )


def _size(test_set: VideoSet, video: str) -> list[int]:
    return list(test_set.videos[video].hr_size)


def _write_video(
    folder: Path, test_set: VideoSet, video: str, chosen: VideoSelection, lr_kind: str
) -> None:
    row = Crop(chosen.row, 0, 1, test_set.videos[video].hr_size[1])
    start = phase(lr_kind)
    profile = []
    frames = zip(set_frames(test_set, lr_kind, video), set_masks(test_set, video), strict=True)
    for number, (lr, mask) in enumerate(frames):
        profile.append(bicubic(lr, row, start)[0])
        if number in chosen.frames:
            write_png(folder / f'{number:08d}_lr.png', chosen.crop.cut(lr, SCALE))
            write_png(folder / f'{number:08d}_bicubic.png', bicubic(lr, chosen.crop, start))
            if mask is not None:
                write_png(folder / f'{number:08d}_mask.png', chosen.crop.cut(mask))
    write_png(folder / 'profile_bicubic.png', np.stack(profile))
    if 'gt' in test_set.kinds:
        _write_gt(folder, set_frames(test_set, 'gt', video), chosen, row)


def _write_gt(folder: Path, gts: Iterable[np.ndarray], chosen: VideoSelection, row: Crop) -> None:
    profile = []
    for number, gt in enumerate(gts):
        profile.append(row.cut(gt)[0])
        if number in chosen.frames:
            write_png(folder / f'{number:08d}_gt.png', chosen.crop.cut(gt))
    write_png(folder / 'profile_gt.png', np.stack(profile))
