"""Scores a network on a set folder and writes one CSV row per frame."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Optional, Union

import pandas as pd
import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size, is_main_process

from dataset_tools.manifest import DatasetError, VideoSet
from harness.networks.recurrent import RecurrentNet

from .frames_csv import write_frames
from .images import ImageSaver
from .inference import SRFrame, super_resolve
from .protocols import size_text
from .scorer import VideoScorer, metric_columns
from .shift import FRAMES, find_shift, psnr_of_shifts
from .videos import set_frames, set_masks


def evaluate_set(
    net: RecurrentNet,
    test_set: VideoSet,
    output: Path,
    lr_kind: str = 'lr_bd',
    device: Union[str, torch.device] = 'cpu',
    on_frame: Optional[Callable[[], None]] = None,
    metrics: Sequence[str] = (),
    images: Optional[ImageSaver] = None,
    reset_every: Optional[int] = None,
) -> pd.DataFrame:
    """Super-resolves all videos of a set from their first frame on and scores every frame.

    In a distributed process group the videos are shared out; every rank returns the whole table.

    Args:
        net: the network, already on ``device``.
        test_set: the set folder.
        output: CSV file with the columns video, frame (0-based), psnr_y (dB), ssim_y, others that
            ``metrics`` or the set's masks bring, and ms (time of the network). It appears only
            when it is complete.
        lr_kind: LR frames to use.
        device: where the network runs.
        on_frame: called after each frame.
        metrics: what to compute besides PSNR and SSIM.
        images: saves chosen SR frames.
        reset_every: set the state back every so many frames, see :func:`super_resolve`.

    Returns:
        The table; ``attrs['shift']`` is the :class:`Shift` that would score better, or None, and
        ``attrs['not_finite']`` the number of SR frames with NaN or infinite pixels.

    Raises:
        DatasetError: a frame is missing or unreadable, or GT and SR sizes differ.
    """
    test_set.require('gt', lr_kind)
    columns = metric_columns(metrics, 'mask' in test_set.kinds)
    rows, shifts, finite = [], [], []
    for video in list(test_set.videos)[get_rank() :: get_world_size()]:
        srs = super_resolve(
            net,
            set_frames(test_set, lr_kind, video),
            device,
            test_set.videos[video].frames,
            reset_every,
        )
        srs = _noting(srs, finite)
        for row in _score_video(srs, test_set, video, lr_kind, columns, images, shifts):
            rows.append(row)
            if on_frame:
                on_frame()
    rows = _in_set_order(all_gather_object(rows), test_set)
    table = pd.DataFrame(rows, columns=['video', 'frame', *columns, 'ms'])
    table.attrs['shift'] = find_shift([s for share in all_gather_object(shifts) for s in share])
    table.attrs['not_finite'] = sum(all_gather_object(finite.count(False)))
    if is_main_process():
        write_frames(table, output)
    return table


def _noting(srs: Iterable[SRFrame], finite: list[bool]) -> Iterator[SRFrame]:
    """The frames; whether each is finite is added to ``finite``."""
    for sr in srs:
        finite.append(sr.is_finite)
        yield sr


def _in_set_order(shares: list[list[dict]], test_set: VideoSet) -> list[dict]:
    order = {name: number for number, name in enumerate(test_set.videos)}
    rows = [row for share in shares for row in share]
    return sorted(rows, key=lambda row: (order[row['video']], row['frame']))


def summarize(table: pd.DataFrame) -> tuple[float, float]:
    """PSNR (dB) and SSIM: mean over the frames of each video, then over videos."""
    means = table.groupby('video')[['psnr_y', 'ssim_y']].mean().mean()
    return means.psnr_y, means.ssim_y


def _score_video(srs, test_set, video, lr_kind, columns, images, shifts) -> Iterator[dict]:
    scorer = VideoScorer(columns)
    gts, masks = set_frames(test_set, 'gt', video), set_masks(test_set, video)
    for number, (gt, mask, sr) in enumerate(zip(gts, masks, srs, strict=True)):
        if gt.shape != sr.rgb.shape:
            raise DatasetError(
                f'{test_set.root}: {video} frame {number} is {size_text(gt)} in gt, but its '
                f'{lr_kind} frame was super-resolved to {size_text(sr.rgb)}'
            )
        try:
            scores = scorer(gt, sr.rgb, mask)
        except ValueError as error:
            raise DatasetError(f'{test_set.root}: {video}: {error}') from error
        if number in FRAMES:
            shifts.append(psnr_of_shifts(gt, sr.rgb))
        if images:
            images.add(video, number, sr.rgb)
        yield dict(video=video, frame=number, **scores, ms=sr.ms)
