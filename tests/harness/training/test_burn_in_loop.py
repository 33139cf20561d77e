"""Burn-in: clips start from the states that the frames before them lead to."""

import pytest
import torch
from mmengine.hooks import Hook

from harness.errors import UserError
from harness.training.run import train
from tests.harness.training.trainings import (
    BASICVSR,
    BURN_IN,
    CLIP,
    CONDITIONED,
    RLSP,
)


class CompareWithBurnIn(Hook):
    """Clips must equal the frames that the network gives when it begins ``burn_in`` frames early.

    Bidirectional networks also end that many frames late, and look-ahead sees its frame.
    """

    def __init__(self, burn_in):
        self.burn_in, self.worst, self.effect, self.clips = burn_in, 0, 0, 0

    @torch.no_grad()
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        loop, model = runner.train_loop, runner.train_loop.model
        batch = loop.plan.batches[loop.iter - loop.planner.first_iteration(loop.epoch)]
        model.eval()
        data = model.data_preprocessor(data_batch)
        place = dict(start=data['start'], length=data['length'])
        frames = model(data['inputs'], states=data['states'], **place)
        without = model(data['inputs'], **place)
        net = model.generator
        behind = self.burn_in if net.bidirectional else net.look_ahead
        for i, clip in enumerate(batch):
            first = max(0, clip.index.start - self.burn_in)
            last = min(
                clip.index.start + CLIP + behind, loop.planner.videos.lengths[clip.index.video]
            )
            window = clip.index._replace(start=first, length=last - first)
            sample = loop.dataloader.dataset[window]
            lrs = model.data_preprocessor(sample)['inputs'][None]
            expected = model(lrs, start=first, length=sample['length'])[0]
            expected = expected[clip.index.start - first :][:CLIP]
            self.worst = max(self.worst, float((frames[i] - expected).abs().max()))
            self.effect = max(self.effect, float((without[i] - expected).abs().max()))
            self.clips += 1
        model.train()


@pytest.mark.slow
@pytest.mark.parametrize('burn_in', [2, 100])
@pytest.mark.parametrize(
    'generator', [None, CONDITIONED, RLSP, BASICVSR], ids=['frvsr', 'FC', 'rlsp', 'basicvsr']
)
def test_clips_begin_after_the_frames_before_them(make_cfg, generator, burn_in):
    cfg = make_cfg(dict(BURN_IN, burn_in=burn_in), 8, generator=generator)
    cfg.optim_wrapper.optimizer.lr = 0
    cfg.param_scheduler = []
    compare = CompareWithBurnIn(burn_in)
    train(cfg, [compare])
    assert compare.clips == 16
    assert compare.worst <= 1e-5 < 1e-4 < compare.effect


def test_states_are_those_of_the_current_weights(make_cfg):
    """In a training, too, the same comparison holds before the step; after it, no longer."""
    states, wanted = [], []

    class Look(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            loop = runner.train_loop
            batch = loop.plan.batches[loop.iter - loop.planner.first_iteration(loop.epoch)]
            index = batch[0].index
            first = max(0, index.start - 4)
            if index.start == first:
                wanted.append(None)
                return
            window = loop.dataloader.dataset[
                index._replace(start=first, length=index.start - first)
            ]
            with torch.no_grad():
                net = loop.model.eval().generator
                lrs = loop.model.data_preprocessor(window)['inputs'][None]
                wanted.append(net.unroll(lrs).states.forward)
                loop.model.train()

        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            states.append(data_batch['states'].forward)

    cfg = make_cfg(dict(BURN_IN, burn_in=4), 6)
    train(cfg, [Look()])
    compared = 0
    for own, expected in zip(states, wanted, strict=True):
        for key, x in (expected or {}).items():
            assert torch.allclose(own[key][0], x[0], atol=1e-6)
            compared += 1
    assert compared >= 6


def test_time_is_booked(make_cfg):
    from tests.harness.training.trainings import Seen

    seen = Seen()
    train(make_cfg(BURN_IN, 3), [seen])
    assert seen.loop.timer.seconds['burn_in'] > 0


@pytest.mark.parametrize('value', [0, -1, 1.5, None, True])
def test_impossible_lengths(make_cfg, value):
    with pytest.raises(UserError, match='burn_in: .* is not a positive whole number'):
        train(make_cfg(dict(BURN_IN, burn_in=value), 2))


def test_networks_without_states_are_refused(make_cfg):
    with pytest.raises(UserError, match='provides no states, from which BurnInLoop must'):
        train(make_cfg(BURN_IN, 2, generator=dict(_delete_=True, type='BicubicUpsampler')))
