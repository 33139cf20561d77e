"""What the planner draws: windows, start frames, batches, and the shares of ranks."""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare

from harness.clip_limits import Videos
from harness.training.plan import Planner, named_rng

VIDEOS = Videos([20, 22, 24, 20, 30], [(24, 32)] * 5, 'abcde')


def planner(videos=VIDEOS, clip_length=7, crop_size=16, batch_size=2, seed=0, **kwargs):
    return Planner(videos, clip_length, crop_size, batch_size, seed, **kwargs)


def clips_of(plan):
    return [clip for batch in plan.batches for clip in batch]


def test_pi_clips_share_their_entrys_window():
    pi = planner(repeats=6, fixed_windows=True, windows_per_video=2)
    windows = []
    for epoch in range(3):
        plan = pi.plan(epoch)
        for clip in clips_of(plan):
            entry = plan.entries[clip.entry]
            assert clip.index.window == entry.window
            assert clip.index.video == entry.video
            assert clip.index.with_gt and not entry.with_gt
        windows.append({(e.video, e.window) for e in plan.entries})
    assert not windows[0] & windows[1] and not windows[1] & windows[2]


def test_entries_span_whole_videos():
    plan = planner(windows_per_video=2).plan(0)
    assert Counter(e.video for e in plan.entries) == dict.fromkeys(range(5), 2)
    for entry in plan.entries:
        assert (entry.start, entry.length) == (0, VIDEOS.lengths[entry.video])


def test_ri_clips_draw_their_own_windows():
    plan = planner(repeats=4).plan(0)
    by_entry = {}
    for clip in clips_of(plan):
        by_entry.setdefault(clip.entry, set()).add(clip.index.window)
    assert all(len(windows) == 4 for windows in by_entry.values())


def test_start_frames_are_uniform():
    """0 and T - l included, nothing beyond."""
    one_length = Videos([16] * 6, [(24, 32)] * 6, 'abcdef')
    pi = planner(one_length, repeats=20, fixed_windows=True)
    starts = [c.index.start for epoch in range(25) for c in clips_of(pi.plan(epoch))]
    assert len(starts) == 25 * 6 * 20
    counts = np.bincount(starts)
    assert len(counts) == 16 - 7 + 1
    assert chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize('fixed_windows', [True, False])
def test_clips_stay_inside_their_videos(fixed_windows):
    lengths, sizes = [7, 9, 30], [(16, 20), (24, 16), (40, 18)]
    plans = planner(Videos(lengths, sizes, 'abc'), repeats=9, fixed_windows=fixed_windows)
    ends = set()
    for epoch in range(8):
        for clip in clips_of(plans.plan(epoch)):
            video, window, start, length, *_ = clip.index
            assert length == 7
            assert 0 <= start <= lengths[video] - 7
            assert 0 <= window.top <= sizes[video][0] - 16
            assert 0 <= window.left <= sizes[video][1] - 16
            ends.add((video, start))
    assert {(0, 0), (1, 0), (1, 2)} <= ends


@pytest.mark.parametrize('batch_size', [1, 2, 3, 4, 5])
@pytest.mark.parametrize('repeats', [1, 2, 7])
def test_batches(batch_size, repeats):
    """Full, of distinct entries; R clips of each entry, numbered 0 ... R-1, the rest carried on."""
    pi = planner(batch_size=batch_size, repeats=repeats, fixed_windows=True)
    total, carried = 0, 0
    for epoch in range(7):
        plan = pi.plan(epoch)
        per_entry = Counter()
        for batch in plan.batches:
            assert len(batch) == batch_size
            assert len({clip.entry for clip in batch}) == batch_size
            for clip in batch:
                assert clip.repeat == per_entry[clip.entry]
                per_entry[clip.entry] += 1
        clips = batch_size * len(plan.batches)
        carried += 5 * repeats - clips
        assert 0 <= carried < batch_size
        counts = [per_entry[e] for e in range(5)]
        assert max(counts) - min(counts) <= 1
        if clips == 5 * repeats:
            assert counts == [repeats] * 5
        assert pi.first_iteration(epoch) == total
        for iteration in range(total, total + len(plan.batches)):
            assert pi.epoch_of(iteration) == epoch
        total += len(plan.batches)
    assert total == 7 * 5 * repeats // batch_size


