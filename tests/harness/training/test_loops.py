"""The skeleton of the training loops under MMEngine's Runner."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook

from harness.errors import UserError
from harness.evaluation.state_measures import perturbation_growth
from harness.training import loops
from harness.training.late_scalars import LateScalars
from harness.training.loops import DivergedError
from harness.training.run import train
from tests.harness.training.trainings import (
    PI,
    RI,
    RLSP,
    TBPTT,
    VESPCN,
    CompareWithWholeWindow,
    Poison,
    Seen,
    assert_same_weights,
    checkpoints,
    weights_of,
)


@pytest.mark.parametrize('loop', [RI, PI, TBPTT], ids=['RI', 'PI', 'TBPTT'])
def test_trains(make_cfg, loop):
    cfg = make_cfg(loop, 5)
    cfg.visualizer.vis_backends.append(dict(type='mmengine.TensorboardVisBackend'))
    seen = Seen()
    checkpoint = train(cfg, [seen])
    assert checkpoint.name == 'iter_5.pth'
    assert checkpoints(cfg) == ['iter_3.pth', 'iter_5.pth']
    had_states = [had for _, had in seen.batches]
    # TBPTT's first batches begin their videos
    assert (
        had_states
        == {'RI': [False] * 5, 'PI': [True] * 5, 'TB': [False] + [True] * 4}[loop['type'][:2]]
    )
    assert {'loss', 'loss_pixel', 'loss_flow', 'grad_norm'} <= set(seen.losses)
    weights = weights_of(checkpoint)
    assert weights.keys() == {f'generator.{key}' for key in seen.before}
    for key, before in seen.before.items():
        assert not torch.equal(weights[f'generator.{key}'], before), key
    assert list(Path(cfg.work_dir).rglob('events.out.tfevents*'))
    timing = json.loads((Path(cfg.work_dir) / 'timing.json').read_text())
    parts = {'load_ms', 'step_ms'} | ({'state_pass_ms'} if loop is PI else set())
    assert {key for key in timing if key.endswith('_ms')} == parts
    assert all(timing[part] > 0 for part in parts)
    assert timing['ms_per_iteration'] == pytest.approx(sum(timing[part] for part in parts))
    assert timing['train_seconds'] == pytest.approx(5e-3 * timing['ms_per_iteration'])
    assert timing['iterations'] == 5
    assert timing['parameters'] == sum(value.numel() for value in weights.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    'loop, generator',
    [
        (RI, RLSP),
        (RI, VESPCN),
        (dict(RI, init_state=dict(type='normal', std=1e-12)), RLSP),
        (TBPTT, RLSP),
        (dict(PI, warmup_iters=99), RLSP),
    ],
    ids=['RI', 'RI-VESPCN', 'RI-normal', 'TBPTT', 'warm-up'],
)
def test_clips_see_the_frames_after_them(make_cfg, loop, generator):
    """As in their window from the clip on, or from its beginning where states are carried."""
    cfg = make_cfg(loop, 4, generator=generator)
    cfg.optim_wrapper.optimizer.lr = 0.0
    compare = CompareWithWholeWindow(from_clip=loop is not TBPTT)
    train(cfg, [compare])
    assert compare.clips == 8
    assert compare.worst <= 1e-6 < 1e-5 < compare.state_effect


def test_samples_are_the_planned_ones(make_cfg):
    seen = Seen()
    train(make_cfg(PI, 9), [seen])
    planner = seen.loop.planner
    planned = [
        [clip.index.start for clip in batch] for epoch in (0, 1) for batch in planner.plan(epoch)[1]
    ]
    assert [starts for starts, _ in seen.batches] == planned
    assert seen.loop.max_epochs == 2


def test_pi_begins_from_the_weights_of_an_ri_training(make_cfg):
    """``load_from`` takes the weights and nothing of the other training's loop."""
    pretrained = train(make_cfg(RI, 3, 'pretrained'))
    cfg, seen = make_cfg(PI, 2), Seen()
    cfg.load_from = str(pretrained)
    train(cfg, [seen])
    assert_same_weights(
        {f'generator.{key}': value for key, value in seen.before.items()}, weights_of(pretrained)
    )


def test_timing_does_not_count_the_training_that_weights_come_from(make_cfg):
    pretrained = train(make_cfg(RI, 3, 'pretrained'))
    cfg = make_cfg(RI, 1)
    cfg.load_from = str(pretrained)
    # an hour of training lies behind these weights
    checkpoint = torch.load(pretrained, weights_only=False)
    checkpoint['train_loop']['seconds']['step'] = 3600.0
    torch.save(checkpoint, pretrained)
    train(cfg)
    timing = json.loads((Path(cfg.work_dir) / 'timing.json').read_text())
    assert timing['train_seconds'] < 600


