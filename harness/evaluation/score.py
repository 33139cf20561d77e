"""Scores existing frames, from any source, against ground truth."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat, zip_longest
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from harness.errors import UserError, fail
from harness.evaluation.protocol import Protocol
from harness.evaluation.protocols import DEFAULT, PROTOCOLS
from harness.evaluation.scorer import VideoScorer, metric_columns
from harness.evaluation.shift import FRAMES, find_shift, psnr_of_shifts
from harness.evaluation.videos import FrameSource, find_videos

Pairs = dict[str, tuple[FrameSource, FrameSource]]  # name in GT -> frames of GT and of the results


def pair_videos(gt: Path, pred: Path, kind: str = 'gt') -> Pairs:
    """Matches videos by name; if both sides have only one, these two.

    Args:
        gt: The ground truth; see :func:`find_videos`.
        pred: The results; see :func:`find_videos`.
        kind: The LR kind if ``gt`` is LR frames, for protocol ``lr``.

    Raises:
        DatasetError: See :func:`find_videos`.
        UserError: The two do not have the same videos.
    """
    gts, preds = find_videos(gt, kind), find_videos(pred)
    if len(gts) == len(preds) == 1:
        preds = dict(zip(gts, preds.values(), strict=True))
    for place, found, wanted in ((pred, preds, gts), (gt, gts, preds)):
        absent = [name for name in wanted if name not in found]
        if absent:
            fail(f'{place}: no video {", ".join(absent)}; there are {", ".join(found)}')
    return {name: (open_gt(), preds[name]()) for name, open_gt in gts.items()}


def score(
    pairs: Pairs,
    protocol: Protocol = DEFAULT,
    metrics: Sequence[str] = (),
    on_frame: Callable[[], None] | None = None,
    lr_kind: str = 'lr_bd',
) -> pd.DataFrame:
    """Scores every frame of every video.

    Args:
        pairs: See :func:`pair_videos`; masks of GT are used.
        protocol: How to score.
        metrics: Metrics besides PSNR and SSIM.
        on_frame: Called after each frame.
        lr_kind: The degradation of SR if the protocol compares with LR.

    Returns:
        A row for each frame with the columns video, frame (number in GT, from 0) and those of
        :func:`metric_columns`; ``attrs['shift']`` is a :class:`Shift` that would score better, or
        None.

    Raises:
        UserError: Frame counts or sizes do not match, or a metric is not available.
        DatasetError: A frame cannot be read.
    """
    columns = metric_columns(metrics, any(gt.masks for gt, _ in pairs.values()))
    rows: list[dict] = []
    shifts: list[np.ndarray | None] = []
    for video, (gt, pred) in pairs.items():
        scorer = VideoScorer(columns, protocol, lr_kind)
        for row in _score_video(gt, pred, protocol, scorer, shifts):
            rows.append({'video': video} | row)
            if on_frame:
                on_frame()
        _finish(scorer, pred, [row for row in rows if row['video'] == video])
    table = pd.DataFrame(rows, columns=['video', 'frame', *columns])
    table.attrs['shift'] = find_shift(shifts)
    return table


def count_frames(pairs: Pairs, protocol: Protocol = DEFAULT) -> int | None:
    """The number of frames that will be scored; None if only decoding would tell."""
    counts = [gt.count for gt, _ in pairs.values()]
    known = [count for count in counts if count is not None]
    if len(known) < len(counts):
        return None
    return sum(max(0, count - 2 * protocol.drop) for count in known)


def _score_video(
    gt: FrameSource,
    pred: FrameSource,
    protocol: Protocol,
    scorer: VideoScorer,
    shifts: list[np.ndarray | None],
) -> Iterator[dict]:
    number = None
    for number, (gt_frame, sr, mask) in _without_ends(_matched(gt, pred, protocol), protocol.drop):
        if gt_frame.ndim == 2:
            gt_frame, sr = _colour(gt_frame), _colour(sr)
        if number - protocol.drop in FRAMES and gt_frame.shape == sr.shape:
            shifts.append(psnr_of_shifts(gt_frame, sr))
        try:
            yield dict(frame=number, **scorer(gt_frame, sr, mask))
        except ValueError as error:
            raise UserError(f'{pred.place}: frame {number}: {error}') from error
    if number is None:
        fail(
            f'{gt.place}: too short for protocol {protocol.name}, which drops {protocol.drop} '
            'frames at each end of a video'
        )


def _finish(scorer: VideoScorer, pred: FrameSource, rows: list[dict]) -> None:
    try:
        scorer.fill(rows)
    except ValueError as error:
        raise UserError(f'{pred.place}: {error}') from error


def _matched(gt: FrameSource, pred: FrameSource, protocol: Protocol) -> Iterator[tuple]:
    """Yields GT frame, SR frame (None if it is absent and not needed) and mask."""
    before, after = _absent(gt, pred, protocol)
    srs = chain([None] * before, pred.frames(), [None] * after)
    masks = gt.masks() if gt.masks else repeat(None)
    end = object()
    for number, (gt_frame, sr) in enumerate(zip_longest(gt.frames(), srs, fillvalue=end)):
        if gt_frame is end or sr is end:
            short, long = (gt, pred) if gt_frame is end else (pred, gt)
            fail(f'{short.place}: ends after {number} frames, but {long.place} is longer')
        yield gt_frame, sr, next(masks)


def _absent(gt: FrameSource, pred: FrameSource, protocol: Protocol) -> tuple[int, int]:
    """The numbers of SR frames that are absent before the first and after the last one.

    Only frames that the protocol drops may be absent. Frames are then matched by the numbers in
    their names, whatever the first number is. If GT has no numbers, they count from 0.
    """
    if gt.count is None or pred.count is None or gt.count == pred.count:
        return 0, 0
    before = 0 if pred.first is None else pred.first - (gt.first or 0)
    after = gt.count - before - pred.count
    if not (0 <= before <= protocol.drop and 0 <= after <= protocol.drop):
        fail(f'{pred.place}: has {pred.count} frames, but {gt.place} has {gt.count}')
    return before, after


def _without_ends(frames: Iterator, drop: int) -> Iterator[tuple]:
    """Yields (number, frame) of all but the first and last ``drop`` frames."""
    held: deque[tuple[int, Any]] = deque()
    for number, frame in enumerate(frames):
        if number >= drop:
            held.append((number, frame))
        if len(held) > drop:
            yield held.popleft()


def _colour(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_GRAY2RGB) if image.ndim == 2 else image


def video_means(table: pd.DataFrame) -> pd.DataFrame:
    """Means over the frames of each video; the last row ``mean`` has the means over videos."""
    means = table.drop(columns='frame').groupby('video', sort=False).mean()
    frames = table.groupby('video', sort=False).size()
    means.insert(0, 'frames', frames)
    overall = means.mean().to_frame('mean').T.assign(frames=frames.sum())
    return pd.concat([means, overall]).astype({'frames': int})


def compare_protocols(pairs: Pairs, on_frame: Callable[[], None] | None = None) -> pd.DataFrame:
    """Scores the same frames by every protocol that compares with GT.

    Args:
        pairs: See :func:`pair_videos`.
        on_frame: Called after each frame.

    Returns:
        A row for each protocol with frames, psnr_y (dB), ssim_y (means over videos) and, if it
        cannot be applied to these frames, the reason.

    Raises:
        UserError: No protocol can be applied.
    """
    rows: dict[str, dict] = {}
    for name, protocol in PROTOCOLS.items():
        if protocol.against_lr:
            continue
        try:
            means = video_means(score(pairs, protocol, on_frame=on_frame)).iloc[-1]
            rows[name] = dict(means[['frames', 'psnr_y', 'ssim_y']], reason='')
        except UserError as error:
            rows[name] = dict(frames=0, reason=str(error))
    if not any(row['frames'] for row in rows.values()):
        fail(rows[DEFAULT.name]['reason'])
    return pd.DataFrame.from_dict(rows, orient='index').astype({'frames': int})
