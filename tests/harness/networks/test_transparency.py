"""Transparency: a clip that starts from the right state gives the frames of the whole video."""

import pytest
import torch
from mmagic.registry import MODELS

from harness.networks.recurrent import OBSERVED
from harness.networks.upsample import bicubic
from harness.networks.zoo import FrameWindowNet, States
from tests.harness.networks import light_nets  # noqa: F401  (registers)


@MODELS.register_module()
class WideWindowNet(FrameWindowNet):
    """Two frames on each side, told apart by their weights."""

    radius = 2

    def super_resolve_centre(self, windows):
        weights = torch.tensor([0.1, -0.2, 0.8, 0.4, -0.1]).view(5, 1, 1, 1)
        return bicubic((windows * weights).sum(1), 'bd'), {}


CONV_FLOW = dict(type='ConvFlowNet', channels=8)
PLAIN = 'tests.harness.networks.plain_nets'
NETWORKS = {
    'frvsr': dict(type='FRVSRNet', mid_channels=8, num_blocks=1, flow_net=CONV_FLOW),
    'frvsr_flownet': dict(
        type='FRVSRNet', mid_channels=8, num_blocks=1, flow_net=dict(type='FRVSRFlowNet')
    ),
    'frvsr_residual': dict(
        type='FRVSRNet',
        mid_channels=8,
        num_blocks=2,
        flow_net=CONV_FLOW,
        tail='pixel_shuffle',
        residual_recurrence=True,
    ),
    'basicvsr_spynet': dict(type='StatefulBasicVSRNet', mid_channels=8, num_blocks=1),
    'basicvsr_dis': dict(
        type='StatefulBasicVSRNet',
        mid_channels=8,
        num_blocks=2,
        hr_channels=16,
        flow_net=dict(type='DISFlow'),
    ),
    'real_basicvsr': dict(
        type='StatefulRealBasicVSRNet',
        mid_channels=8,
        num_propagation_blocks=1,
        num_cleaning_blocks=1,
        dynamic_refine_thres=5,
    ),
    'basicvsr_pp': dict(type='StatefulBasicVSRPlusPlusNet', mid_channels=8, num_blocks=1),
    'iconvsr': dict(type='StatefulIconVSRNet', num_blocks=1, keyframe_stride=4),
    'mrvsr': dict(type='MRVSRNet', mid_channels=8, lipschitz=dict(size=16)),
    'rlsp': dict(type='RLSPNet', mid_channels=8, num_convs=3),
    'rfs3': dict(type='RFS3Net', mid_channels=8, num_convs=3),
    'real_viformer': dict(
        type='RealViformerNet',
        mid_channels=8,
        num_blocks=(1, 1, 1, 1),
        heads=(1, 2, 2),
        squeeze=2,
        flow_net=CONV_FLOW,
    ),
    'animesr': dict(type='AnimeSRNet', mid_channels=8, num_blocks=(3, 2, 1)),
    'brcn': dict(type='BRCNNet'),
    'rrn': dict(type='RRNNet', mid_channels=8, num_blocks=2),
    'rrn_causal': dict(type='RRNNet', mid_channels=8, num_blocks=2, mirror_start=False),
    'rsdn': dict(type='RSDNNet', mid_channels=8, num_blocks=2),
    'rsdn_causal': dict(type='RSDNNet', mid_channels=8, num_blocks=2, mirror_start=False),
    'vespcn': dict(type='VESPCNNet', num_layers=3),
    'temporal_adaptive': dict(type='TemporalAdaptiveNet', branches=2, patch=8),
    'spmc': dict(type='SPMCNet', base_channels=4),
    'spmc_windows': dict(type='SPMCNet', base_channels=4, carry=False),
    'stcn': dict(type='STCNNet', mid_channels=8, num_convs=2, layers=2),
    'wide_window': dict(type='WideWindowNet'),
    'ristn': dict(type='RISTNNet', bottlenecks=((2, 1), (3, 2)), layers=3, growth=4),
    'ristn_plain': dict(
        type='RISTNNet', bottlenecks=((2,), (3,)), temporal='C', layers=2, growth=4, fusion='none'
    ),
    'plain_tensor': dict(type='PlainStepNet', net=f'{PLAIN}:TensorNet'),
    'plain_tuple': dict(type='PlainStepNet', net=f'{PLAIN}:TupleNet'),
    'plain_named_tuple': dict(type='PlainStepNet', net=f'{PLAIN}:NamedTupleNet'),
    'plain_dict': dict(type='PlainStepNet', net=f'{PLAIN}:DictNet'),
}
#: the network that takes another's place here
LIGHTER = {'iconvsr': 'LightIconVSRNet'}
#: without a recurrence that a plane could enter, or one that takes it
WITHOUT_PLANES = ('vespcn', 'temporal_adaptive', 'wide_window')
WITHOUT_PLANES += ('plain_tuple', 'plain_named_tuple', 'plain_dict')
CASES = [(name, fc) for name in NETWORKS for fc in (False, True)]
CASES = [(name, fc) for name, fc in CASES if not (fc and name in WITHOUT_PLANES)]
UNSCALED = ('rlsp', 'real_viformer')
#: networks that take longest
HEAVY = ('basicvsr_spynet', 'basicvsr_pp', 'real_basicvsr', 'iconvsr', 'brcn', 'spmc', 'stcn')
HEAVY += ('real_viformer',)
FRAMES, LENGTH = 7, 2