@pytest.mark.parametrize('loop', [RI, PI, TBPTT], ids=['RI', 'PI', 'TBPTT'])
def test_nan_loss_ends_the_training(make_cfg, loop):
    cfg, seen = make_cfg(loop, 12), Seen()
    with pytest.raises(DivergedError) as error:
        train(cfg, [Poison(), seen])
    assert len(seen.batches) == 5
    message = str(error.value)
    assert 'loss is nan at iteration 6' in message
    epoch = seen.loop.planner.epoch_of(5)
    batch = seen.loop.planner.plan(epoch).batches[5 - seen.loop.planner.first_iteration(epoch)]
    for clip in batch:
        name = ('coffee', 'astronaut', 'chelsea')[clip.index.video]
        assert f'{name}@{clip.index.start}' in message
    assert checkpoints(cfg) == ['iter_3.pth']
    weights = weights_of(Path(cfg.work_dir) / 'iter_3.pth')
    assert all(value.isfinite().all() for value in weights.values())
    assert not (Path(cfg.work_dir) / 'timing.json').exists()


@pytest.mark.slow
def test_losses_that_are_read_late(make_cfg, monkeypatch):
    """As on a GPU: the same weights, and no checkpoint after the loss was not finite."""
    straight = weights_of(train(make_cfg(RI, 4, 'straight')))
    monkeypatch.setattr(loops, 'LateScalars', partial(LateScalars, is_late=True))
    assert_same_weights(weights_of(train(make_cfg(RI, 4, 'late'))), straight)
    cfg, seen = make_cfg(RI, 12), Seen()
    with pytest.raises(DivergedError, match='loss is nan at iteration 6 ') as error:
        train(cfg, [Poison(), seen])
    assert len(seen.batches) == 6  # iteration 6 was to be saved
    assert 'clips' in str(error.value) and checkpoints(cfg) == ['iter_3.pth']


def test_random_initial_states(make_cfg):
    """Normal states where the clip begins, others in each iteration, the same in each run."""
    drawn = []

    class Remember(Seen):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            states = data_batch['states'].forward
            drawn.append(states['sr'])
            first = data_batch['inputs'][:, 0].float() / 255
            assert torch.equal(states['lr'].cpu(), first)

    init_state = dict(type='normal', std=0.1)
    train(make_cfg(RI, 2, 'first', init_state=init_state), [Remember()])
    train(make_cfg(RI, 2, 'again', init_state=init_state), [Remember()])
    assert abs(float(drawn[0].std()) - 0.1) < 0.01
    assert not torch.equal(drawn[0], drawn[1])
    assert torch.equal(drawn[0], drawn[2]) and torch.equal(drawn[1], drawn[3])


@pytest.mark.parametrize(
    'init_state', [dict(type='uniform', std=1.0), dict(type='normal'), dict(type='normal', std=0)]
)
def test_wrong_initial_states(make_cfg, init_state):
    with pytest.raises(UserError, match='train_cfg.init_state: must be None or dict'):
        train(make_cfg(RI, 2, init_state=init_state))


@pytest.mark.slow
def test_the_amplification_penalty_is_a_loss_of_every_step(make_cfg):
    """It damps the growth of perturbations that it measures; the seed is that of the iteration."""
    grown = {}
    for weight in (0, 1.0):
        seen, seeds = Seen(), []

        class Growth(Hook):
            def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
                seeds.append(getattr(data_batch.get('amplification'), 'seed', None))  # noqa: B023
                states = data_batch['states'].map(lambda x: x[:1].to(x.device))
                clip = data_batch['inputs'][:1].float() / 255
                net = runner.train_loop.model.generator.eval()
                self.value = perturbation_growth(net, clip, states, None, 1e-3)['forward'][-1]
                net.train()

        hook = Growth()
        cfg = make_cfg(PI, 30, f'weight {weight}', amplification_weight=weight)
        train(cfg, [seen, hook])
        assert ('loss_amplification' in seen.losses) == (weight > 0)
        assert len(set(seeds)) == (30 if weight else 1)
        grown[weight] = float(hook.value)
    assert grown[1.0] < grown[0]


@pytest.mark.parametrize('weight', [-1, float('nan'), 'much', True, None])
def test_impossible_weights_of_the_penalty(make_cfg, weight):
    with pytest.raises(UserError, match='amplification_weight: .* is not a number in .0, inf.'):
        train(make_cfg(RI, 2, amplification_weight=weight))


def test_the_penalty_needs_memory_and_full_precision(make_cfg):
    with pytest.raises(UserError, match='VESPCNNet has no memory in which a perturbation'):
        train(make_cfg(RI, 2, generator=VESPCN, amplification_weight=1))