def test_mean_epoch_length_is_exact():
    pi = planner(batch_size=4, repeats=3)
    lengths = [len(pi.plan(epoch).batches) for epoch in range(8)]
    assert set(lengths) == {3, 4}
    assert sum(lengths) == 8 * 5 * 3 / 4


def test_order_is_random_and_differs_between_epochs():
    pi = planner(batch_size=1, repeats=4, windows_per_video=4)
    orders = [[clip.entry for clip in clips_of(pi.plan(epoch))] for epoch in range(2)]
    assert orders[0] != orders[1]
    assert orders[0][:20] != sorted(orders[0][:20])


def test_every_entry_meets_every_other():
    """Batches are shuffled, not the same groups again and again."""
    pi = planner(batch_size=2, repeats=40, fixed_windows=True)
    pairs = {frozenset(c.entry for c in batch) for batch in pi.plan(0).batches}
    assert len(pairs) == 5 * 4 // 2


def test_plan_is_a_pure_function():
    first, second = planner(repeats=3), planner(repeats=3)
    expected = [first.plan(epoch) for epoch in range(3)]
    assert [second.plan(epoch) for epoch in (2, 1, 0)] == expected[::-1]
    assert first.plan(1) == expected[1]
    other = planner(repeats=3, seed=1)
    assert other.plan(0) != expected[0]


def test_named_rngs_are_independent():
    keys = [
        (seed, name, *numbers)
        for seed in (0, 1)
        for name in ('entries', 'clips')
        for numbers in ((5,), (1,), (1, 2))
    ]
    assert len({named_rng(*key).random() for key in keys}) == len(keys)
    assert named_rng(3, 'clips', 4).random() == named_rng(3, 'clips', 4).random()


@pytest.mark.parametrize('world_size', [2, 3])
def test_ranks_share_the_entries(world_size):
    """Disjoint and equal shares that change from epoch to epoch; the same number of batches."""
    videos = Videos(list(range(20, 27)), [(24, 32)] * 7, 'abcdefg')
    ranks = [planner(videos, rank=r, world_size=world_size, repeats=3) for r in range(world_size)]
    seen = set()
    for epoch in range(6):
        plans = [rank.plan(epoch) for rank in ranks]
        shares = [{e.video for e in plan.entries} for plan in plans]
        assert {len(share) for share in shares} == {7 // world_size}
        assert len(set.union(*shares)) == world_size * (7 // world_size)
        assert len({len(plan.batches) for plan in plans}) == 1
        for plan in plans:
            used = {clip.index.video for clip in clips_of(plan)}
            assert used <= {e.video for e in plan.entries}
        seen.add(tuple(map(frozenset, shares)))
    assert len(seen) > 1
    starts = [[c.index.start for c in clips_of(rank.plan(0))] for rank in ranks]
    assert starts[0] != starts[1]


@pytest.mark.parametrize(
    'kwargs, message',
    [
        (
            dict(crop_size=25),
            'crop_size: 25 pixels are more than the 32x24 LR frames of video a have',
        ),
        (dict(clip_length=21), 'clip_length: 21 frames are more than the 20 of video a'),
        (dict(batch_size=6), 'raise windows_per_video or lower batch_size'),
        (dict(batch_size=3, world_size=2), r'there are 2 \(per process\)'),
        (dict(crop_size=25, clip_length=True), 'clip_length: True is not .*; crop_size: 25'),
        (dict(repeats=0), 'repeats: 0 is not a positive whole number'),
    ],
)
def test_errors(kwargs, message):
    with pytest.raises(ValueError, match=message):
        planner(**kwargs)


def test_limits_are_allowed():
    plan = planner(clip_length=20, crop_size=24, batch_size=5).plan(0)
    starts = {c.index.video: c.index.start for c in clips_of(plan)}
    assert starts[0] == starts[3] == 0