@pytest.fixture(
    scope='module',
    params=[
        pytest.param(
            (name, fc),
            id=name + ('-FC' if fc else ''),
            marks=pytest.mark.slow if fc or name in HEAVY else (),
        )
        for name, fc in CASES
    ],
)
def net(request, settle):
    """A small network, plain and frame-conditioned, that has to carry states across chunks."""
    torch.manual_seed(0)
    name, conditioned = request.param
    inner = dict(NETWORKS[name], type=LIGHTER.get(name, NETWORKS[name]['type']))
    cfg = dict(type='FrameConditioned', net=inner, last_frame=5) if conditioned else inner
    net = MODELS.build(cfg)
    # most freshly initialised networks hardly look at their states; RLSP would blow itself up, and
    # RealViformer, which divides by small deviations, its rounding
    for key, parameter in net.named_parameters() if name not in UNSCALED else ():
        if 'conv_offset' in key:
            torch.nn.init.normal_(parameter, std=0.03)  # they begin as zeros
        if parameter.ndim == 4 and parameter.shape[-1] == 3:
            weak = 'lstm' in key and 'spmc' not in name  # SPMC's begin as Glorot's
            parameter.data.mul_(10 if weak else 4 if 'neuro' in key else 1.5)
    for module in net.modules():
        if hasattr(module, 'chunk'):
            module.chunk = 3
        if hasattr(module, 'smallest'):
            module.smallest = 20  # padded like this, but faster
    return settle(net)


@pytest.fixture(scope='module')
def video(real_clip):
    """Two videos of FRAMES frames."""
    return real_clip(FRAMES, 18, 26)


@pytest.fixture(scope='module')
def whole(net, video):
    """Their SR frames."""
    with torch.no_grad():
        return net(video)


@pytest.fixture(scope='module')
def states(net, video):
    """States (B, R, ...) for the clips that start at frame 0, 1, ..., FRAMES - LENGTH."""
    starts = torch.arange(FRAMES - LENGTH + 1).expand(len(video), -1)
    return net.states_at(video, starts, starts + LENGTH, net.condition(video, 0))


def neighbour(state, before):
    """The LR frame (..., 3, H, W) of a state that is next to its boundary."""
    return state['lr'] if 'lr' in state else state['lrs'][..., -1 if before else 0, :, :, :]


def test_clips_from_states_equal_the_whole_video(net, video, whole, states):
    """All starts, also t = 0 and clips that end with the video, mixed in the batch."""
    last = FRAMES - LENGTH
    with torch.no_grad():
        for first in range(last + 1):
            starts = torch.tensor([first, (first + 2) % (last + 1)])
            clip = torch.stack([v[s : s + LENGTH] for v, s in zip(video, starts, strict=True)])
            mine = states.map(lambda x, s=starts: x[torch.arange(2), s])
            frames = net(clip, mine, starts)
            expected = torch.stack([w[s : s + LENGTH] for w, s in zip(whole, starts, strict=True)])
            assert (frames - expected).abs().max() <= 1e-5, f'starts {starts.tolist()}'


def test_states_matter(net, video, states):
    """Otherwise the test above would pass for a network that ignores its state."""
    states = states.map(lambda x: x[:, 3])
    with torch.no_grad():
        clip = video[:, 3 : 3 + LENGTH]
        difference = net(clip, states, 3) - net(clip, None, 3)
    # of the first frame: forward; of the last one: backward where there is one
    assert difference[:, 0].abs().max() > 1e-3
    assert difference[:, -1].abs().max() > 1e-3


def test_states_at_unordered_and_repeated_boundaries(net, video, states):
    """Each requested boundary gets its state, whatever is asked for beside it."""
    starts = torch.tensor([[4, 1, 4], [0, 0, 2]])
    chosen = net.states_at(video, starts, starts + LENGTH, net.condition(video, 0))
    for direction, expected in zip(chosen, states, strict=True):
        for key in direction or ():
            for b in range(2):
                assert torch.allclose(direction[key][b], expected[key][b, starts[b]], atol=1e-5)
    assert (chosen.backward is not None) == bool(net.bidirectional or net.look_ahead)
    if not {'lr', 'lrs'} & set(chosen.forward):
        return
    before = neighbour(chosen.forward, before=True)
    assert before.shape == (2, 3, 3, 18, 26)
    assert torch.equal(before[0, 0], video[0, 3])
    assert not before[1, 0].any()
    if chosen.backward is not None:
        assert torch.equal(neighbour(chosen.backward, before=False)[0, 1], video[0, 3])


