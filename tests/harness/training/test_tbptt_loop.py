"""TBPTT: clips in order, each from the state in which the one before ended."""

import pytest
import torch
from mmengine.hooks import Hook

from harness.training.run import train
from tests.harness.training.trainings import (
    BASICVSR,
    BASICVSR_PP,
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
    [(BASICVSR, 'feat'), (BASICVSR_PP, 'feat_2'), (ICONVSR, 'feat')],
    ids=['basicvsr', 'basicvsr_pp', 'iconvsr'],
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
