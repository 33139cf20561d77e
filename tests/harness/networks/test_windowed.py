"""Windowed inference beside loops written by hand."""

import pytest
import torch
from mmagic.registry import MODELS

from harness.networks.zoo import States

TINY = dict(type='RISTNNet', bottlenecks=((2,), (2,)), layers=2, growth=4)
BASICVSR = dict(
    type='StatefulBasicVSRNet', mid_channels=4, num_blocks=1, flow_net=dict(type='DISFlow')
)


@pytest.fixture
def build(settle):
    """Builds a wrapper around a network in which states matter."""

    def make(carry=False, net=TINY):
        wrapper = MODELS.build(dict(type='WindowedInference', net=net, carry=carry))
        for key, parameter in wrapper.named_parameters():
            if 'lstm' in key and parameter.ndim == 4:
                parameter.data.mul_(10)
        return settle(wrapper)

    return make


def by_hand(net, video, carry):
    """Frames 0 to 2 of windows of 5 frames at 0, 3, 6, ...; the last window keeps all it has."""
    frames, states = [], None
    for start in range(0, video.size(1), 3):
        window = video[:, start : start + 5]
        sr = net(window, states)
        if start + 5 >= video.size(1):
            return torch.cat([*frames, sr], 1)
        frames.append(sr[:, :3])
        if carry:
            boundary = torch.full((2, 1), 3)
            passed = net.states_at(window, boundary, boundary, initial=states)
            states = States({key: x[:, 0] for key, x in passed.forward.items()})


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize('net', [TINY, BASICVSR], ids=['ristn', 'basicvsr'])
@pytest.mark.parametrize('carry', [False, True], ids=['reset', 'carry'])
@pytest.mark.parametrize('frames', [1, 4, 5, 6, 7, 8, 12])
def test_windows_by_hand(build, real_clip, frames, carry, net):
    wrapper = build(carry, net)
    video = real_clip(frames, 12, 16)
    srs = wrapper(video)
    assert srs.shape == (2, frames, 3, 48, 64)
    assert torch.equal(srs, by_hand(wrapper.net, video, carry))


@torch.no_grad()
def test_modes_differ_where_they_should(build, real_clip):
    video = real_clip(9, 12, 16)
    reset, carried = build(), build(carry=True)
    carried.load_state_dict(reset.state_dict())
    whole, reset, carried = reset.net(video), reset(video), carried(video)
    assert torch.equal(reset[:, :3], carried[:, :3])
    for one, other in ((whole, reset), (whole, carried), (reset, carried)):
        assert (one - other)[:, 3:6].abs().max() > 1e-4


@torch.no_grad()
def test_carried_states_of_a_stack_of_one_layer_are_those_of_the_video(build, real_clip):
    """One layer's forward state does not look ahead: only the backward states differ."""
    wrapper = build(carry=True, net=dict(TINY, layers=1))
    video = real_clip(8, 12, 16)
    seen = []
    unroll = wrapper.net.unroll
    wrapper.net.unroll = lambda lrs, states, cond: seen.append(states) or unroll(lrs, states, cond)
    wrapper(video)
    boundary = torch.full((2, 1), 3)
    expected = wrapper.net.states_at(video, boundary, boundary).forward
    assert len(seen) == 2
    for key, x in seen[1].forward.items():
        assert torch.allclose(x, expected[key][:, 0], atol=1e-6)


@torch.no_grad()
def test_given_states_belong_to_the_ends(build, real_clip):
    wrapper = build()
    video = real_clip(7, 12, 16)
    zeros = wrapper.initial_states(video[:, :1])
    states = zeros.map(lambda x: x + 0.5)
    frames, after = wrapper(video, states, return_states=True)
    first, first_after = wrapper.net(video[:, :5], States(states.forward), return_states=True)
    last, last_after = wrapper.net(video[:, 3:], States(None, states.backward), return_states=True)
    assert torch.equal(frames, torch.cat([first[:, :3], last], 1))
    for key in 'hc':
        assert torch.equal(after.forward[key], last_after.forward[key])
        assert torch.equal(after.backward[key], first_after.backward[key])


def test_training_goes_over_the_whole_clip(build, real_clip):
    wrapper = build().train()
    video = real_clip(7, 12, 16)
    with torch.no_grad():
        assert torch.equal(wrapper(video), wrapper.net(video))


@torch.no_grad()
@pytest.mark.parametrize('outside', ['windows', 'condition'])
def test_frame_numbers_are_those_of_the_video(real_clip, outside):
    windows = dict(type='WindowedInference', net=TINY)
    if outside == 'windows':
        conditioned = dict(type='FrameConditioned', net=TINY, last_frame=9)
        net = MODELS.build(dict(windows, net=conditioned)).eval()
        inner = net.net
    else:
        net = MODELS.build(dict(type='FrameConditioned', net=windows, last_frame=9)).eval()
        inner = net.net.net
    for module in inner.modules():
        if isinstance(module, torch.nn.Conv2d) and module.in_channels == 17:
            module.weight[:, -1] = 1
    video = real_clip(7, 12, 16)
    frames = net(video, start=2)
    last = inner.unroll(video[:, 3:], cond=net.condition(video, 2)[:, 3:]).frames
    assert torch.equal(frames[:, 3:], last)
    wrong = inner.unroll(video[:, 3:], cond=net.condition(video, 0)[:, 3:]).frames
    assert not torch.equal(frames[:, 3:], wrong)


def test_loads_checkpoints_of_the_network_inside():
    def model(generator):
        return MODELS.build(dict(type='RecurrentVSR', generator=generator))

    plain = model(TINY).state_dict()
    wrapped = model(dict(type='WindowedInference', net=TINY))
    for checkpoint in (plain, model(dict(type='WindowedInference', net=TINY)).state_dict()):
        wrapped.load_state_dict(checkpoint, strict=True)
        for key, value in wrapped.state_dict().items():
            theirs = key if key in checkpoint else key.replace('generator.net', 'generator')
            assert torch.equal(value, checkpoint[theirs])
    del plain['generator.temporal.fusion.matrix']
    with pytest.raises(RuntimeError, match='Missing.*generator.net.temporal.fusion.matrix'):
        wrapped.load_state_dict(plain, strict=True)


def test_loads_conditioned_networks_whose_names_look_like_its_own():
    conditioned = dict(type='FrameConditioned', net=TINY, last_frame=9)
    checkpoint = MODELS.build(conditioned).state_dict()
    wrapper = MODELS.build(dict(type='WindowedInference', net=conditioned))
    wrapper.load_state_dict(checkpoint, strict=True)
    for key, value in checkpoint.items():
        assert torch.equal(wrapper.state_dict()[f'net.{key}'], value)


def test_windows_that_leave_frames_out():
    with pytest.raises(ValueError, match='windows of 5 frames at a stride of 6 skip frames'):
        MODELS.build(dict(type='WindowedInference', net=TINY, stride=6))
