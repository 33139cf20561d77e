"""Finds videos of a set's scenes on which a network collapses soonest, and a perturbation.

Each scene, the first frame of a video, becomes a still video, sliding windows that move by 1, 2, 4
and 8 LR pixels per frame, and a gamma video. On the worst still video, the first frame is then
changed by a few grey levels such that the SR frame at the end of a clip changes most. This is the
direction in which the recurrence amplifies, after the spatio-temporal receptive fields of Tanay et
al. (2021); it is found by projected gradient ascent.

Frames are scored by their gain over bicubic interpolation, because the PSNR of a gamma video
changes with its brightness. :mod:`harness.runs.collapse` defines collapse.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from dataset_tools.crop import crop
from dataset_tools.degrade.filters import degrade, phase
from dataset_tools.frames import LazyFrame
from dataset_tools.gamma import gamma
from dataset_tools.manifest import SCALE, VideoSet
from dataset_tools.schema import DEGRADATIONS
from dataset_tools.sliding_window import sliding_window
from dataset_tools.sources import stills
from dataset_tools.static import static
from harness.errors import fail
from harness.evaluation.bicubic import bicubic
from harness.evaluation.inference import super_resolve
from harness.evaluation.metrics import psnr, rgb_to_y
from harness.networks.recurrent import RecurrentNet
from harness.runs.collapse import find_collapse, running_level
from harness.runs.evaluations import Crop

STEPS = (1, 2, 4, 8)  # LR pixels per frame
GAMMA = (1 / 1.5, 1.5, 100)  # smallest, largest, period in frames


class Candidate(NamedTuple):
    """A video to try; its HR frames (h, w, 3), uint8, are made on demand."""

    scene: str
    kind: str
    frames: Callable[[], Iterator[LazyFrame]]


def candidates(
    test_set: VideoSet, window: tuple[int, int], frames: int
) -> Iterator[tuple[str, list[Candidate]]]:
    """Yields each scene with its videos.

    Args:
        test_set: Has the scenes.
        window: The (height, width) of the videos in LR pixels; smaller frames are used whole.
        frames: The length of the videos.
    """
    for scene, frame in stills(test_set, 0):
        middle = crop(frame, window)
        size = (middle.shape[0] // SCALE, middle.shape[1] // SCALE)
        makers = {'still': partial(static, middle, frames)}
        for step in STEPS:
            if frame.shape[1] // SCALE - size[1] >= step:
                slide = partial(sliding_window, frame, size, step, 'horizontal', frames)
                makers[f'slide {step}'] = slide
        makers['gamma'] = partial(gamma, middle, *GAMMA, frames)
        yield scene, [Candidate(scene, kind, make) for kind, make in makers.items()]


class _Picture(NamedTuple):
    """An HR frame's luma, its LR frame, and Y-PSNR (dB) of the latter's bicubic interpolation."""

    y: np.ndarray
    lr: np.ndarray
    bicubic: float

    @classmethod
    def of(cls, y: np.ndarray, lr: np.ndarray, lr_kind: str) -> '_Picture':
        whole = Crop(0, 0, *y.shape)
        return cls(y, lr, psnr(y, rgb_to_y(bicubic(lr, whole, phase(lr_kind)))))


def curve(
    net: RecurrentNet,
    frames: Iterable[LazyFrame],
    lr_kind: str,
    device: torch.device,
    length: int,
    first_lr: np.ndarray | None = None,
) -> pd.DataFrame:
    """Y-PSNR (dB) of every frame, and that of bicubic interpolation.

    Args:
        net: The network on ``device``.
        frames: The HR frames.
        lr_kind: How LR frames are made from them.
        device: The device of the network.
        length: The number of frames.
        first_lr: Replaces the first LR frame.

    Returns:
        Columns frame, psnr_y and bicubic.
    """
    known, keys = {}, []  # repeated frames, as in still videos, are made and scored once
    for frame in frames:
        keys.append(frame.key)
        if frame.key not in known:
            hr = frame.make()
            known[frame.key] = _Picture.of(rgb_to_y(hr), degrade(hr, lr_kind), lr_kind)
    pictures = [known[key] for key in keys]
    if first_lr is not None:
        pictures[0] = _Picture.of(pictures[0].y, first_lr, lr_kind)
    srs = super_resolve(net, [picture.lr for picture in pictures], device, length)
    rows = [
        (number, psnr(picture.y, rgb_to_y(sr.rgb)), picture.bicubic)
        for number, (picture, sr) in enumerate(zip(pictures, srs, strict=True))
    ]
    return pd.DataFrame(rows, columns=['frame', 'psnr_y', 'bicubic'])


def summary(curve: pd.DataFrame, bidirectional: bool = False) -> dict[str, float]:
    """The frame of collapse (NaN if none), and the best, last and worst running gain (dB)."""
    frame, _ = find_collapse(curve['psnr_y'], curve['bicubic'], bidirectional)
    gain = running_level(curve['psnr_y'] - curve['bicubic'])
    collapse = np.nan if frame is None else frame
    return dict(collapse=collapse, best=gain.max(), last=gain[-1], worst=gain.min())


def perturbed(
    net: RecurrentNet,
    lr: np.ndarray,
    device: torch.device,
    levels: int = 2,
    frames: int = 15,
    steps: int = 20,
) -> tuple[np.ndarray, float]:
    """Changes the first frame of a still video such that a later SR frame changes most.

    Args:
        net: The network on ``device``.
        lr: The LR frame (H, W, 3), uint8.
        device: The device of the network.
        levels: The maximum change of a pixel in grey levels.
        frames: The length of the clip whose last SR frame is to change.
        steps: The number of steps of projected gradient ascent on its squared difference.

    Returns:
        The changed frame (H, W, 3), uint8; and the root mean square of the change in the last SR
        frame divided by that in the changed frame.

    Raises:
        UserError: No gradient reaches the frame.
    """
    still = torch.from_numpy(lr).to(device).permute(2, 0, 1).float() / 255
    rest = still.expand(1, frames - 1, *still.shape)
    cond = net.condition(torch.cat([still[None, None], rest], 1), 0, frames)
    net.eval()

    def last_frame(first: Tensor) -> Tensor:
        return net.unroll(torch.cat([first[None, None], rest], 1), None, cond).frames[0, -1]

    with torch.no_grad():
        target = last_frame(still)
    limit = levels / 255
    rng = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, still.shape, generator=rng).to(still) * 2 - 1
    change = limit * signs
    for _ in range(steps):
        change.requires_grad_()
        loss = (last_frame(still + change) - target).square().mean()
        if not loss.requires_grad:
            fail('this network has no gradient, so no perturbation can be found')
        (gradient,) = torch.autograd.grad(loss, change)
        ascent = limit / 4 * gradient.nan_to_num().sign()  # NaN: the network has blown up
        change = (change.detach() + ascent).clamp(-limit, limit)
        change = (still + change).clamp(0, 1) - still
    changed = ((still + change) * 255).round()
    with torch.no_grad():
        after = (last_frame(changed / 255) - target).square().mean().sqrt()
    before = (changed / 255 - still).square().mean().sqrt()
    growth = after / before.clamp(min=1e-6)  # 0 if no pixel can be changed
    return changed.byte().permute(1, 2, 0).cpu().numpy(), float(growth)


def search(
    net: RecurrentNet,
    test_set: VideoSet,
    lr_kind: str,
    device: torch.device,
    window: tuple[int, int],
    frames: int,
    on_video: Callable[[str], None],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tries all candidates, and the perturbation on the worst still video.

    Args:
        net: The network on ``device``.
        test_set: Has the scenes.
        lr_kind: The LR frames that the network takes.
        device: The device of the network.
        window, frames: See :func:`candidates`.
        on_video: Called with the name of each video before it is run.

    Returns:
        A row for each video (scene, kind, and the results of :func:`summary`), the worst first; and
        the curves (scene, kind, frame, psnr_y, bicubic).

    Raises:
        UserError: LR frames of this kind cannot be made.
        DatasetError: The set has no ground truth.
    """
    if lr_kind not in (known := [f'lr_{name}' for name in DEGRADATIONS]):
        fail(f'lr_kind {lr_kind!r}: LR frames are made from the scenes as {", ".join(known)}')
    test_set.require('gt')
    rows, curves, scenes = [], [], {}

    def run(
        scene: str, kind: str, hrs: Iterable[LazyFrame], first_lr: np.ndarray | None = None
    ) -> None:
        on_video(f'{scene}, {kind}')
        found = curve(net, hrs, lr_kind, device, frames, first_lr)
        rows.append(dict(scene=scene, kind=kind, **summary(found, net.bidirectional)))
        curves.append(found.assign(scene=scene, kind=kind))

    for scene, videos in candidates(test_set, window, frames):
        scenes[scene] = videos[0]
        for video in videos:
            run(scene, video.kind, video.frames())
    of_stills = _ranked(pd.DataFrame([row for row in rows if row['kind'] == 'still']))
    worst = scenes[of_stills['scene'].iloc[0]]
    lr = degrade(next(worst.frames()).make(), lr_kind)
    changed, growth = perturbed(net, lr, device, frames=min(15, frames))
    run(worst.scene, f'still, perturbed (x{growth:.2g})', worst.frames(), changed)
    columns = ['scene', 'kind', 'frame', 'psnr_y', 'bicubic']
    return _ranked(pd.DataFrame(rows)), pd.concat(curves, ignore_index=True)[columns]


def _ranked(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values(['collapse', 'worst'], na_position='last', ignore_index=True)
