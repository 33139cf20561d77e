"""Frame-number conditioning."""

import pytest
import torch
from mmagic.registry import MODELS

from harness.errors import UserError
from harness.evaluation.inference import super_resolve
from tests.harness.networks import light_nets  # noqa: F401  (registers)

CONV_FLOW = dict(type='ConvFlowNet', channels=8)
FRVSR = dict(type='FRVSRNet', mid_channels=8, num_blocks=1, flow_net=CONV_FLOW)
BASICVSR = dict(
    type='StatefulBasicVSRNet', mid_channels=8, num_blocks=1, flow_net=dict(type='DISFlow')
)
NETWORKS = {
    'frvsr': FRVSR,
    'frvsr_residual': dict(FRVSR, tail='pixel_shuffle', residual_recurrence=True),
    'frvsr_tecogan': dict(
        type='FRVSRNet',
        mid_channels=8,
        num_blocks=1,
        upsampler='bicubic_bd',
        flow_net=dict(type='FRVSRFlowNet', padding='flow'),
    ),
    'mrvsr': dict(type='MRVSRNet', mid_channels=8, lipschitz=dict(size=16)),
    'rlsp': dict(type='RLSPNet', mid_channels=8, num_convs=3),
    'rfs3': dict(type='RFS3Net', mid_channels=8, num_convs=3),
    'basicvsr': BASICVSR,
    'basicvsr_spynet': dict(type='StatefulBasicVSRNet', mid_channels=8, num_blocks=1),
    'basicvsr_pp': dict(type='StatefulBasicVSRPlusPlusNet', mid_channels=8, num_blocks=1),
    'iconvsr': dict(type='LightIconVSRNet', num_blocks=1),
    'brcn': dict(type='BRCNNet'),
    'spmc': dict(type='SPMCNet', base_channels=4),
    'spmc_windows': dict(type='SPMCNet', base_channels=4, carry=False),
    'stcn': dict(type='STCNNet', mid_channels=8, num_convs=2, layers=1),
    'plain': dict(type='PlainStepNet', net='tests.harness.networks.plain_nets:TensorNet'),
}
FRAMES, START, LENGTH = 6, 2, 3


def build(net, last_frame=4, **options):
    cfg = dict(type='FrameConditioned', net=net, last_frame=last_frame, **options)
    return MODELS.build(cfg).eval()


def inputs_of_the_plane(net, widened, video):
    """Which input channels of the ``widened`` layers see the plane, by layer and channel.

    The plane is set to a value that no image and no feature has all over.
    """
    mark, found = 1234.5, {}
    net.state_shapes(*video.shape[-2:])  # plain modules run for that, without planes

    def look(name, x):
        seen = (x == mark).flatten(2).all(2).all(0)
        assert seen.any(), f'{name} is wider than without conditioning, but has no constant input'
        assert found.setdefault(name, seen).equal(seen), f'{name}: not always the same channels'

    hooks = [
        layer.register_forward_pre_hook(lambda _, args, name=name: look(name, args[0]))
        for name, layer in net.named_modules()
        if name in widened
    ]
    net.unroll(video, cond=torch.full((*video.shape[:2], 1, 1, 1), mark).to(video))
    for hook in hooks:
        hook.remove()
    return found


def pair(name, video):
    """A network and its conditioned version: the same weights, zeros for the plane.

    It also counts the layers that see the plane.
    """
    plain = MODELS.build(NETWORKS[name]).eval().to(video.dtype)
    conditioned = build(NETWORKS[name]).to(video.dtype)
    weights, wide = plain.state_dict(), conditioned.net.state_dict()
    widened = {key for key, value in wide.items() if value.shape != weights[key].shape}
    assert all(key.endswith('.weight') for key in widened)
    layers = {key.removesuffix('.weight') for key in widened}
    for layer, channels in inputs_of_the_plane(conditioned.net, layers, video).items():
        old = wide[f'{layer}.weight']
        assert int(channels.sum()) == 1
        assert old[:, channels].any(), 'the plane is multiplied by zeros from the beginning'
        new = torch.zeros_like(old)
        new[:, ~channels] = weights[f'{layer}.weight']
        weights[f'{layer}.weight'] = new
    conditioned.net.load_state_dict(weights, strict=True)
    return plain, conditioned, len(layers)


@torch.no_grad()
@pytest.mark.parametrize(
    'name',
    [
        pytest.param(name, marks=pytest.mark.slow if name == 'basicvsr_pp' else ())
        for name in NETWORKS
    ],
)
def test_zero_weights_of_the_plane_leave_the_network_as_it_was(name, real_clip):
    """Compared in double precision and rounded to single: a convolution with more channels may add
    the same numbers in another order."""
    video = real_clip(3, 18, 26, batch=1).double()
    plain, conditioned, layers = pair(name, video)
    # BasicVSR++ has four branches, STCN two kernels in each of two directions
    branches = 4 if name in ('basicvsr_pp', 'stcn') else 2
    assert layers == (branches if plain.bidirectional else 1)
    assert torch.equal(conditioned(video, start=3).float(), plain(video).float())


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize('name', NETWORKS)
def test_the_plane_enters_every_frame(name, real_clip):
    video = real_clip(3, 18, 26, batch=1)
    conditioned = build(NETWORKS[name])
    difference = (conditioned(video, start=0) - conditioned(video, start=1)).abs()
    assert difference.amax((0, 2, 3, 4)).min() > 1e-6


