"""The columns of per-frame results and what fills them."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np

from dataset_tools.degrade.filters import degrade, phase
from dataset_tools.manifest import SCALE
from dataset_tools.names import name_problem
from harness.errors import fail
from harness.evaluation import vmaf
from harness.evaluation.bicubic import bicubic
from harness.evaluation.metrics import psnr
from harness.evaluation.perceptual import Lpips, TemporalLpips, missing_weights
from harness.evaluation.protocols import DEFAULT, Protocol, size_text, to_8_bits
from harness.evaluation.quality import ClipIqa, Dists, Musiq, Niqe, missing_for
from harness.evaluation.temporal import FlowDifference, FrameDifference, WarpingError
from harness.runs.evaluations import Crop

#: always computed
BASIC_METRICS = ('psnr_y', 'ssim_y')
#: PSNR of Y inside and outside the masks of a set; computed where there are masks
MASK_METRICS = ('psnr_inside', 'psnr_outside')
#: computed when asked for; they take several times longer than all others
OPTIONAL_METRICS = {
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
#: metric -> what says why it cannot be had; None where it can
_MISSING = {
    'lpips': missing_weights,
    'tlp': missing_weights,
    'vmaf': vmaf.missing,
    **{name: partial(missing_for, name) for name in ('dists', 'niqe', 'musiq', 'clipiqa')},
}
#: those of ``OPTIONAL_METRICS`` that plugins have added
OWN_METRICS: set[str] = set()


def register_metric(name: str) -> Callable[[type], type]:
    """Decorator that adds a metric under the name of its column, for a grid's ``plugins``.

    The class is made anew, without arguments, for each video. Its objects are called with each
    frame in order, ``metric(gt, sr, region)``, as those in ``temporal.py``: uint8 RGB (H, W, 3)
    both, and the (rows, columns) that the protocol scores; they give a number, NaN for none. A
    class that does not look at ``gt``, or takes an interpolated LR frame in its place, says
    ``needs_gt = False``. One with a method ``finish`` gives the numbers of all frames by it, as a
    list, at the end of the video.

    Raises:
        UserError: the name is taken, or is no name for a column.
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
    """Every metric, in the order of the columns."""
    return (*BASIC_METRICS, *MASK_METRICS, *OPTIONAL_METRICS)


def metric_problems(names: Iterable[str]) -> list[str]:
    """Why some of these metrics cannot be computed; empty if all can."""
    problems = []
    for name in names:
        if name not in all_metrics():
            problems.append(f'unknown metric {name!r}; there are {", ".join(all_metrics())}')
        elif name in _MISSING and (problem := _MISSING[name]()):
            problems.append(f'{name} {problem}')
    return problems


def check_metrics(names: Iterable[str], protocol: Protocol = DEFAULT) -> None:
    """Sees that metrics can be computed, besides those of a protocol.

    Raises:
        UserError: one is unknown, lacks weights, or needs GT where the protocol has none.
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
    """Columns of the results, in order: the basic metrics, those of masks, and ``metrics``."""
    wanted = {*BASIC_METRICS, *metrics, *MASK_METRICS}
    return [m for m in all_metrics() if m in wanted and (has_masks or m not in MASK_METRICS)]


class VideoScorer:
    """Scores the frames of one video, in order.

    Args:
        columns: what to compute, see :func:`metric_columns`.
        protocol: how PSNR and SSIM are computed, and on which part of the frames all else is.
        lr_kind: of LR frames, where the protocol compares with these.
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
        """Column -> value of one frame.

        Args:
            gt: uint8 RGB (H, W, 3); the LR frame where the protocol compares with that.
            sr: uint8 RGB, or a network's unrounded RGB in [0, 255], or Y alone (H, W) where the
                protocol reads that; what needs RGB is then NaN.
            mask: uint8 (H, W), 0 outside; needed for ``psnr_inside`` and ``psnr_outside``.

        Raises:
            ValueError: sizes do not match, or a frame is smaller than SSIM's window.
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
        """The SR frame, degraded, against the LR frame; the interpolated LR frame for all else."""
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

    def _with_optional(self, scores, gt, sr, region) -> dict[str, float]:
        image = to_8_bits(sr)
        for name, metric in self._optional.items():
            scores[name] = metric(gt, image, region) if sr.ndim == 3 else float('nan')
        return {column: scores[column] for column in self._columns}

    def fill(self, rows: Sequence[dict]) -> None:
        """At the end of the video: puts in what metrics only know then.

        Args:
            rows: what has been returned for each frame, to be changed.

        Raises:
            ValueError: a metric could not be computed.
        """
        for name, metric in self._optional.items():
            values = metric.finish() if hasattr(metric, 'finish') else []
            for row, value in zip(rows, values, strict=bool(values)):
                row[name] = value
