"""Two gloo processes of harness/train.py, each as torchrun starts it."""

import pytest
import torch
from mmagic.registry import MODELS

from harness.networks.amplification import Amplification
from harness.networks.recurrent import States
from tests.harness.training.trainings import (
    BASICVSR,
    BOTH_ENDS,
    BURN_IN,
    PI,
    POOL,
    RI,
    TBPTT,
    assert_same_weights,
    train_in_two_processes,
    weights_of,
)

LR = 0.1
DUMP = """
import copy
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

@HOOKS.register_module()
class DumpRank(Hook):
    def before_train(self, runner):
        self.batches, self.weights = [], []
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.weights.append(copy.deepcopy(runner.train_loop.model.state_dict()))
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        states = data_batch['states']
        batch = dict(data_batch, states=states and tuple(states))
        if 'amplification' in batch:
            batch['amplification'] = tuple(batch['amplification'])
        self.batches.append(copy.deepcopy(batch))
    def after_train(self, runner):
        self.weights.append(copy.deepcopy(runner.train_loop.model.state_dict()))
        content = dict(weights=self.weights, batches=self.batches)
        torch.save(content, f'{runner.work_dir}/rank{get_rank()}.pth')
"""


def run_two(cfg, folder):
    cfg.custom_hooks = [dict(type='DumpRank')]
    for process in train_in_two_processes(cfg, folder, DUMP):
        assert process.returncode == 0, process.stderr[-6000:]
    return [torch.load(f'{cfg.work_dir}/rank{rank}.pth', weights_only=False) for rank in (0, 1)]


def joint(first, second):
    """Two batches (nested dicts and tuples of tensors) as one."""
    if first is None:
        return None
    if isinstance(first, dict):
        return {key: joint(first[key], second[key]) for key in first}
    if isinstance(first, tuple):
        return tuple(joint(*pair) for pair in zip(first, second, strict=True))
    return torch.cat([first, second])


@pytest.mark.slow
@pytest.mark.parametrize(
    'loop, generator',
    [
        (RI, None),
        (PI, None),
        (PI, BASICVSR),
        (dict(PI, p_initial=0.3, state_noise=0.1, amplification_weight=0.5), None),
        (TBPTT, None),
        (BOTH_ENDS, BASICVSR),
        (BURN_IN, BASICVSR),
        (POOL, None),
    ],
    ids=str,
)
def test_a_step_of_two_equals_the_step_on_the_joint_batch(make_cfg, tmp_path, loop, generator):
    cfg = make_cfg(loop, 3, 'ddp', generator, windows_per_video=2)
    # a plain step along the gradient shows the gradient
    cfg.optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=LR))
    cfg.param_scheduler = []
    # the Charbonnier loss has a jump in its gradient where a pixel is right
    cfg.model.pixel_loss = dict(type='MSELoss', loss_weight=10.0)
    model_cfg = cfg.model
    ranks = run_two(cfg, tmp_path)
    for step, states in enumerate(ranks[0]['weights']):
        assert_same_weights(states, ranks[1]['weights'][step])
    model = MODELS.build(model_cfg).train()
    for step in range(3):
        mine, other = (rank['batches'][step] for rank in ranks)
        assert not torch.equal(mine['gts'], other['gts'])
        before, after = ranks[0]['weights'][step : step + 2]
        model.load_state_dict(before)
        model.zero_grad()
        # every process has a perturbation of its own: there is no joint one
        penalties = [batch.pop('amplification', None) for batch in (mine, other)]
        assert not penalties[0] or len(set(penalties)) == 2
        batches = [mine, other] if penalties[0] else [joint(mine, other)]
        for batch, penalty in zip(batches, penalties, strict=False):
            batch = model.data_preprocessor(batch)
            states = batch.pop('states')
            batch |= dict(amplification=Amplification(*penalty)) if penalty else {}
            losses = model(**batch, states=states and States(*states), mode='loss')
            assert ('loss_amplification' in losses) == bool(penalty)
            (sum(losses.values()) / len(batches)).backward()
        largest = 0
        for name, parameter in model.named_parameters():
            step_taken = (before[name] - after[name]) / LR
            assert torch.allclose(step_taken, parameter.grad, rtol=1e-4, atol=2e-6), name
            largest = max(largest, float(step_taken.abs().max()))
        assert largest > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(
    'loop, generator',
    [(TBPTT, None), (BOTH_ENDS, BASICVSR), (POOL, None)],
    ids=['TBPTT', 'both ends', 'pool'],
)
def test_states_of_both_processes_are_resumed(make_cfg, tmp_path, loop, generator):
    (tmp_path / 'straight').mkdir()
    options = dict(windows_per_video=2, generator=generator)
    straight = run_two(make_cfg(loop, 6, 'ddp_straight', **options), tmp_path / 'straight')
    cut = make_cfg(loop, 3, 'ddp_cut', **options)
    run_two(cut, tmp_path)
    cfg = make_cfg(loop, 6, 'ddp_cut', **options)
    resumed = run_two(cfg, tmp_path)
    assert len(resumed[1]['batches']) == 3
    assert_same_weights(resumed[0]['weights'][-1], straight[0]['weights'][-1])
    assert_same_weights(weights_of(f'{cfg.work_dir}/iter_6.pth'), resumed[1]['weights'][-1])


@pytest.mark.slow
def test_one_diverging_process_ends_both(make_cfg, tmp_path):
    cfg = make_cfg(PI, 6, 'ddp', windows_per_video=2)
    cfg.custom_hooks = [dict(type='PoisonData')]
    poison = """
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

@HOOKS.register_module()
class PoisonData(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 4 and get_rank() == 1:
            data_batch['inputs'] = data_batch['inputs'].float() * float('nan')
"""
    for process in train_in_two_processes(cfg, tmp_path, poison):
        assert process.returncode == 1
        assert process.stderr.count('error: loss is nan at iteration 5 (clips ') == 1
