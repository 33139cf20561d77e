"""Runs a network on a set folder, scores every frame and writes one CSV row per frame."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size, is_main_process

from dataset_tools.manifest import DatasetError, VideoSet
from harness.data import prefetch
from harness.evaluation.frame import SRFrame
from harness.evaluation.frames_csv import write_frames
from harness.evaluation.images import ImageSaver
from harness.evaluation.inference import super_resolve
from harness.evaluation.protocol import Protocol, size_text, to_8_bits
from harness.evaluation.protocols import DEFAULT
from harness.evaluation.scorer import VideoScorer, metric_columns
from harness.evaluation.shift import FRAMES, find_shift, psnr_of_shifts
from harness.evaluation.videos import set_frames, set_masks
from harness.networks.recurrent import RecurrentNet
from harness.runs.resets import Reset

#: number of SR frames by which the network may be ahead of scoring, because bidirectional networks
#: return several at once
FRAMES_AHEAD = 8


def evaluate_set(
    net: RecurrentNet,
    test_set: VideoSet,
    output: Path,
    lr_kind: str = 'lr_bd',
    device: str | torch.device = 'cpu',
    on_frame: Callable[[], None] | None = None,
    metrics: Sequence[str] = (),
    images: ImageSaver | None = None,
    reset: Reset | None = None,
    protocol: Protocol = DEFAULT,
) -> pd.DataFrame:
    """Super-resolves all videos of a set from their first frame on, and scores every frame.

    In a distributed process group, each rank processes some of the videos and returns the whole
    table. Decoding, the network and scoring run in parallel if this cannot slow down the network:
    if it is on a GPU, or on one of several processors. Videos follow each other: a batch of several
    would have other last digits on a GPU, and on CPUs a grid's ``jobs`` occupy all processors.

    Args:
        net: The network, already on ``device``.
        test_set: The set folder.
        output: CSV file to write, with the columns video, frame (0-based), psnr_y (dB), ssim_y,
            those of ``metrics`` and of the set's masks, and ms (milliseconds of the network). It
            appears only when it is complete.
        lr_kind: The LR frames to use.
        device: The device of the network.
        on_frame: Called after each frame.
        metrics: Metrics besides PSNR and SSIM.
        images: Saves selected SR frames.
        reset: How the state is reset, see :func:`super_resolve`.
        protocol: How to score; frames that it drops have no row. Unless it rounds frames, it gets
            the network's output before rounding to 8-bit RGB.

    Returns:
        The table. ``attrs['shift']`` is the :class:`Shift` that would score better, or None;
        ``attrs['resets']`` maps videos to the frames before which a guard has reset the state;
        ``attrs['not_finite']`` is the number of SR frames with NaN or infinite pixels.

    Raises:
        DatasetError: A frame is missing or unreadable, GT and SR sizes differ, or a video is too
            short for the protocol.
    """
    test_set.require(lr_kind if protocol.against_lr else 'gt', lr_kind)
    has_masks = 'mask' in test_set.kinds and not protocol.against_lr
    columns = metric_columns(metrics, has_masks)
    beside = prefetch if runs_beside(torch.device(device)) else _one_by_one
    scoring = _Scoring(test_set, lr_kind, columns, images, protocol, beside)
    rows: list[dict] = []
    resets: dict[str, list[int]] = {}
    not_finite: list[int] = []
    for video in list(test_set.videos)[get_rank() :: get_world_size()]:
        srs: Iterable[SRFrame] = super_resolve(
            net,
            beside(set_frames(test_set, lr_kind, video)),
            device,
            test_set.videos[video].frames,
            reset,
            rounded=protocol.rounds,
        )
        srs = beside(_as_in_this_thread(srs, torch.device(device)), FRAMES_AHEAD)
        srs = _noting(srs, resets.setdefault(video, []), not_finite)
        for row in scoring.rows(video, srs):
            if row:
                rows.append(row)
            if on_frame:
                on_frame()
    rows = _in_set_order(all_gather_object(rows), test_set)
    table = pd.DataFrame(rows, columns=['video', 'frame', *columns, 'ms'])
    table.attrs['shift'] = find_shift(
        [s for share in all_gather_object(scoring.shifts) for s in share]
    )
    shares = all_gather_object(resets)
    table.attrs['resets'] = {v: n for share in shares for v, n in share.items() if n}
    table.attrs['not_finite'] = sum(all_gather_object(len(not_finite)))
    if is_main_process():
        write_frames(table, output)
    return table


def runs_beside(device: torch.device) -> bool:
    """Whether other work can run beside a network on ``device`` without affecting its time."""
    has_room = torch.get_num_threads() == 1 and len(os.sched_getaffinity(0)) > 1
    return device.type == 'cuda' or has_room


def _one_by_one(items: Iterable, ahead: int = 0) -> Iterable:
    return items


def _as_in_this_thread(srs: Iterable, device: torch.device) -> Iterator:
    """Yields ``srs``; another thread that does so gets this thread's settings of PyTorch."""
    threads = torch.get_num_threads()
    gpu = torch.cuda.current_device() if device.type == 'cuda' else None

    def make() -> Iterator:
        torch.set_num_threads(threads)
        if gpu is not None:
            torch.cuda.set_device(gpu)
        yield from srs

    return make()


