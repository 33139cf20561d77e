"""Measures of states against hand calculations."""

import pytest
import torch
from mmagic.registry import MODELS

from harness.evaluation.state_measures import perturbation_growth, relative_distances, state_norms
from harness.networks.recurrent import States
from harness.networks.unidirectional import UnidirectionalNet


class Doubling(UnidirectionalNet):
    """Its memory doubles from frame to frame, so a disturbance does too."""

    def state_shapes(self, height, width):
        return {'h': (1, height, width), 'lr': (3, height, width)}, {}

    def prepare(self, lrs, state, following):
        return ()

    def step(self, lr, prepared, state, cond):
        h = 2 * state['h'] + lr[:, :1]
        return lr, {'h': h, 'lr': lr}


def test_growth_of_a_linear_recurrence(real_clip):
    clip = real_clip(4, 8, 8, batch=1)
    states = States({'h': torch.rand(1, 1, 8, 8), 'lr': clip[:, 0]})
    growth = perturbation_growth(Doubling(), clip, states, None, 1e-2)
    assert set(growth) == {'forward'}
    assert torch.allclose(growth['forward'], torch.tensor([2.0, 4, 8, 16]), rtol=1e-3)


def test_backward_growth_counts_from_the_end(real_clip):
    """Against two runs by hand."""
    torch.manual_seed(0)
    net = MODELS.build(
        dict(
            type='StatefulBasicVSRNet', mid_channels=8, num_blocks=1, flow_net=dict(type='DISFlow')
        )
    ).eval()
    clip = real_clip(4, 16, 16, batch=1)
    boundary = torch.tensor([[2]])
    states = net.states_at(real_clip(6, 16, 16, batch=1), boundary, boundary + 2)
    states = states.map(lambda x: x[:, 0])
    growth = perturbation_growth(net, clip, states, None, 1e-3)
    assert growth['forward'].shape == growth['backward'].shape == (4,)
    from harness.evaluation.state_measures import _disturb

    disturbed = _disturb(states, 1e-3)
    change = disturbed.backward['feat'] - states.backward['feat']
    assert change.norm() / states.backward['feat'].norm() == pytest.approx(1e-3, rel=1e-3)
    assert torch.equal(disturbed.backward['lr'], states.backward['lr'])
    with torch.no_grad():
        # one frame before the end
        feats = [
            dict(net.propagate(clip[:, 3:], s.backward, None, backward=True))[0]
            for s in (states, disturbed)
        ]
    expected = (feats[1] - feats[0]).norm() / change.norm()
    assert growth['backward'][0] == pytest.approx(float(expected), rel=1e-4)


def test_norms_and_distances_leave_lr_frames_out():
    state = {'h': torch.tensor([[[3.0, 4.0], [0.0, 2.0]]]), 'lr': torch.full((1, 2, 5), 100.0)}
    norms = state_norms(States(state))
    assert torch.allclose(norms['forward'], torch.tensor([[12.5, 2.0]]).sqrt())
    reference = {'h': torch.tensor([[3.0, 4.0]]), 'lr': torch.zeros(1, 5)}
    mine = {'h': torch.tensor([[3.0, 5.0]]), 'lr': torch.ones(1, 5)}
    distances = relative_distances(States(mine), States(reference))
    assert distances == {'forward': pytest.approx(0.2)}
