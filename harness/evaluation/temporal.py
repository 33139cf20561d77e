"""Temporal consistency: how well consecutive frames agree, by OpenCV's optical flow.

The flow between equal frames is zero and is not computed.
"""

from typing import Any

import cv2
import numpy as np

from harness.evaluation.metrics import rgb_to_y
from harness.evaluation.protocol import Region

_NO_FLOW: Any = None  # OpenCV's type stubs do not allow None


class FrameDifference:
    """Mean absolute difference of Y between consecutive SR frames, in levels of 255.

    It uses neither flow nor GT; on a still video it measures flicker alone.
    """

    needs_gt = False

    def __init__(self) -> None:
        self._previous: np.ndarray | None = None

    def __call__(self, gt: np.ndarray, sr: np.ndarray, region: Region) -> float:
        """The difference of a frame in ``region``; NaN for the first one."""
        y = rgb_to_y(sr[region])
        previous, self._previous = self._previous, y
        if previous is None:
            return float('nan')
        return cv2.norm(y, previous, cv2.NORM_L1) / y.size


class FlowDifference:
    """tOF: mean distance in px between the flow of SR frames and that of GT frames.

    As in TecoGAN (Chu et al., ToG 2020; ``metrics.py`` of thunil/TecoGAN): Farneback's flow from
    grey frame t-1 to grey frame t, with TecoGAN's parameters; the length of the difference of the
    two flow vectors (the paper states the L1 norm, the code uses the L2 norm), averaged over the
    pixels.
    """

    def __init__(self) -> None:
        self._previous: tuple[np.ndarray, np.ndarray] | None = None

    def __call__(self, gt: np.ndarray, sr: np.ndarray, region: Region) -> float:
        """tOF of a frame in ``region``; NaN for the first one."""
        grey = cv2.cvtColor(gt, cv2.COLOR_RGB2GRAY), cv2.cvtColor(sr, cv2.COLOR_RGB2GRAY)
        previous, self._previous = self._previous, grey
        if previous is None:
            return float('nan')
        gt_flow, sr_flow = (_farneback(*pair) for pair in zip(previous, grey, strict=True))
        return float(np.sqrt(_square((gt_flow - sr_flow)[region])).mean())


class WarpingError:
    """Mean squared difference between SR frame t and the warped SR frame t-1, RGB in [0, 1].

    As in Lai et al. (ECCV 2018, Sec. 4.1), but with GT's flow from t to t-1, so that methods are
    compared on the same pixels, and with DIS instead of FlowNet2. Occluded pixels do not count:
    those where forward and backward flow disagree or that lie at a motion boundary, by the two
    thresholds of Ruder et al. (GCPR 2016, Sec. 3.2), and those that come from outside the frame.
    Warping is bilinear, with OpenCV's resolution of 1/32 px. NaN if all pixels are occluded.
    Without GT, the flow of the interpolated LR frames is used.
    """

    needs_gt = False

    def __init__(self) -> None:
        self._previous: tuple[np.ndarray, np.ndarray] | None = None
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def __call__(self, gt: np.ndarray, sr: np.ndarray, region: Region) -> float:
        """The warping error of a frame in ``region``; NaN for the first one."""
        grey, sr = cv2.cvtColor(gt, cv2.COLOR_RGB2GRAY), sr.astype(np.float32) / 255
        previous, self._previous = self._previous, (grey, sr)
        if previous is None:
            return float('nan')
        if np.array_equal(previous[0], grey):
            return float(np.square(sr - previous[1])[region].mean())
        back = self._flow(grey, previous[0])
        visible = ~occluded(back, self._flow(previous[0], grey))[region]
        if not visible.any():
            return float('nan')
        difference = (sr - warp(previous[1], back))[region]
        return float(np.square(difference[visible]).mean())

    def _flow(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        return self._dis.calc(before, after, _NO_FLOW)


def warp(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Samples ``image`` (H, W, C), float32, where ``flow`` (H, W, 2), in px, points to."""
    return cv2.remap(image, *_targets(flow), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def occluded(flow: np.ndarray, flow_back: np.ndarray) -> np.ndarray:
    """The pixels (H, W) of a frame that are not visible in another frame.

    Args:
        flow: The flow (H, W, 2) from this frame to the other, in px.
        flow_back: The flow from the other frame to this one.
    """
    height, width = flow.shape[:2]
    returned = warp(flow_back, flow)
    lengths = _square(flow) + _square(returned)
    inconsistent = _square(flow + returned) > 0.01 * lengths + 0.5
    across, down = np.zeros_like(flow), np.zeros_like(flow)
    across[:, :-1], down[:-1] = np.diff(flow, axis=1), np.diff(flow, axis=0)
    boundary = _square(across) + _square(down) > 0.01 * _square(flow) + 0.002
    x, y = _targets(flow)
    outside = (x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)
    return inconsistent | boundary | outside


def _farneback(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    if np.array_equal(before, after):
        return np.zeros((*after.shape, 2), np.float32)
    return cv2.calcOpticalFlowFarneback(before, after, _NO_FLOW, 0.5, 3, 15, 3, 5, 1.2, 0)


def _targets(flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The x and y to which each pixel's flow points, float32."""
    height, width = flow.shape[:2]
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    return flow[..., 0] + x, flow[..., 1] + y[:, None]


def _square(vectors: np.ndarray) -> np.ndarray:
    x, y = vectors[..., 0], vectors[..., 1]
    return x * x + y * y
