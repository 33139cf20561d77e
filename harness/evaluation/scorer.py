"""The columns of per-frame results and what fills them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Optional

import numpy as np

from dataset_tools.names import name_problem
from harness.errors import fail

from .metrics import psnr
from .perceptual import Lpips, TemporalLpips, missing_weights
from .protocols import DEFAULT, Protocol, to_8_bits
from .temporal import FlowDifference, WarpingError

#: always computed
BASIC_METRICS = ('psnr_y', 'ssim_y')
#: PSNR of Y inside and outside the masks of a set; computed where there are masks
MASK_METRICS = ('psnr_inside', 'psnr_outside')
#: computed when asked for; they take several times longer than all others
OPTIONAL_METRICS = {
    'tof': FlowDifference,
    'warp_error': WarpingError,
    'lpips': Lpips,
    'tlp': TemporalLpips,
}
#: those of ``OPTIONAL_METRICS`` that plugins have added
OWN_METRICS: set[str] = set()


def register_metric(name: str) -> Callable[[type], type]:
    """Decorator that adds a metric under the name of its column, for a grid's ``plugins``.

    The class is made anew, without arguments, for each video. Its objects are called with each
    frame in order, ``metric(gt, sr, region)``, as those in ``temporal.py``: uint8 RGB (H, W, 3)
    both, and the (rows, columns) that the protocol scores; they give a number, NaN for none.

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
        elif name in ('lpips', 'tlp') and missing_weights():
            problems.append(f'{name} {missing_weights()}')
    return problems


def metric_columns(metrics: Iterable[str], has_masks: bool) -> list[str]:
    """Columns of the results, in order: the basic metrics, those of masks, and ``metrics``."""
    wanted = {*BASIC_METRICS, *metrics, *MASK_METRICS}
    return [m for m in all_metrics() if m in wanted and (has_masks or m not in MASK_METRICS)]


class VideoScorer:
    """Scores the frames of one video, in order.

    Args:
        columns: what to compute, see :func:`metric_columns`.
        protocol: how PSNR and SSIM are computed, and on which part of the frames all else is.
    """

    def __init__(self, columns: Sequence[str], protocol: Protocol = DEFAULT) -> None:
        self._columns = columns
        self._protocol = protocol
        self._optional = {
            name: make() for name, make in OPTIONAL_METRICS.items() if name in columns
        }

    def __call__(
        self, gt: np.ndarray, sr: np.ndarray, mask: Optional[np.ndarray] = None
    ) -> dict[str, float]:
        """Column -> value of one frame.

        Args:
            gt: uint8 RGB (H, W, 3).
            sr: uint8 RGB, or a network's unrounded RGB in [0, 255], or Y alone (H, W) where the
                protocol reads that; what needs RGB is then NaN.
            mask: uint8 (H, W), 0 outside; needed for ``psnr_inside`` and ``psnr_outside``.

        Raises:
            ValueError: sizes do not match, or a frame is smaller than SSIM's window.
        """
        shape = gt.shape[:2]
        gt, sr = self._protocol.match(gt, sr)
        region = self._protocol.region(*gt.shape[:2])
        planes = self._protocol.planes(gt, sr)
        scores = dict(psnr_y=psnr(*planes), ssim_y=self._protocol.ssim(*planes))
        if mask is not None:
            inside = mask[self._protocol.frame(*shape)][region]
            scores['psnr_inside'] = psnr(*planes, inside)
            scores['psnr_outside'] = psnr(*planes, (inside == 0).astype(np.uint8))
        image = to_8_bits(sr)
        for name, metric in self._optional.items():
            scores[name] = metric(gt, image, region) if sr.ndim == 3 else float('nan')
        return {column: scores[column] for column in self._columns}