def test_end_of_the_video_is_the_initial_backward_state(net, video):
    if not (net.bidirectional or net.look_ahead):
        pytest.skip('has no backward state')
    ends = torch.full((2, 1), FRAMES)
    states = net.states_at(video, ends - 1, ends, net.condition(video, 0))
    assert not any(x.any() for x in states.backward.values())
    assert all(x.any() for x in states.forward.values())


def test_states_of_videos_of_different_lengths(net, video):
    """What follows a video in a padded batch has no influence."""
    lengths = torch.tensor([5, FRAMES])
    starts = torch.tensor([[0, 3, 2], [0, 5, 1]])
    cond = net.condition(video, 0)
    padded = video.clone()
    padded[0, 5:] = 0.7
    together = net.states_at(padded, starts, starts + LENGTH, cond, lengths=lengths)
    for b, length in enumerate(lengths):
        alone = net.states_at(
            video[b : b + 1, :length],
            starts[b : b + 1],
            starts[b : b + 1] + LENGTH,
            None if cond is None else cond[b : b + 1, :length],
        )
        for direction, expected in zip(together, alone, strict=True):
            for key, x in (direction or {}).items():
                assert torch.allclose(x[b], expected[key][0], atol=1e-5), (b, key)


def test_states_from_given_initial_states(net, video):
    """The rest of a video, from the states at its ends, leads to the states of the whole one."""
    cut, starts = 2, torch.tensor([[1, 3], [0, 2]])
    cond = net.condition(video, 0)
    at_cut = torch.full((2, 1), cut)
    ends = torch.full((2, 1), FRAMES - 1)
    initial = net.states_at(video, at_cut, ends, cond).map(lambda x: x[:, 0])
    rest = net.states_at(
        video[:, cut : FRAMES - 1],
        starts,
        starts + 1,
        None if cond is None else cond[:, cut : FRAMES - 1],
        initial=initial,
    )
    expected = net.states_at(video, starts + cut, starts + cut + 1, cond)
    for direction, wanted in zip(rest, expected, strict=True):
        for key, x in (direction or {}).items():
            assert torch.allclose(x, wanted[key], atol=1e-5), key


def test_random_states(net, video):
    """Noise in the memory, the video's own outer frames as its neighbours."""
    states = net.random_states(video, 0.3, torch.Generator().manual_seed(1))
    if isinstance(net, FrameWindowNet):  # there is no memory
        assert not any(x.any() for state in states for x in state.values())
        return
    again = net.random_states(video, 0.3, torch.Generator().manual_seed(1))
    for direction, same in zip(states, again, strict=True):
        for key, x in (direction or {}).items():
            assert torch.equal(x, same[key])
            if key not in OBSERVED and not (net.look_ahead and direction is states.backward):
                assert abs(float(x.std()) - 0.3) < 0.03
    if not {'lr', 'lrs'} & set(states.forward):
        return
    assert torch.equal(neighbour(states.forward, before=True), video[:, 0])
    if net.bidirectional:
        assert torch.equal(neighbour(states.backward, before=False), video[:, -1])
    elif net.look_ahead:
        assert (states.forward['known'] == 1).all()
        assert not any(x.any() for x in states.backward.values())


def test_states_are_detached(states):
    assert torch.is_grad_enabled()
    for direction in states:
        for state in (direction or {}).values():
            assert not state.requires_grad


def test_zero_states_are_no_states(net, video):
    clip = video[:, :LENGTH]
    zeros = net.initial_states(clip)
    shapes = net.state_shapes(18, 26)
    for direction, expected in zip(zeros, shapes, strict=True):
        assert {k: tuple(x.shape[1:]) for k, x in (direction or {}).items()} == expected
    with torch.no_grad():
        assert (net(clip, zeros) - net(clip)).abs().max() <= 1e-6


def test_returned_states_chain(net, video, whole):
    """Clip after clip, each from the state that the one before returned."""
    if net.bidirectional:
        pytest.skip('the backward state comes from the future')
    with torch.no_grad():
        pieces, states, start = [], None, 0
        for length in (1, 3, 2, 1):
            clip = video[:, start : start + length]
            if net.look_ahead:
                coming = video[:, start + length : start + length + net.look_ahead]
                states = States(states and states.forward, net.following(coming))
            frames, states = net(clip, states, start, return_states=True)
            pieces.append(frames)
            start += length
    assert (torch.cat(pieces, 1) - whole).abs().max() <= 1e-5


def test_returned_states_are_those_of_the_state_pass(net, video):
    boundary = torch.full((2, 1), 4)
    states = net.states_at(video, boundary, boundary, net.condition(video, 0)).map(
        lambda x: x[:, 0]
    )
    # the states of stacked layers depend on what comes from the other side of the boundary
    with torch.no_grad():
        _, after = net(video[:, :4], States(None, states.backward), 0, return_states=True)
        _, before = net(video[:, 4:], States(states.forward, None), 4, return_states=True)
    for key, x in after.forward.items():
        assert torch.allclose(x, states.forward[key], atol=1e-5)
    for key, x in (before.backward or {}).items():
        assert torch.allclose(x, states.backward[key], atol=1e-5)