def _in_set_order(shares: list[list[dict]], test_set: VideoSet) -> list[dict]:
    order = {name: number for number, name in enumerate(test_set.videos)}
    rows = [row for share in shares for row in share]
    return sorted(rows, key=lambda row: (order[row['video']], row['frame']))


def summarize(table: pd.DataFrame) -> tuple[float, float]:
    """PSNR (dB) and SSIM, averaged over the frames of each video and then over videos."""
    means = table.groupby('video')[['psnr_y', 'ssim_y']].mean().mean()
    return means.psnr_y, means.ssim_y


def _noting(srs: Iterable[SRFrame], resets: list[int], not_finite: list[int]) -> Iterator[SRFrame]:
    """Yields the frames, and adds the numbers of special ones to the lists."""
    for number, sr in enumerate(srs):
        if sr.is_reset:
            resets.append(number)
        if not sr.is_finite:
            not_finite.append(number)
        yield sr


@dataclass
class _Scoring:
    """Scores the videos of a set, and collects ``shifts`` for :func:`find_shift`."""

    test_set: VideoSet
    lr_kind: str
    columns: Sequence[str]
    images: ImageSaver | None
    protocol: Protocol
    beside: Callable[[Iterable], Iterable]
    shifts: list = field(default_factory=list)

    def rows(self, video: str, srs: Iterable) -> Iterator[dict | None]:
        """Yields a row for each frame; None for those that the protocol drops."""
        scorer = VideoScorer(self.columns, self.protocol, self.lr_kind)
        kept = self._kept(video)
        rows: list[dict] = []
        for number, (gt, mask, sr) in enumerate(self._frames(video, srs)):
            if self.images:
                self.images.add(video, number, to_8_bits(sr.rgb))
            if number in FRAMES and not self.protocol.against_lr:
                self.shifts.append(psnr_of_shifts(gt, sr.rgb))
            if number not in kept:
                yield None
                continue
            with self._told(video):
                scores = scorer(gt, sr.rgb, mask)
            rows.append(dict(video=video, frame=number, **scores, ms=sr.ms))
            yield rows[-1]
        with self._told(video):
            scorer.fill(rows)

    def _kept(self, video: str) -> range:
        drop = self.protocol.drop
        kept = range(drop, self.test_set.videos[video].frames - drop)
        if not kept:
            raise DatasetError(
                f'{self.test_set.root}: {video} is too short for protocol {self.protocol.name}, '
                f'which drops {drop} frames at each end'
            )
        return kept

    def _frames(self, video: str, srs: Iterable) -> Iterator[tuple]:
        """Yields the frame to compare with, a mask or None, and the SR frame."""
        target = self.lr_kind if self.protocol.against_lr else 'gt'
        targets = set_frames(self.test_set, target, video)
        masks = set_masks(self.test_set, video)
        pairs = self.beside(zip(targets, masks, strict=True))
        for number, ((gt, mask), sr) in enumerate(zip(pairs, srs, strict=True)):
            if gt.shape != sr.rgb.shape and not self.protocol.against_lr:
                raise DatasetError(
                    f'{self.test_set.root}: {video} frame {number} is {size_text(gt)} in gt, but '
                    f'its {self.lr_kind} frame was super-resolved to {size_text(sr.rgb)}'
                )
            yield gt, mask, sr

    @contextmanager
    def _told(self, video: str) -> Iterator[None]:
        try:
            yield
        except ValueError as error:
            raise DatasetError(f'{self.test_set.root}: {video}: {error}') from error
