"""The flow network's frozen start in BasicVSR's recipe."""

from types import SimpleNamespace

import pytest
import torch

from harness.training.hooks import FreezeFlowHook


@pytest.fixture
def runner():
    model = torch.nn.ModuleDict({'spynet': torch.nn.Conv2d(1, 1, 1), 'rest': torch.nn.Linear(1, 1)})
    return SimpleNamespace(model=model, iter=0)


def trainable(runner):
    return {name.split('.')[0]: p.requires_grad for name, p in runner.model.named_parameters()}


def test_flow_is_frozen_until_its_iteration(runner):
    hook = FreezeFlowHook(iters=2)
    hook.before_train(runner)
    seen = []
    for runner.iter in range(4):
        hook.before_train_iter(runner, 0)
        seen.append(trainable(runner)['spynet'])
    assert seen == [False, False, True, True]
    assert trainable(runner)['rest']


def test_a_resumed_training_past_the_frozen_start_trains_flow(runner):
    runner.iter = 7
    FreezeFlowHook(iters=2).before_train(runner)
    assert trainable(runner)['spynet']
