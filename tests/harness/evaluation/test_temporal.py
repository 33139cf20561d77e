"""Temporal consistency of frames with known motion, and against SciPy."""

import cv2
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from dataset_tools.sliding_window import sliding_window
from harness.evaluation.temporal import FlowDifference, WarpingError, occluded, warp

INNER = slice(16, -16), slice(16, -16)
WHOLE = slice(None), slice(None)


@pytest.fixture(scope='module')
def moving(photographs):
    """Five frames, 96 x 128, of a window that moves by 4 px down and to the right each time."""
    windows = sliding_window(photographs[2], (24, 32), 1, 'diagonal', 5)
    return [window.make() for window in windows]


def changed(frames, amount, seed=0):
    rng = np.random.default_rng(seed)
    noisy = (frame + rng.normal(0, amount, frame.shape) for frame in frames)
    return [np.rint(frame.clip(0, 255)).astype(np.uint8) for frame in noisy]


def values(metric, gts, srs, region=WHOLE):
    return [metric(gt, sr, region) for gt, sr in zip(gts, srs, strict=True)]


def test_tof_is_the_mean_distance_of_farneback_flows(moving):
    srs = changed(moving, 20)
    region = slice(10, 80), slice(20, 90)
    found = values(FlowDifference(), moving, srs, region)
    assert np.isnan(found[0])
    for t in range(1, 5):
        flows = [
            cv2.calcOpticalFlowFarneback(
                *(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames[t - 1 : t + 1]),
                flow=None,
                pyr_scale=0.5,
                levels=3,
                winsize=15,
                iterations=3,
                poly_n=5,
                poly_sigma=1.2,
                flags=0,
            )
            for frames in (moving, srs)
        ]
        u, v = (flows[0] - flows[1])[region].astype(float).transpose(2, 0, 1)
        assert found[t] == pytest.approx(np.sqrt(u**2 + v**2).mean(), rel=1e-5)


def test_tof_of_frozen_frames_is_the_motion_they_miss(moving):
    found = values(FlowDifference(), moving, [moving[0]] * 5, INNER)
    assert found[1:] == pytest.approx([4 * 2**0.5] * 4, rel=0.1)
    assert values(FlowDifference(), moving, moving)[1:] == [0] * 4


def test_static_frames_have_no_flow(moving):
    """Not even that which Farneback's method sees between equal frames."""
    still = [moving[0]] * 3
    assert values(FlowDifference(), still, [moving[1]] * 3)[1:] == [0, 0]
    assert values(FlowDifference(), still, changed(still, 20))[1] > 0.1


def test_warping_error_against_scipy(moving, photographs):
    """In front of the moving frames a square moves the other way, so that there is occlusion."""
    gts = [frame.copy() for frame in moving]
    for t, frame in enumerate(gts):
        frame[20:60, 30 + 6 * t : 70 + 6 * t] = photographs[0][100:140, 200:240]
    srs = changed(gts, 8)
    region = slice(10, 92), slice(20, 126)
    found = values(WarpingError(), gts, srs, region)
    assert np.isnan(found[0])
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    rows, columns = np.indices((96, 128))
    for t in range(1, 5):
        grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in gts[t - 1 : t + 1]]
        flow, forward = dis.calc(grey[1], grey[0], None), dis.calc(grey[0], grey[1], None)
        place = rows + flow[..., 1], columns + flow[..., 0]
        take = lambda image, place=place: np.stack(  # noqa: E731
            [map_coordinates(c, place, order=1, mode='nearest') for c in np.moveaxis(image, 2, 0)],
            axis=2,
        )
        returned = take(forward)
        ahead = np.pad(flow, ((0, 1), (0, 1), (0, 0)), mode='edge')
        slopes = np.stack([ahead[1:, :-1] - flow, ahead[:-1, 1:] - flow])
        length = lambda field: (field**2).sum(axis=2)  # noqa: E731
        hidden = length(flow + returned) > 0.01 * (length(flow) + length(returned)) + 0.5
        hidden |= (slopes**2).sum(axis=(0, 3)) > 0.01 * length(flow) + 0.002
        hidden |= (place[0] < 0) | (place[0] > 95) | (place[1] < 0) | (place[1] > 127)
        error = (srs[t] / 255 - take(srs[t - 1] / 255.0)) ** 2
        assert 0.1 < hidden[region].mean() < 0.9
        assert found[t] == pytest.approx(error[region][~hidden[region]].mean(), rel=0.02)


def test_warping_error_sees_flicker_and_not_motion(moving):
    """SR that moves as GT has hardly any; brightness that jumps by 12 has the square of that."""
    flickering = [np.clip(f.astype(int) + 12 * (t % 2), 0, 255) for t, f in enumerate(moving)]
    steady = values(WarpingError(), moving, moving, INNER)[1:]
    flicker = values(WarpingError(), moving, np.uint8(flickering), INNER)[1:]
    assert max(steady) < 4e-4
    assert flicker == pytest.approx([(12 / 255) ** 2] * 4, rel=0.25)


def test_warping_error_of_static_gt_is_the_change_of_sr(moving):
    still, srs = [moving[0]] * 3, changed([moving[0]] * 3, 10)
    found = values(WarpingError(), still, srs, INNER)
    for t in (1, 2):
        difference = (srs[t].astype(float) - srs[t - 1])[INNER] / 255
        assert found[t] == pytest.approx((difference**2).mean(), rel=1e-5)
    assert values(WarpingError(), still, still)[1:] == [0, 0]


def test_occlusion_behind_a_moving_square():
    """A square moves 8 px to the right: what it uncovers was not to be seen in the frame before."""
    flow, forward = np.zeros((2, 60, 80, 2), np.float32)
    flow[20:40, 38:58, 0], forward[20:40, 30:50, 0] = -8, 8
    hidden = occluded(flow, forward)
    assert hidden[21:39, 31:37].all()  # uncovered
    assert not hidden[21:38, 39:56].any()  # the square itself
    assert not hidden[:18].any() and not hidden[42:].any()
    assert hidden[30, 37] and hidden[30, 57]  # motion boundaries


def test_what_comes_from_outside_is_occluded():
    flow = np.full((20, 30, 2), (3, -2), np.float32)
    hidden = occluded(flow, -flow)
    expected = np.zeros((20, 30), bool)
    expected[:2], expected[:, -3:] = True, True
    assert (hidden == expected).all()


def test_nothing_to_see_is_no_number(photographs):
    """Two frames that have nothing in common and a region at the border."""
    gts = [photographs[0][:64, :64], photographs[1][:64, :64]]
    assert np.isnan(values(WarpingError(), gts, gts, (slice(0, 1), slice(0, 1)))[1])


def test_warp_takes_pixels_from_where_the_flow_points(moving):
    image = moving[0].astype(np.float32)
    flow = np.full((96, 128, 2), (5, 3), np.float32)
    assert (warp(image, flow)[:93, :123] == image[3:, 5:]).all()
