"""The pool: clips start from what other clips have left at their boundaries."""

import pytest
import torch
from mmengine.hooks import Hook

from harness.training.run import train
from tests.harness.training.trainings import BASICVSR, CLIP, POOL, RLSP


class Ledger(Hook):
    """Keeps its own account of the pool and compares what each clip gets with it."""

    def __init__(self):
        self.left, self.found, self.fresh = {}, 0, 0

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        loop = runner.train_loop
        batch = loop.plan.batches[loop.iter - loop.planner.first_iteration(loop.epoch)]
        states, after = data_batch['states'], loop.model.states_after
        both = loop.model.generator.bidirectional
        for i, clip in enumerate(batch):
            start = clip.index.start
            place = (clip.index.video, clip.index.window)
            self._compare(states.forward, i, self.left.get(('forward', *place, start)))
            if both:
                there = ('backward', *place, start + CLIP)
                self._compare(states.backward, i, self.left.get(there))
        for i, clip in enumerate(batch):
            place = (clip.index.video, clip.index.window)
            end = clip.index.start + CLIP
            own = after.map(lambda x, i=i: x[i].clone())
            self.left['forward', *place, end] = own.forward
            if both:
                self.left['backward', *place, clip.index.start] = own.backward

    def _compare(self, state, number, expected):
        for key, x in state.items():
            if expected is None:
                assert not x[number].any()
                self.fresh += 1
            else:
                assert torch.equal(x[number], expected[key])
                self.found += 1


def clips_of(loop, epoch):
    return [(c.entry, c.index.start) for batch in loop.planner.plan(epoch).batches for c in batch]


class Planned(Hook):
    def before_train(self, runner):
        self.loop = runner.train_loop


@pytest.mark.slow
def test_clips_take_what_was_left_at_their_boundary(make_cfg):
    for generator in (None, BASICVSR, RLSP):
        ledger = Ledger()
        train(make_cfg(POOL, 30, generator=generator, folder=str(generator)[:20]), [ledger])
        assert ledger.found > 20 and ledger.fresh > 3


def test_windows_stay_and_all_clips_come_in_random_order(make_cfg):
    planned = Planned()
    train(make_cfg(POOL, 1), [planned])
    planner = planned.loop.planner
    first, second = clips_of(planned.loop, 0), clips_of(planned.loop, 1)
    every = [
        (entry, start)
        for entry, window in enumerate(planner.entries)
        for start in range(0, window.length - CLIP + 1, CLIP)
    ]
    assert len(set(first)) == len(first) == len(every) // 2 * 2
    assert set(first) <= set(every) and first != second and first != every[: len(first)]
    assert planner.plan(0).entries == planner.plan(7).entries
    assert [planner.epoch_of(i) for i in (0, len(first) // 2 - 1, len(first) // 2)] == [0, 0, 1]
