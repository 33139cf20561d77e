"""Frame-number conditioning."""

import pytest
import torch
from mmagic.registry import MODELS

NETWORKS = {
    'frvsr': dict(
        type='FRVSRNet', mid_channels=8, num_blocks=1, flow_net=dict(type='ConvFlowNet', channels=8)
    ),
    'basicvsr': dict(
        type='StatefulBasicVSRNet', mid_channels=8, num_blocks=1, flow_net=dict(type='DISFlow')
    ),
}


@pytest.fixture(params=NETWORKS)
def pair(request):
    """A network and its conditioned version with the same weights, zeros for the new plane."""
    plain = MODELS.build(NETWORKS[request.param]).eval()
    cfg = dict(type='FrameConditioned', net=NETWORKS[request.param], last_frame=4)
    conditioned = MODELS.build(cfg).eval()
    weights, widened = plain.state_dict(), 0
    for key, wanted in conditioned.net.state_dict().items():
        if weights[key].shape != wanted.shape:
            assert wanted.shape[1] == weights[key].shape[1] + 1
            weights[key] = torch.cat([weights[key], torch.zeros_like(weights[key][:, :1])], 1)
            widened += 1
    conditioned.net.load_state_dict(weights, strict=True)
    assert widened == (2 if plain.bidirectional else 1)
    return plain, conditioned


@torch.no_grad()
def test_zero_weights_of_the_plane_leave_the_network_as_it_was(pair, real_clip):
    plain, conditioned = pair
    video = real_clip(4, 18, 26)
    assert (conditioned(video, start=3) - plain(video)).abs().max() <= 1e-6


@torch.no_grad()
def test_the_plane_enters_every_frame(pair, real_clip):
    _, conditioned = pair
    for module in conditioned.modules():
        if isinstance(module, torch.nn.Conv2d) and module.in_channels in (52, 12):
            module.weight[:, -1] = 0.3
    video = real_clip(2, 18, 26)
    difference = (conditioned(video, start=0) - conditioned(video, start=2)).abs()
    assert difference.amax((2, 3, 4)).min() > 1e-5


def test_condition_by_hand():
    net = MODELS.build(dict(type='FrameConditioned', net=NETWORKS['frvsr'], last_frame=4))
    lrs = torch.zeros(2, 3, 3, 8, 8)
    planes = net.condition(lrs, 0)
    assert planes.shape == (2, 3, 1, 1, 1)
    assert planes.flatten().tolist() == [0, 0.25, 0.5] * 2
    mixed = net.condition(lrs, torch.tensor([1, 3]))
    assert mixed[..., 0, 0, 0].tolist() == [[0.25, 0.5, 0.75], [0.75, 1, 1]]
    assert net.net.condition(lrs, 5) is None


def test_last_frame_must_be_positive():
    with pytest.raises(ValueError, match='last_frame'):
        MODELS.build(dict(type='FrameConditioned', net=NETWORKS['frvsr'], last_frame=0))
