"""What SR frames in figures are shown beside: GT, LR and bicubic interpolation, once for a grid.

In ``references/<set>/`` of the grid's work directory: ``<video>/<frame:08d>_gt.png``, ``_lr.png``
and ``_bicubic.png`` (and ``_mask.png`` of sets with masks), ``<video>/profile_gt.png`` and
``profile_bicubic.png``, and ``images.json``, which lists them.
"""

import tempfile
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from dataset_tools.degrade.filters import phase
from dataset_tools.manifest import SCALE, VideoSet
from harness.errors import fail
from harness.runs.files import read_json, write_json

from .images import Crop, Selection, VideoSelection, write_png
from .videos import set_frames, set_masks


def write_references(
    folder: Path, test_set: VideoSet, selection: Selection, lr_kind: str = 'lr_bd'
) -> None:
    """Writes the references of a set unless they are there already.

    Several commands may do so at once. A folder that was made by something else stays.

    Args:
        folder: ``references/<set>``; what it held for another selection is removed.
        test_set: the set.
        selection: what runs keep of it.
        lr_kind: LR frames that runs are evaluated on.

    Raises:
        DatasetError: a frame cannot be read.
        UserError: the folder holds something else.
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
    """Makes ``draft`` the folder; what was there goes to ``old``."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / 'images.json').is_file():
        fail(f'{folder}: holds something else than references (no images.json); move it away')
    with suppress(FileNotFoundError):  # there was none, or another command has just moved it
        folder.rename(old)
    try:
        draft.rename(folder)
    except OSError:
        if read_json(folder / 'images.json') != read_json(draft / 'images.json'):
            raise  # nobody else has put the same there


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
    return list(test_set.videos[video].sizes['gt'])


def _write_video(
    folder: Path, test_set: VideoSet, video: str, chosen: VideoSelection, lr_kind: str
) -> None:
    gts, lrs = (set_frames(test_set, kind, video) for kind in ('gt', lr_kind))
    masks = set_masks(test_set, video)
    row = Crop(chosen.row, 0, 1, test_set.videos[video].sizes['gt'][1])
    profiles = dict(gt=[], bicubic=[])
    start = phase(lr_kind.removeprefix('lr_'))
    for number, (gt, lr, mask) in enumerate(zip(gts, lrs, masks, strict=True)):
        profiles['gt'].append(row.cut(gt)[0])
        profiles['bicubic'].append(bicubic(lr, row, start)[0])
        if number in chosen.frames:
            write_png(folder / f'{number:08d}_gt.png', chosen.crop.cut(gt))
            write_png(folder / f'{number:08d}_lr.png', chosen.crop.cut(lr, SCALE))
            write_png(folder / f'{number:08d}_bicubic.png', bicubic(lr, chosen.crop, start))
            if mask is not None:
                write_png(folder / f'{number:08d}_mask.png', chosen.crop.cut(mask))
    for kind, rows in profiles.items():
        write_png(folder / f'profile_{kind}.png', np.stack(rows))


def bicubic(lr: np.ndarray, crop: Crop, start: float = 0) -> np.ndarray:
    """Part of the x4 bicubic interpolation (a = -0.75) of an LR frame (h, w, 3), uint8 RGB.

    LR pixel i lies on HR pixel 4i + ``start``. These are the frames of :class:`BicubicUpsampler`
    (up to rounding) without torch.
    """
    rows = (np.arange(crop.top, crop.top + crop.height, dtype=np.float32) - start) / SCALE
    columns = (np.arange(crop.left, crop.left + crop.width, dtype=np.float32) - start) / SCALE
    x, y = np.meshgrid(columns, rows)
    sr = cv2.remap(lr.astype(np.float32), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.rint(np.clip(sr, 0, 255)).astype(np.uint8)
