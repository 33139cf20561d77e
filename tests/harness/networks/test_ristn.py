"""RISTN as a whole: sizes of its variants, fusion, reconstruction, losses, states in training."""

import pytest
import torch
import torch.nn.functional as F
from mmagic.registry import MODELS

from harness.errors import UserError
from harness.networks.zoo import RISTNNet, States

TINY = dict(type='RISTNNet', bottlenecks=((2, 1), (2, 1)), layers=2, growth=4)
OLDER = ((6, 8, 10, 8), (6, 6, 12, 4))


def size(**options):
    return sum(p.numel() for p in RISTNNet(**options).parameters())


@pytest.mark.slow
@pytest.mark.parametrize(
    'options, parameters, paper',
    [
        # Table 1, in millions; the text's numbers of bottlenecks, and the published code's
        (dict(temporal=None), 1_227_760, 1.21),
        (dict(temporal=None, block='IB'), 1_227_760, 1.21),
        (dict(temporal=None, block='RB', bottlenecks=OLDER), 6_093_118, 6.08),
        (dict(temporal=None, block='RB'), 7_275_842, None),
        (dict(temporal=None, deconv_kernel=3), 1_883_120, None),
        (dict(), 3_803_120, None),
        (dict(fusion='dense'), 3_803_120, None),
        # without the 512 x 256 matrix
        (dict(fusion='none'), 3_803_120 - 512 * 256, None),
    ],
    ids=str,
)
def test_sizes(options, parameters, paper):
    assert size(**options) == parameters
    assert paper is None or abs(parameters / 1e6 - paper) < 0.02


@pytest.fixture
def net(settle):
    """A small network with the batch-norm statistics of real frames."""
    return settle(MODELS.build(TINY))


@torch.no_grad()
def test_frames_by_hand(net, real_clip):
    """Eqs. 6 to 8 on one frame, with the matrix product written as such."""
    lrs = real_clip(1, 12, 16)
    t = net.temporal
    spatial = net.spatial(lrs[:, 0])
    x = t.map_in(spatial)
    zeros = torch.zeros(2, 4, 12, 16)
    layers, source = [], x
    for ahead, back in zip(t.lstm.forward_layers, t.lstm.backward_layers, strict=True):
        both = [d([source[:, None]], (zeros, zeros), False)[0][:, 1] for d in (ahead, back)]
        layers.append(torch.cat(both, 1))
        source = torch.cat(layers, 1)
    temporal = t.map_out(x + source)
    concatenated = torch.cat([temporal, spatial], 1).permute(0, 2, 3, 1)
    assert t.fusion.matrix.shape == (128, 64)
    fused = (concatenated @ t.fusion.matrix).permute(0, 3, 1, 2)
    expected = net.reconstruction(t.equalize(fused))
    assert expected.shape == (2, 3, 48, 64)
    assert (net(lrs)[:, 0] - expected).abs().max() <= 1e-5


@torch.no_grad()
@pytest.mark.parametrize('fusion', ['sparse', 'dense', 'none'])
def test_only_fusion_brings_spatial_features_to_the_end(fusion, real_clip):
    """Without it nothing gets past an LSTM whose output is silenced."""
    net = MODELS.build(dict(TINY, fusion=fusion)).eval()
    net.temporal.map_out[0].weight.zero_()
    clip = real_clip(2, 12, 16)
    differs = not torch.equal(net(clip), net(clip.flip(1)))
    assert differs == (fusion != 'none')


@torch.no_grad()
@pytest.mark.parametrize('kernel', [2, 3])
def test_deconvolutions_double_the_size(kernel, real_clip):
    net = MODELS.build(dict(TINY, deconv_kernel=kernel)).eval()
    assert [m.kernel_size for m in net.reconstruction.upscale[::2]] == [(kernel, kernel)] * 2
    assert net(real_clip(1, 11, 17)).shape == (2, 1, 3, 44, 68)


@torch.no_grad()
def test_spatial_only_takes_every_frame_by_itself(real_clip):
    net = MODELS.build(dict(TINY, temporal=None)).eval()
    clip = real_clip(3, 12, 16)
    frames, states = net(clip, return_states=True)
    assert not net.bidirectional
    assert net.state_shapes(12, 16) == ({}, {})
    assert states == States()
    for t in range(3):
        alone = net.reconstruction(net.spatial(clip[:, t]))
        assert (frames[:, t] - alone).abs().max() <= 1e-6
    boundary = torch.zeros(2, 1, dtype=torch.long)
    with pytest.raises(UserError, match='has no states'):
        net.states_at(clip, boundary, boundary)


