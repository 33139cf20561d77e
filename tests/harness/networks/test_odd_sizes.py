"""Frames whose size no power of two divides: smaller than SPyNet's 32 pixels, odd, tiny."""

import pytest
import torch
import torch.nn.functional as F
from mmagic.registry import MODELS

from harness.errors import UserError

NETWORKS = {
    'frvsr': dict(type='FRVSRNet', mid_channels=8, num_blocks=1),
    'frvsr_tecogan': dict(
        type='FRVSRNet',
        mid_channels=8,
        num_blocks=1,
        upsampler='bicubic_bd',
        flow_net=dict(type='FRVSRFlowNet', padding='flow'),
    ),
    'frvsr_conv_flow': dict(
        type='FRVSRNet', mid_channels=8, num_blocks=1, flow_net=dict(type='ConvFlowNet', channels=8)
    ),
    'basicvsr': dict(type='StatefulBasicVSRNet', mid_channels=8, num_blocks=1),
    'basicvsr_dis': dict(
        type='StatefulBasicVSRNet', mid_channels=8, num_blocks=1, flow_net=dict(type='DISFlow')
    ),
    'real_basicvsr': dict(
        type='StatefulRealBasicVSRNet',
        mid_channels=8,
        num_propagation_blocks=1,
        num_cleaning_blocks=1,
    ),
    'plain': dict(type='PlainStepNet', net='tests.harness.networks.plain_nets:TupleNet'),
    'rrn': dict(type='RRNNet', mid_channels=8, num_blocks=1),
    'rsdn': dict(type='RSDNNet', mid_channels=8, num_blocks=1),
    'animesr': dict(type='AnimeSRNet', mid_channels=8, num_blocks=(3, 2, 1)),
    'real_viformer': dict(
        type='RealViformerNet',
        mid_channels=8,
        num_blocks=(1, 1, 1, 1),
        heads=(1, 2, 2),
        squeeze=2,
        flow_net=dict(type='ConvFlowNet', channels=8),
    ),
    'spmc': dict(type='SPMCNet', base_channels=4),
    'stcn': dict(type='STCNNet', mid_channels=8, num_convs=1, layers=1),
    'temporal_adaptive': dict(type='TemporalAdaptiveNet', branches=2, patch=8),
    'lapsrn': dict(type='LapSRNNet', mid_channels=4, depth=1),
    'drcn': dict(type='DRCNNet', mid_channels=4, recursions=2),
    'dsrn': dict(type='DSRNNet', mid_channels=4, steps=4),
    'bicubic': dict(type='BicubicUpsampler'),
}
SIZES = [pytest.param((34, 50), marks=pytest.mark.slow), (17, 31), (3, 5), (1, 2)]


@torch.no_grad()
@pytest.mark.parametrize('name', NETWORKS)
@pytest.mark.parametrize('size', SIZES, ids=str)
def test_a_clip_from_its_states_equals_the_whole_video(name, size, real_clip):
    net = MODELS.build(NETWORKS[name]).eval()
    video = real_clip(4, *size)
    if name == 'frvsr_tecogan' and min(size) < 8:  # pooled three times by 2
        with pytest.raises(UserError, match=f'frames of {size[1]}x{size[0]} pixels are too small'):
            net(video)
        return
    whole = net(video)
    assert whole.shape == (2, 4, 3, 4 * size[0], 4 * size[1])
    if not net.has_states:
        assert torch.equal(net(video[:, 2:]), whole[:, 2:])
        return
    boundary = torch.full((2, 1), 2)
    states = net.states_at(video, boundary, boundary + 2).map(lambda x: x[:, 0])
    assert (net(video[:, 2:], states, 2) - whole[:, 2:]).abs().max() <= 1e-5


@torch.no_grad()
def test_spynet_works_on_frames_resized_to_multiples_of_32(real_clip):
    """Its flow is brought back to the frame's size and to its pixels, by x and y."""
    net = MODELS.build(NETWORKS['basicvsr'])
    seen = []

    def compute_flow(reference, supporting):
        seen.append((reference, supporting))
        return torch.tensor([3.0, 5.0]).view(1, 2, 1, 1).expand(len(reference), 2, 32, 64)

    net.spynet.compute_flow = compute_flow
    video = real_clip(2, 17, 34)
    flows = net.flow_between(video[:, 1:], video[:, :1])
    assert flows.shape == (2, 1, 2, 17, 34)
    expected = torch.tensor([3.0 * 34 / 64, 5.0 * 17 / 32])
    assert torch.allclose(flows, expected.view(2, 1, 1).expand_as(flows), atol=1e-5)
    for resized, frame in zip(seen[0], (video[:, 1], video[:, 0]), strict=True):
        wanted = F.interpolate(frame, (32, 64), mode='bilinear', align_corners=False)
        assert torch.equal(resized, wanted)
