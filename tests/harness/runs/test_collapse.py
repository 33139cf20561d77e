"""Where a network collapses, on curves whose answer is plain to see."""

import numpy as np
import pytest

from harness.runs.collapse import Collapse, find_collapse


def curve(*parts):
    return np.concatenate([np.full(count, value, float) for count, value in parts])


@pytest.mark.parametrize(
    ('parts', 'frame', 'loss'),
    [
        ([(120, 30)], None, 0),
        ([(70, 30), (50, 29)], 70, 1),
        ([(70, 30), (50, 29.1)], None, 0.9),
        ([(70, 30), (49, 20), (1, 30)], 70, 10),  # one good frame is no recovery
        ([(70, 30), (40, 20), (10, 30)], None, 0),
        ([(4, 40), (116, 30)], None, 0),  # a bright start
        ([(50, 30), (4, 60), (66, 30)], None, 0),  # outliers in between
        ([(116, 30), (4, 20)], None, 0),
        ([(110, 30), (10, 20)], 110, 10),
        ([(5, 28), (5, 29.9), (110, 28)], None, 0.95),  # half of a window
        ([(10, 30), (110, 28)], 10, 2),
        ([(20, 30), (30, 28), (20, 30), (50, 28)], 70, 2),
        ([(1, 30)], None, 0),
        ([(2, 30), (3, 28)], None, 0),  # shorter than a window: there is nothing to compare with
    ],
)
def test_own_best(parts, frame, loss):
    found = find_collapse(curve(*parts))
    assert found.frame == frame and found.loss == pytest.approx(loss)


def test_against_bicubic():
    """What bicubic interpolation loses as well is no loss; below it is a collapse."""
    psnr = curve((60, 30), (60, 20))
    assert find_collapse(psnr, curve((60, 28), (60, 18))) == Collapse(None, 0)
    assert find_collapse(psnr) == Collapse(60, 10)
    hidden = curve((60, 30), (60, 38))
    assert find_collapse(hidden, curve((60, 26), (60, 36))) == Collapse(60, 2)
    assert find_collapse(curve((60, 30), (60, 29.5)), curve((120, 29.6))).frame == 60
    assert find_collapse(curve((120, 20)), curve((120, 21))) == Collapse(0, 0)
    assert find_collapse([20.0], [21.0]) == Collapse(0, 0)
    assert find_collapse(curve((120, 21)), curve((120, 21))) == Collapse(None, 0)


def test_either_end():
    falls, rises = curve((70, 30), (50, 25)), curve((90, 25), (30, 30))
    assert find_collapse(rises) == Collapse(None, 0)
    assert find_collapse(rises, bidirectional=True) == Collapse(30, 5)
    assert find_collapse(falls, bidirectional=True) == Collapse(70, 5)
    both = curve((20, 26), (60, 30), (40, 25))  # the backward branch has survived 100 frames
    assert find_collapse(both, bidirectional=True) == Collapse(80, 5)
    # bad from end to end: the larger loss is told
    below = curve((60, 19), (60, 15))
    assert find_collapse(below, curve((120, 20)), bidirectional=True) == Collapse(0, 4)


@pytest.mark.parametrize(('fall', 'frame'), [(85, 85), (90, 90), (91, None)])
def test_resets(fall, frame):
    """The last reset is at 90: what falls after it may be set right by the next one."""
    psnr = curve((fall, 30), (120 - fall, 20))
    assert find_collapse(psnr, reset_every=30).frame == frame
    mirrored = find_collapse(psnr[::-1], reset_every=30, bidirectional=True)
    assert mirrored.frame == frame
    assert find_collapse(psnr, reset_every=200).frame == fall  # it is never set back


def test_frames_without_a_score():
    """Protocols drop frames at both ends; others lack some."""
    psnr = curve((70, 30), (50, 20))
    assert find_collapse(psnr, frames=np.arange(2, 122)).frame == 72
    assert find_collapse(psnr, frames=np.arange(120) * 2, reset_every=30).frame == 140
    assert find_collapse(psnr[::-1], frames=np.arange(2, 122), bidirectional=True).frame == 70


def test_what_is_no_curve():
    with pytest.raises(ValueError, match='finite PSNR of at least one frame'):
        find_collapse([])
    with pytest.raises(ValueError, match='finite PSNR'):
        find_collapse([30.0, np.nan])
    with pytest.raises(ValueError, match='2 frames have PSNR, but 1 have bicubic PSNR'):
        find_collapse([30.0, 30.0], [29.0])
    with pytest.raises(ValueError, match='2 frames have PSNR, but 1 have a number'):
        find_collapse([30.0, 30.0], frames=[0])