def test_batch_norm_sees_all_frames_of_a_batch(real_clip):
    net = MODELS.build(TINY)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1
    clip = real_clip(3, 12, 16)
    with torch.no_grad():
        net(clip)
        features = net.spatial(clip.flatten(0, 1))
    norm = net.temporal.map_in[0]
    assert torch.allclose(norm.running_mean, features.mean((0, 2, 3)), atol=1e-5)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    starts = torch.zeros(2, 1, dtype=torch.long)
    net.eval().states_at(clip.flip(1), starts, starts + 2)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


@pytest.mark.parametrize('fusion', ['sparse', 'dense', 'none'])
def test_losses(fusion, real_clip):
    generator = dict(TINY, fusion=fusion, sparsity=0.25)
    model = MODELS.build(
        dict(type='RecurrentVSR', generator=generator, pixel_loss=dict(type='MSELoss'))
    )
    clip, gts = real_clip(2, 12, 16), torch.rand(2, 2, 3, 48, 64)
    losses = model(clip, gts, mode='loss')
    with torch.no_grad():
        assert torch.allclose(losses['loss_pixel'], F.mse_loss(model(clip), gts))
    assert set(losses) == {'loss_pixel', 'loss_sparsity'} - {fusion != 'sparse' and 'loss_sparsity'}
    if fusion == 'sparse':
        matrix = model.generator.temporal.fusion.matrix
        assert losses['loss_sparsity'].item() == pytest.approx(0.25 * matrix.abs().sum().item())
        losses['loss_sparsity'].backward()
        assert torch.allclose(matrix.grad, 0.25 * matrix.sign())


def conditioned_pair(net):
    """The network with planes of which it knows nothing: zeros for their weights."""
    conditioned = MODELS.build(dict(type='FrameConditioned', net=TINY, last_frame=4)).eval()
    weights = net.state_dict()
    for layers in ('forward_layers', 'backward_layers'):
        key = f'temporal.lstm.{layers}.0.from_input.weight'
        weights[key] = torch.cat([weights[key], torch.zeros_like(weights[key][:, :1])], 1)
    conditioned.net.load_state_dict(weights, strict=True)
    return conditioned


@torch.no_grad()
def test_zero_weights_of_the_plane_leave_the_network_as_it_was(net, real_clip):
    video = real_clip(4, 18, 26).double()
    conditioned = conditioned_pair(net).double()
    assert torch.equal(conditioned(video, start=3).float(), net.double()(video).float())


@torch.no_grad()
def test_the_plane_enters_every_frame_in_both_directions(net, real_clip):
    video = real_clip(3, 18, 26)
    lstm = net.temporal.lstm
    for layers in ('forward_layers', 'backward_layers'):
        conditioned = conditioned_pair(net)
        first = getattr(conditioned.net.temporal.lstm, layers)[0].from_input
        assert first.in_channels == lstm.channels + 1
        first.weight[:, -1] = 0.3
        difference = (conditioned(video, start=0) - conditioned(video, start=1)).abs()
        assert difference.amax((0, 2, 3, 4)).min() > 1e-4


@torch.no_grad()
def test_planes_of_its_own_for_each_direction(net, real_clip):
    video = real_clip(3, 18, 26)
    conditioned = conditioned_pair(net).net
    numbers, zeros = torch.rand(2, 3, 1, 1, 1), torch.zeros(2, 3, 1, 1, 1)
    conditioned.temporal.lstm.backward_layers[0].from_input.weight[:, -1] = 0.3
    both = conditioned.unroll(video, cond=torch.cat([zeros, numbers], 2)).frames
    assert torch.equal(both, conditioned.unroll(video, cond=numbers).frames)
    other = conditioned.unroll(video, cond=torch.cat([numbers, zeros], 2)).frames
    assert torch.equal(other, conditioned.unroll(video, cond=zeros).frames)


def test_gradient_reaches_every_weight_from_a_given_state(net, real_clip):
    net.train()
    clip = real_clip(5, 12, 16)
    starts = torch.ones(2, 1, dtype=torch.long)
    states = net.states_at(clip, starts, starts + 2).map(lambda x: x[:, 0])
    net(clip[:, 1:3], states).square().mean().backward()
    dead = {name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()}
    of_zeros = {
        name
        for name, _ in net.named_parameters()
        for branch in (0, 1)
        if name.startswith(f'spatial.stages.0.{branch}.invertible.bottlenecks.0.')
    }
    assert dead == of_zeros  # the first bottleneck sees padding only


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(block='XB'), r"block must be one of 'RIB', 'IB', 'RB', got 'XB'"),
        (dict(temporal='CD'), r"temporal must be one of 'C', 'RC', 'DC', 'RDC', None, got 'CD'"),
        (dict(fusion=None), r"fusion must be one of 'sparse', 'dense', 'none', got None"),
        (dict(temporal=None, cond_channels=1), 'no recurrence'),
    ],
)
def test_options_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(dict(TINY, **options))
