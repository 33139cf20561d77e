"""The columns of per-frame results, and the metrics that fill them."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from dataset_tools.degrade.filters import degrade, phase
from dataset_tools.manifest import SCALE
from dataset_tools.names import name_problem
from harness.errors import fail
from harness.evaluation import vmaf
from harness.evaluation.bicubic import bicubic
from harness.evaluation.metrics import psnr
from harness.evaluation.perceptual import Lpips, TemporalLpips, missing_weights
from harness.evaluation.protocol import Protocol, Region, size_text, to_8_bits
from harness.evaluation.protocols import DEFAULT
from harness.evaluation.quality import ClipIqa, Dists, Musiq, Niqe, missing_for
from harness.evaluation.temporal import FlowDifference, FrameDifference, WarpingError
from harness.runs.evaluations import Crop

#: always computed
BASIC_METRICS = ('psnr_y', 'ssim_y')
#: PSNR of Y inside and outside the masks of a set; computed if there are masks
MASK_METRICS = ('psnr_inside', 'psnr_outside')
#: computed on request, because they take several times longer than all others
OPTIONAL_METRICS: dict[str, Callable[[], Any]] = {
    'tof': FlowDifference,
    'warp_error': WarpingError,
    'frame_difference': FrameDifference,
    'lpips': Lpips,
    'tlp': TemporalLpips,
    'dists': Dists,
    'niqe': Niqe,
    'musiq': Musiq,
    'clipiqa': ClipIqa,
    'vmaf': vmaf.Vmaf,
}
#: metric -> a function that says why it is not available, or None if it is
_MISSING: dict[str, Callable[[], str | None]] = {
    'lpips': missing_weights,
    'tlp': missing_weights,
    'vmaf': vmaf.missing,
    **{name: partial(missing_for, name) for name in ('dists', 'niqe', 'musiq', 'clipiqa')},
}
#: the metrics that plugins have added
OWN_METRICS: set[str] = set()


def register_metric(name: str) -> Callable[[type], type]:
    """Decorator that registers a metric by the name of its column, for a grid's ``plugins``.

    For each video the class is instantiated without arguments, and the object is called with each
    frame in order, ``metric(gt, sr, region)``, like those in ``temporal.py``: two images (H, W, 3),
    uint8 RGB, and the (rows, columns) that the protocol scores. It returns a number, NaN if there
    is none. A class that ignores ``gt``, or accepts an interpolated LR frame instead, must set
    ``needs_gt = False``. If it has a method ``finish``, this is called at the end of the video and
    returns the numbers of all frames as a list.

    Raises:
        UserError: The name is taken, or invalid for a column.
    """
    taken = (*BASIC_METRICS, *MASK_METRICS, *OPTIONAL_METRICS, 'video', 'frame', 'ms')
    if problem := name_problem(name):
        fail(f'register_metric: {problem}')
    if name in taken and name not in OWN_METRICS:
        fail(f'register_metric: {name!r} is taken; choose another name')

    def register(metric: type) -> type:
        OPTIONAL_METRICS[name] = metric
        OWN_METRICS.add(name)
        return metric

    return register


def all_metrics() -> tuple[str, ...]:
    """All metrics in the order of the columns."""
    return (*BASIC_METRICS, *MASK_METRICS, *OPTIONAL_METRICS)


def metric_problems(names: Iterable[str]) -> list[str]:
    """The reasons why some of these metrics cannot be computed; empty if all can."""
    problems = []
    for name in names:
        if name not in all_metrics():
            problems.append(f'unknown metric {name!r}; there are {", ".join(all_metrics())}')
        elif name in _MISSING and (problem := _MISSING[name]()):
            problems.append(f'{name} {problem}')
    return problems


def check_metrics(names: Iterable[str], protocol: Protocol = DEFAULT) -> None:
    """Checks that optional metrics can be computed with a protocol.

    Raises:
        UserError: A metric is unknown, lacks weights, or needs GT that the protocol does not have.
    """
    problems = metric_problems(names)
    if protocol.against_lr:
        problems += [f'{name} needs ground truth' for name in names if needs_gt(name)]
    if problems:
        fail(f'--metrics: {"; ".join(problems)}')


def needs_gt(metric: str) -> bool:
    """Whether a metric cannot be computed without ground truth."""
    return getattr(OPTIONAL_METRICS.get(metric), 'needs_gt', True)


def metric_columns(metrics: Iterable[str], has_masks: bool) -> list[str]:
    """The columns of the results, in order: basic metrics, those of masks, and ``metrics``."""
    wanted = {*BASIC_METRICS, *metrics, *MASK_METRICS}
    return [m for m in all_metrics() if m in wanted and (has_masks or m not in MASK_METRICS)]


class VideoScorer:
    """Scores the frames of one video, in order.

    Args:
        columns: What to compute, see :func:`metric_columns`.
        protocol: How PSNR and SSIM are computed, and which part of the frames all metrics score.
        lr_kind: The kind of LR frames if the protocol compares with them.
    """

    def __init__(
        self, columns: Sequence[str], protocol: Protocol = DEFAULT, lr_kind: str = 'lr_bd'
    ) -> None:
        self._columns = columns
        self._protocol = protocol
        self._kind = lr_kind
        self._optional = {
            name: make() for name, make in OPTIONAL_METRICS.items() if name in columns
        }

    def __call__(
        self, gt: np.ndarray, sr: np.ndarray, mask: np.ndarray | None = None
    ) -> dict[str, float]:
        """Scores one frame; returns column -> value.

        Args:
            gt: uint8 RGB (H, W, 3); the LR frame if the protocol compares with that.
            sr: uint8 RGB, a network's unrounded RGB in [0, 255], or only Y (H, W) if the protocol
                accepts it; metrics that need RGB are then NaN.
            mask: uint8 (H, W), 0 outside; required for ``psnr_inside`` and ``psnr_outside``.

        Raises:
            ValueError: Sizes do not match, or a frame is smaller than SSIM's window.
        """
        if self._protocol.against_lr:
            return self._against_lr(gt, sr)
        shape = gt.shape[:2]
        gt, sr = self._protocol.match(gt, sr)
        region = self._protocol.region(*gt.shape[:2])
        planes = self._protocol.planes(gt, sr)
        scores = dict(psnr_y=psnr(*planes), ssim_y=self._protocol.ssim(*planes))
        if mask is not None:
            inside = mask[self._protocol.frame(*shape)][region]
            scores['psnr_inside'] = psnr(*planes, inside)
            scores['psnr_outside'] = psnr(*planes, (inside == 0).astype(np.uint8))
        return self._with_optional(scores, gt, sr, region)

    def _against_lr(self, lr: np.ndarray, sr: np.ndarray) -> dict[str, float]:
        """Compares degraded SR with LR; other metrics use the interpolated LR frame as GT."""
        height, width = (SCALE * size for size in lr.shape[:2])
        if sr.shape != (height, width, 3):
            raise ValueError(
                f'LR is {size_text(lr)}, SR {size_text(sr)}; SR must be {SCALE} times as large'
            )
        sr = to_8_bits(sr)
        planes = self._protocol.planes(*self._protocol.match(lr, degrade(sr, self._kind)))
        scores = dict(psnr_y=psnr(*planes), ssim_y=self._protocol.ssim(*planes))
        if not self._optional:
            return scores
        reference = bicubic(lr, Crop(0, 0, height, width), phase(self._kind))
        return self._with_optional(scores, reference, sr, (slice(height), slice(width)))

    def _with_optional(
        self, scores: dict[str, float], gt: np.ndarray, sr: np.ndarray, region: Region
    ) -> dict[str, float]:
        image = to_8_bits(sr)
        for name, metric in self._optional.items():
            scores[name] = metric(gt, image, region) if sr.ndim == 3 else float('nan')
        return {column: scores[column] for column in self._columns}

    def fill(self, rows: Sequence[dict]) -> None:
        """Fills in metrics that are known only at the end of the video.

        Args:
            rows: The results of all frames, which are modified.

        Raises:
            ValueError: A metric could not be computed.
        """
        for name, metric in self._optional.items():
            values = metric.finish() if hasattr(metric, 'finish') else []
            for row, value in zip(rows, values, strict=bool(values)):
                row[name] = value
