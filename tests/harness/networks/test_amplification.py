"""The amplification penalty against growths that are known or computed by hand."""

import math

import pytest
import torch
from torch import nn

from harness.networks.amplification import Amplification, amplification_loss
from harness.networks.recurrent import States, memory_of
from harness.networks.unidirectional import UnidirectionalNet
from harness.networks.zoo import FRVSRNet, StatefulBasicVSRNet

OPTIONS = Amplification(weight=0.5, seed=3)


class Amplifier(UnidirectionalNet):
    """state = gain * state + LR."""

    def __init__(self, gain):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain))

    def state_shapes(self, height, width):
        return {'memory': (3, height, width)}, {}

    def prepare(self, lrs, state, following):
        return ()

    def step(self, lr, prepared, state, cond):
        memory = self.gain * state['memory'] + lr
        return memory, {'memory': memory}


@pytest.mark.parametrize('gain', [0.5, 1.0, 1.3])
@pytest.mark.parametrize('given', [False, True])
def test_a_linear_recurrence_grows_by_its_gain(real_clip, gain, given):
    """By gain**T in T frames, of which the penalty and its gradient are known."""
    lrs, net = real_clip(4, 6, 8), Amplifier(gain)
    states = States({'memory': lrs[:, 0]}) if given else None
    after = net.unroll(lrs, states).states
    loss = amplification_loss(net, lrs, states, None, after, OPTIONS)
    assert loss.item() == pytest.approx(0.5 * math.log(1 + gain**8), rel=1e-2)
    (slope,) = torch.autograd.grad(loss, net.gain)
    assert slope.item() == pytest.approx(0.5 * 8 * gain**7 / (1 + gain**8), rel=2e-2)


@pytest.mark.parametrize(
    'net',
    [
        lambda: FRVSRNet(
            8, 1, dict(type='ConvFlowNet', channels=8), 'pixel_shuffle', residual_recurrence=True
        ),
        lambda: StatefulBasicVSRNet(8, 1, hr_channels=8, flow_net=dict(type='DISFlow')),
    ],
    ids=['frvsr', 'basicvsr'],
)
def test_growth_is_that_of_the_states(real_clip, net):
    """Both directions of a bidirectional network count; LR frames are not disturbed."""
    net, lrs = net(), real_clip(7, 16, 20)
    middle = torch.full((2, 1), 3)
    states = net.states_at(lrs, middle, torch.full((2, 1), 6)).map(lambda x: x[:, 0])
    clip, seen = lrs[:, 3:6], []
    unroll = net.unroll
    net.unroll = lambda *args: seen.append(args) or unroll(*args)
    after = unroll(clip, states).states
    loss = amplification_loss(net, clip, states, None, after, OPTIONS)
    ((_, disturbed, _),) = seen
    logs = []
    for own, other, end in zip(states, disturbed, after, strict=True):
        if not memory_of(own):
            continue
        assert torch.equal(own['lr'], other['lr'])
        (key,) = memory_of(own)
        for b in range(2):
            size = (other[key][b] - own[key][b]).norm()
            assert size.item() == pytest.approx(1e-3 * end[key][b].norm().item(), rel=1e-2)
        again = unroll(clip, disturbed).states
        reached = again.forward if own is states.forward else again.backward
        for b in range(2):
            moved = (other[key][b] - own[key][b]).norm()
            growth = ((reached[key][b] - end[key][b]).norm() / moved).item()
            logs.append(math.log(1 + growth**2))
    assert max(logs) > 1e-3
    assert loss.item() == pytest.approx(0.5 * sum(logs) / len(logs), rel=1e-3)
    loss.backward()
    assert any(p.grad is not None and p.grad.any() for p in net.parameters())