def test_frame_numbers_by_hand():
    net = build(FRVSR)
    lrs = torch.zeros(2, 3, 3, 8, 8)
    planes = net.condition(lrs, 0)
    assert planes.shape == (2, 3, 1, 1, 1)
    assert planes.flatten().tolist() == [0, 0.25, 0.5] * 2
    mixed = net.condition(lrs, torch.tensor([1, 3]))
    assert mixed[..., 0, 0, 0].tolist() == [[0.25, 0.5, 0.75], [0.75, 1, 1]]
    assert net.net.condition(lrs, 5) is None


def test_numbers_of_each_video_by_hand():
    """Videos of 3 and of 5 frames, and one of a single frame."""
    net = build(FRVSR, last_frame=None)
    planes = net.condition(torch.zeros(2, 3, 3, 8, 8), torch.tensor([0, 2]), torch.tensor([3, 5]))
    assert planes[..., 0, 0, 0].tolist() == [[0, 0.5, 1], [0.5, 0.75, 1]]
    assert net.condition(torch.zeros(1, 1, 3, 8, 8), 0, 1).flatten().tolist() == [0]


def test_counting_from_both_ends_by_hand():
    lrs = torch.zeros(1, 3, 3, 8, 8)
    planes = build(BASICVSR, direction_aware=True).condition(lrs, 1, 7)
    assert planes.shape == (1, 3, 2, 1, 1)
    assert planes[0, :, :, 0, 0].tolist() == [[0.25, 1], [0.5, 1], [0.75, 0.75]]
    planes = build(BASICVSR, None, direction_aware=True).condition(lrs, 1, 5)
    assert planes[0, :, :, 0, 0].tolist() == [[0.25, 0.75], [0.5, 0.5], [0.75, 0.25]]


@pytest.mark.slow
@torch.no_grad()
def test_each_direction_has_its_own_numbers(real_clip):
    """With the same weights in both branches a video and its mirror image have mirrored frames."""
    net = build(BASICVSR, direction_aware=True)
    branches = net.net.forward_resblocks, net.net.backward_resblocks
    branches[1].load_state_dict(branches[0].state_dict())
    fusion = net.net.fusion.weight
    fusion[:, 8:] = fusion[:, :8]
    video = real_clip(4, 18, 26)
    frames, mirrored = net(video, length=4), net(video.flip(1), length=4)
    assert (frames - mirrored.flip(1)).abs().max() <= 1e-5
    one_way = build(BASICVSR)
    one_way.load_state_dict(net.state_dict())
    assert (one_way(video) - one_way(video.flip(1)).flip(1)).abs().max() > 1e-4


@torch.no_grad()
@pytest.mark.parametrize(
    'net, options',
    [
        (FRVSR, dict(last_frame=None)),
        (BASICVSR, dict(last_frame=None)),
        (BASICVSR, dict(last_frame=3, direction_aware=True)),
    ],
    ids=['frvsr own length', 'basicvsr own length', 'basicvsr direction-aware'],
)
def test_clips_from_states_equal_the_whole_video(net, options, real_clip):
    """Transparency where a clip must know how long its video is."""
    net = build(net, **options)
    video = real_clip(FRAMES, 18, 26)
    start = torch.full((2, 1), START)
    states = net.states_at(video, start, start + LENGTH, net.condition(video, 0, FRAMES))
    clip = slice(START, START + LENGTH)
    mine = states.map(lambda x: x[:, 0])
    frames = net(video[:, clip], mine, START, length=FRAMES)
    expected = net(video, length=FRAMES)[:, clip]
    assert (frames - expected).abs().max() <= 1e-5
    assert (net(video[:, clip], mine, START, length=LENGTH) - expected).abs().max() > 1e-5


@torch.no_grad()
def test_a_reset_begins_a_new_video(real_clip):
    """Frames beyond the last frame number all read 1, and after a reset they read 0 again."""
    net = build(FRVSR, last_frame=2)
    video = real_clip(5, 18, 26)
    before, states = net(video[:, :4], return_states=True)
    assert torch.equal(net.condition(video, 3), torch.ones(2, 5, 1, 1, 1))
    after = net(video[:, 4:], None, 0)
    assert torch.equal(after, net(video[:, 4:]))
    assert not torch.allclose(after, net(video[:, 4:], states, 4))
    assert torch.equal(before, net(video[:, :4]))


def test_a_stream_of_unknown_length_is_refused(photographs):
    frames = [photographs[0][:16, :20]] * 3
    for option in (None, 2):
        assert len(list(super_resolve(build(FRVSR, option), frames, 'cpu', length=3))) == 3
    assert len(list(super_resolve(build(FRVSR), frames, 'cpu'))) == 3
    with pytest.raises(UserError, match='length of the video'):
        list(super_resolve(build(FRVSR, None), frames, 'cpu'))
    with pytest.raises(UserError, match='length of the video'):
        build(BASICVSR, direction_aware=True)(torch.zeros(1, 2, 3, 16, 16))


def test_impossible_options():
    with pytest.raises(ValueError, match='last_frame'):
        build(FRVSR, last_frame=0)
    with pytest.raises(UserError, match='FRVSRNet has no backward branch'):
        build(FRVSR, direction_aware=True)
