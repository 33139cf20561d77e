"""The norm of the gradient in the log."""

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper
from torch import nn

from harness.training.gradient_norm import GradientNorm


def step(clip_grad):
    """What is read of one step, the step of the weights, and what MMEngine has noted itself."""
    torch.manual_seed(0)
    layer = nn.Linear(3, 2)
    before = layer.weight.detach().clone()
    wrapper = OptimWrapper(torch.optim.SGD(layer.parameters(), lr=1.0), clip_grad=clip_grad)
    wrapper.message_hub = MessageHub('of this step')  # the current one has other tests' scalars
    norm = GradientNorm()
    norm.watch(wrapper)
    wrapper.update_params(layer(torch.ones(4, 3)).square().sum())
    return norm, before - layer.weight.detach(), wrapper.message_hub.log_scalars


def test_it_is_that_before_clipping_and_given_once():
    _, whole, _ = step(None)
    norm, clipped, log = step(dict(max_norm=0.5))
    value = norm.take()
    assert value.keys() == {'grad_norm'} and not any('grad' in key for key in log)
    ratio = float(whole[0, 0] / clipped[0, 0])
    assert float(value['grad_norm']) == pytest.approx(0.5 * ratio, rel=1e-4)
    assert norm.take() == {}


@pytest.mark.parametrize('clip_grad', [None, dict(type='value', clip_value=0.1)])
def test_there_is_none(clip_grad):
    norm, moved, _ = step(clip_grad)
    assert norm.take() == {}
    assert (float(moved.abs().max()) <= 0.101) == bool(clip_grad)
