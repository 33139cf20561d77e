"""FRVSRNet: its size and its first step, computed by hand."""

import pytest
import torch
import torch.nn.functional as F

from harness.networks.zoo import FRVSRNet


def test_default_size():
    net = FRVSRNet()
    assert sum(p.numel() for p in net.parameters()) == 2_589_093
    assert sum(p.numel() for p in net.flow_net.parameters()) == 1_745_506


@torch.no_grad()
@pytest.mark.parametrize('residual', [False, True])
def test_two_frames_by_hand(real_clip, residual):
    """The first frame has a zero previous frame; the second one the first, warped."""
    from mmagic.models.utils import flow_warp

    net = FRVSRNet(
        mid_channels=8,
        num_blocks=1,
        flow_net=dict(type='ConvFlowNet', channels=8),
        residual_recurrence=residual,
    ).eval()
    video = real_clip(2, 18, 26)
    frames = net(video)

    def detail(lr, previous):
        pieces = [previous[:, c, i::4, j::4] for c in range(3) for i in range(4) for j in range(4)]
        x = torch.cat([lr, torch.stack(pieces, 1)], 1)
        return net.tail(net.blocks(F.relu(net.head(x))))

    def enlarge(x):
        return F.interpolate(x, scale_factor=4, mode='bilinear', align_corners=False)

    first = detail(video[:, 0], video.new_zeros(2, 3, 72, 104))
    assert torch.allclose(frames[:, 0], first + enlarge(video[:, 0]), atol=1e-6)
    flow = enlarge(net.flow_net(video[:, 1], video[:, 0])) * 4
    carried = first if residual else first + enlarge(video[:, 0])
    warped = flow_warp(carried, flow.permute(0, 2, 3, 1), padding_mode='border')
    second = detail(video[:, 1], warped) + (warped if residual else 0)
    assert torch.allclose(frames[:, 1], second + enlarge(video[:, 1]), atol=1e-5)


def test_unroll_returns_the_flows_within_the_clip(real_clip):
    """With and without a state before it: T - 1 flows, those that the warping loss trains."""
    net = FRVSRNet(mid_channels=8, num_blocks=1, flow_net=dict(type='ConvFlowNet', channels=8))
    video = real_clip(4, 16, 20)
    expected = torch.stack([net.flow_net(video[:, t], video[:, t - 1]) for t in (2, 3)], 1)
    boundary = torch.ones(2, 1, dtype=int)
    states = net.states_at(video, boundary, boundary).map(lambda x: x[:, 0])
    for given in (None, states):
        assert torch.allclose(net.unroll(video[:, 1:], given).flows, expected, atol=1e-6)


def test_residual_recurrence_starts_small(real_clip):
    """An untrained network's detail stays bounded over a long static video."""
    net = FRVSRNet(
        mid_channels=16, num_blocks=1, flow_net=dict(type='ConvFlowNet', channels=8),
        tail='pixel_shuffle', residual_recurrence=True,
    ).eval()  # fmt: skip
    video = real_clip(1, 16, 16).expand(-1, 50, -1, -1, -1)
    with torch.no_grad():
        frames, states = net(video, return_states=True)
    assert frames.isfinite().all()
    assert states.forward['sr'].abs().max() < 1e3


@pytest.mark.parametrize('tail', ['deconvolution', 'pixel_shuffle'])
def test_inference_puts_channels_last_for_deconvolutions(real_clip, tail):
    """The same frames up to rounding; state passes and training keep theirs to the last digit."""
    net = FRVSRNet(mid_channels=8, num_blocks=1, tail=tail).eval()
    video = real_clip(3, 18, 26)
    with torch.no_grad():
        expected = net(video)
    with torch.inference_mode():
        frames = net(video)
    trained = net.train()(video).detach()
    assert torch.equal(trained, expected)
    assert (frames - expected).abs().max() <= 1e-6
    step = frames[:, 0].stride(1)
    assert (step == 1) == (tail == 'deconvolution')
    assert torch.equal(frames, expected) or tail == 'deconvolution'
