"""RecurrentVSR: its modes, its losses, and the gradient of a clip that starts from a state."""

import pytest
import torch
from mmagic.models.utils import flow_warp
from mmagic.registry import MODELS

CHARBONNIER = dict(type='CharbonnierLoss', loss_weight=1.0, reduction='mean')
FRVSR = dict(
    type='FRVSRNet', mid_channels=8, num_blocks=1, flow_net=dict(type='ConvFlowNet', channels=8)
)
START, LENGTH = 2, 3


def build(generator, **kwargs):
    cfg = dict(type='RecurrentVSR', generator=generator, pixel_loss=CHARBONNIER, **kwargs)
    return MODELS.build(cfg)


def test_preprocessor_scales_bytes_once():
    data = dict(inputs=torch.tensor([[0, 255]], dtype=torch.uint8), start=torch.tensor([3]))
    done = build(FRVSR).data_preprocessor(data)
    assert done['inputs'].tolist() == [[0, 1]]
    assert done['start'].tolist() == [3]
    assert data['inputs'].dtype == torch.uint8
    again = build(FRVSR).data_preprocessor(done)
    assert again['inputs'].tolist() == [[0, 1]]


def test_tensor_and_loss_modes(real_clip):
    model = build(FRVSR, flow_loss_weight=0.5)
    clip = real_clip(3, 16, 20)
    frames = model(clip)
    assert frames.shape == (2, 3, 3, 64, 80)
    assert torch.equal(frames, model.generator(clip))
    gts = torch.rand_like(frames)
    losses = model(clip, gts, mode='loss')
    charbonnier = torch.sqrt((frames - gts) ** 2 + 1e-12).mean()
    assert torch.allclose(losses['loss_pixel'], charbonnier)
    flows = [model.generator.flow_net(clip[:, t], clip[:, t - 1]) for t in (1, 2)]
    errors = [
        (flow_warp(clip[:, t], flow.permute(0, 2, 3, 1), padding_mode='border') - clip[:, t + 1])
        for t, flow in enumerate(flows)
    ]
    expected = 0.5 * torch.stack(errors).square().mean()
    assert torch.allclose(losses['loss_flow'], expected, rtol=1e-4)


@pytest.mark.parametrize(
    'generator, weight',
    [(FRVSR, 0), (dict(type='StatefulBasicVSRNet', mid_channels=4, num_blocks=1), 1.0)],
    ids=['weight 0', 'no flow to train'],
)
def test_no_flow_loss(real_clip, generator, weight):
    losses = build(generator, flow_loss_weight=weight)(
        real_clip(2, 16, 16), torch.rand(2, 2, 3, 64, 64), mode='loss'
    )
    assert set(losses) == {'loss_pixel'}


def frvsr_window_cut(net, video):
    """The whole video frame by frame; the state into frame START comes without its history."""
    frames, states = [], None
    for t in range(video.size(1)):
        if t == START:
            states = states.map(torch.Tensor.detach)
        frame, states = net(video[:, t : t + 1], states, return_states=True)
        frames.append(frame)
    return torch.cat(frames, 1)


def basicvsr_window_cut(net, video):
    """MMagic's loops over the whole video with the graph cut at both ends of the clip."""

    def branch(blocks, order, cut_before):
        feats, previous = {}, None
        feat = video.new_zeros(len(video), net.mid_channels, *video.shape[-2:])
        for t in order:
            if previous is not None:
                feat = feat.detach() if t == cut_before else feat
                flow = net.spynet(video[:, t], video[:, previous])
                feat = flow_warp(feat, flow.permute(0, 2, 3, 1))
            feat = blocks(torch.cat([video[:, t], feat], 1))
            feats[t], previous = feat, t
        return feats

    numbers = range(video.size(1))
    backward = branch(net.backward_resblocks, numbers[::-1], START + LENGTH - 1)
    forward = branch(net.forward_resblocks, numbers, START)
    frames = [net.reconstruct(video[:, t], backward[t], forward[t]) for t in numbers]
    return torch.stack(frames, 1)


@pytest.mark.parametrize(
    'generator, run_cut',
    [
        (dict(FRVSR, residual_recurrence=True), frvsr_window_cut),
        pytest.param(
            dict(type='StatefulBasicVSRNet', mid_channels=8, num_blocks=1),
            basicvsr_window_cut,
            marks=pytest.mark.slow,
        ),
    ],
    ids=['frvsr', 'basicvsr'],
)
def test_gradient_of_a_clip_is_that_of_the_window_cut_at_its_ends(real_clip, generator, run_cut):
    model = MODELS.build(
        dict(type='RecurrentVSR', generator=generator, pixel_loss=dict(type='MSELoss'))
    ).train()
    net = model.generator
    for name, parameter in net.named_parameters():
        if 'spynet' not in name and parameter.ndim == 4:  # or the states hardly matter
            parameter.data.mul_(2)
    video = real_clip(7, 16, 20)
    gts = torch.rand(2, LENGTH, 3, 64, 80)

    def gradients(loss):
        net.zero_grad()
        loss.backward()
        return {name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None}

    start = torch.full((2, 1), START)
    states = net.states_at(video, start, start + LENGTH).map(lambda x: x[:, 0])
    clip = slice(START, START + LENGTH)
    ours = gradients(model(video[:, clip], gts, states, mode='loss')['loss_pixel'])
    expected = gradients(model.pixel_loss(run_cut(net, video)[:, clip], gts))
    assert set(ours) == set(expected)
    for name, gradient in expected.items():
        scale = gradient.abs().max()
        assert (ours[name] - gradient).abs().max() <= 1e-3 * scale + 1e-7, name
    # and the cut matters
    uncut = gradients(model.pixel_loss(net(video)[:, clip], gts))
    assert any((uncut[n] - g).abs().max() > 0.05 * g.abs().max() for n, g in expected.items())


@pytest.mark.slow
@pytest.mark.parametrize(
    'generator',
    [FRVSR, dict(type='StatefulBasicVSRNet', mid_channels=8, num_blocks=1)],
    ids=['frvsr', 'basicvsr'],
)
def test_a_clip_of_the_whole_video_is_plain_bptt(real_clip, generator):
    """With l = T the stored states are the initial ones: loss and gradient of BPTT."""
    model = MODELS.build(
        dict(type='RecurrentVSR', generator=generator, pixel_loss=dict(type='MSELoss'))
    ).train()
    net, video = model.generator, real_clip(5, 16, 20)
    gts = torch.rand(2, 5, 3, 64, 80)
    start = torch.zeros(2, 1, dtype=torch.long)
    states = net.states_at(video, start, start + 5).map(lambda x: x[:, 0])
    gradients = []
    for given in (states, None):
        net.zero_grad()
        model(video, gts, given, mode='loss')['loss_pixel'].backward()
        gradients.append({n: p.grad.clone() for n, p in net.named_parameters() if 'spy' not in n})
    for name, gradient in gradients[1].items():
        assert torch.allclose(gradients[0][name], gradient, rtol=1e-3, atol=1e-6), name
