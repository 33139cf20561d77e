"""TBPTT's plan: every window from its first frame on, clip by clip, in fixed slots."""

import pytest

from harness.clip_limits import Videos
from harness.training.sequential_plan import SequentialPlanner

LENGTHS = [20, 22, 35, 20, 7]
VIDEOS = Videos(LENGTHS, [(24, 32)] * 5, 'abcde')


def planner(videos=VIDEOS, batch_size=2, **kwargs):
    return SequentialPlanner(videos, 7, 16, batch_size, 0, **kwargs)


@pytest.mark.parametrize('batch_size', [1, 2, 3, 5])
def test_slots_go_through_their_windows_in_order(batch_size):
    sequential = planner(batch_size=batch_size)
    for epoch in range(5):
        plan = sequential.plan(epoch)
        for slot in range(batch_size):
            chain = [batch[slot] for batch in plan.batches]
            before = None
            for clip in chain:
                entry = plan.entries[clip.entry]
                assert clip.index.window == entry.window
                assert clip.index.length == 7
                if clip.index.start:
                    assert before.entry == clip.entry
                    assert before.index.start == clip.index.start - 7
                elif before is not None:
                    # the one before was trained on to its last whole clip
                    assert before.index.start + 14 > LENGTHS[before.index.video]
                before = clip


def test_one_slot_trains_on_everything():
    plan = planner(batch_size=1).plan(0)
    seen = {(clip.index.video, clip.index.start) for (clip,) in plan.batches}
    assert len(plan.batches) == 2 + 3 + 5 + 2 + 1
    assert seen == {(v, s) for v, t in enumerate(LENGTHS) for s in range(0, t - 6, 7)}


def test_iterations():
    sequential, total = planner(batch_size=2), 0
    for epoch in range(6):
        assert sequential.first_iteration(epoch) == total
        count = len(sequential.plan(epoch).batches)
        assert {sequential.epoch_of(total + i) for i in range(count)} == {epoch}
        total += count


def test_windows_change_between_epochs_and_plans_are_pure():
    first, second = planner(), planner()
    plans = [first.plan(epoch) for epoch in range(3)]
    assert [second.plan(epoch) for epoch in (2, 0, 1)] == [plans[2], plans[0], plans[1]]
    windows = [{(e.video, e.window) for e in plan.entries} for plan in plans]
    assert not windows[0] & windows[1]


def test_ranks_share_the_windows():
    videos = Videos([20] * 9, [(24, 32)] * 9, 'abcdefghi')
    ranks = [planner(videos, rank=r, world_size=2) for r in range(2)]
    for epoch in range(4):
        plans = [rank.plan(epoch) for rank in ranks]
        assert len(plans[0].batches) == len(plans[1].batches) == 4
        videos_of = [{e.video for e in plan.entries} for plan in plans]
        assert not videos_of[0] & videos_of[1]


def test_too_few_windows():
    with pytest.raises(ValueError, match='a batch of 6 needs as many different windows'):
        planner(batch_size=6)
