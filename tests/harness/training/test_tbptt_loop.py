"""TBPTT: clips in order, each from the state in which the one before ended."""

from itertools import pairwise

import pytest
import torch
from mmengine.hooks import Hook

from harness.training.run import train
from tests.harness.training.trainings import (
    BASICVSR,
    BASICVSR_PP,
    BOTH_ENDS,
    CLIP,
    CONDITIONED,
    ICONVSR,
    TBPTT,
)


class CompareWithCarriedPass(Hook):
    """With a learning rate of 0, clips must equal the frames of the whole window."""

    def __init__(self):
        self.worst, self.carried = 0, 0

    @torch.no_grad()
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        loop, model = runner.train_loop, runner.train_loop.model
        first = loop.planner.first_iteration(loop.epoch)
        batch = loop.plan.batches[loop.iter - first]
        model.eval()
        data = model.data_preprocessor(data_batch)
        frames = model(
            data['inputs'], states=data['states'], start=data['start'], length=data['length']
        )
        for i, clip in enumerate(batch):
            index = loop.plan.entries[clip.entry]
            window = loop.dataloader.dataset[index._replace(length=clip.index.start + CLIP)]
            whole = model(model.data_preprocessor(window)['inputs'][None])[0]
            self.worst = max(self.worst, float((frames[i] - whole[-CLIP:]).abs().max()))
            self.carried += clip.index.start > 0
        model.train()


@pytest.mark.slow
@pytest.mark.parametrize('generator', [None, CONDITIONED], ids=['frvsr', 'frvsr-FC'])
def test_clips_equal_the_whole_window(make_cfg, generator):
    cfg = make_cfg(TBPTT, 16, generator=generator)
    cfg.optim_wrapper.optimizer.lr = 0
    cfg.param_scheduler = []
    compare = CompareWithCarriedPass()
    train(cfg, [compare])
    assert compare.carried >= 20
    assert compare.worst <= 1e-5


@pytest.mark.parametrize(
    'generator, entry',
    [
        pytest.param(BASICVSR, 'feat', id='basicvsr'),
        pytest.param(BASICVSR_PP, 'feat_2', id='basicvsr_pp', marks=pytest.mark.slow),
        pytest.param(ICONVSR, 'feat', id='iconvsr'),
    ],
)
def test_bidirectional_networks_carry_the_forward_state_only(make_cfg, generator, entry):
    states = []

    class Remember(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            states.append(data_batch['states'])
            self.after = runner.train_loop.model.states_after

    train(make_cfg(TBPTT, 3, generator=generator), [Remember()])
    assert states[0] is None
    assert states[1].backward is None and states[1].forward[entry].abs().sum() > 0
    assert not states[1].forward[entry].requires_grad


@pytest.mark.slow
def test_both_ends(make_cfg):
    """In every second epoch the backward state is carried, from the last frame on."""
    seen = []

    class Remember(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            loop = runner.train_loop
            batch = loop.plan.batches[loop.iter - loop.planner.first_iteration(loop.epoch)]
            ends = [c.index.start + CLIP == loop.plan.entries[c.entry].length for c in batch]
            after = loop.model.states_after
            seen.append(
                (loop.epoch, [c.index.start for c in batch], ends, data_batch['states'], after)
            )

    train(make_cfg(BOTH_ENDS, 40, generator=BASICVSR), [Remember()])
    carried = {0: 0, 1: 0}
    for (epoch, *_, after), (next_epoch, starts, ends, states, _) in pairwise(seen):
        if epoch != next_epoch:
            continue
        backward = epoch % 2 == 1
        begins = ends if backward else [start == 0 for start in starts]
        for i, begin in enumerate(begins):
            if states is None:
                assert begin
                continue
            own, other = states if not backward else states[::-1]
            source = after.backward if backward else after.forward
            assert other is None
            expected = torch.zeros_like(source['feat'][i]) if begin else source['feat'][i]
            assert torch.equal(own['feat'][i], expected)
            carried[epoch % 2] += not begin
    assert min(carried.values()) > 5


@pytest.mark.slow
def test_both_ends_are_nothing_without_a_backward_branch(make_cfg):
    from tests.harness.training.trainings import assert_same_weights, weights_of

    one = weights_of(train(make_cfg(TBPTT, 8, 'one')))
    assert_same_weights(one, weights_of(train(make_cfg(BOTH_ENDS, 8, 'both'))))
