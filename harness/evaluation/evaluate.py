"""Scores a network on a set folder and writes one CSV row per frame."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Optional, Union

import numpy as np
import pandas as pd
import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size, is_main_process

from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.pack_reader import frame_reader
from harness.files import replacing
from harness.networks.recurrent import RecurrentNet

from .inference import super_resolve
from .metrics import psnr, rgb_to_y, ssim

COLUMNS = ['video', 'frame', 'psnr_y', 'ssim_y', 'ms']


def evaluate_set(
    net: RecurrentNet,
    test_set: VideoSet,
    output: Path,
    lr_kind: str = 'lr_bd',
    device: Union[str, torch.device] = 'cpu',
    on_frame: Optional[Callable[[], None]] = None,
) -> pd.DataFrame:
    """Super-resolves all videos of a set from their first frame on and scores every frame.

    In a distributed process group the videos are shared out; every rank returns the whole table.

    Args:
        net: the network, already on ``device``.
        test_set: the set folder.
        output: CSV file with the columns video, frame (0-based), psnr_y (dB), ssim_y and ms (time
            of the network). It appears only when it is complete.
        lr_kind: LR frames to use.
        device: where the network runs.
        on_frame: called after each frame.

    Raises:
        DatasetError: a frame is missing or unreadable, or GT and SR sizes differ.
    """
    test_set.require('gt', lr_kind)
    rows = []
    for video in list(test_set.videos)[get_rank() :: get_world_size()]:
        for row in _score_video(net, test_set, video, lr_kind, device):
            rows.append(row)
            if on_frame:
                on_frame()
    table = _in_set_order(all_gather_object(rows), test_set)
    if is_main_process():
        with replacing(output) as temporary:
            table.to_csv(temporary, index=False, float_format='%.6f')
    return table


def _in_set_order(shares: list[list[tuple]], test_set: VideoSet) -> pd.DataFrame:
    order = {name: number for number, name in enumerate(test_set.videos)}
    rows = [row for share in shares for row in share]
    return pd.DataFrame(sorted(rows, key=lambda r: (order[r[0]], r[1])), columns=COLUMNS)


def summarize(table: pd.DataFrame) -> tuple[float, float]:
    """PSNR (dB) and SSIM: mean over the frames of each video, then over videos."""
    means = table.groupby('video')[['psnr_y', 'ssim_y']].mean().mean()
    return means.psnr_y, means.ssim_y


def _score_video(net, test_set, video, lr_kind, device) -> Iterator[tuple]:
    gts = _read_frames(test_set, 'gt', video)
    length = test_set.videos[video].frames
    srs = super_resolve(net, _read_frames(test_set, lr_kind, video), device, length)
    for number, (gt, sr) in enumerate(zip(gts, srs, strict=True)):
        if gt.shape != sr.rgb.shape:
            raise DatasetError(
                f'{test_set.root}: {video} frame {number} is {_size(gt)} in gt, but its {lr_kind} '
                f'frame was super-resolved to {_size(sr.rgb)}'
            )
        gt_y, sr_y = rgb_to_y(gt), rgb_to_y(sr.rgb)
        try:
            yield video, number, psnr(gt_y, sr_y), ssim(gt_y, sr_y), sr.ms
        except ValueError as error:
            raise DatasetError(f'{test_set.root}: {video}: {error}') from error


def _size(image: np.ndarray) -> str:
    return f'{image.shape[1]}x{image.shape[0]}'


def _read_frames(test_set: VideoSet, kind: str, video: str) -> Iterator[np.ndarray]:
    """All frames of a video; a frame stored once (static videos) is decoded once."""
    read = frame_reader(test_set)
    checksums = test_set.manifest['videos'][video][kind]['sha256']
    previous = None
    for number, checksum in enumerate(checksums):
        if checksum != previous:
            image, previous = read(kind, video, number), checksum
        yield image
