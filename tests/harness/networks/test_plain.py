"""Plain modules as networks: their states by hand, their weights, and what is refused."""

import pytest
import torch
from mmagic.registry import MODELS
from torch import nn

from harness.errors import UserError
from harness.networks.plain import PlainStepNet, PlainVideoNet
from harness.networks.recurrent import States
from tests.harness.networks import plain_nets
from tests.harness.networks.plain_nets import DictNet, Memory, TensorNet, TupleNet, VideoNet

FILE = 'tests.harness.networks.plain_nets'
SIZE = (18, 26)
SHAPES = {
    'TensorNet': dict(state=(8, 18, 26)),
    'TupleNet': {'0': (8, 9, 13), '1': (8, 9, 13)},
    'NamedTupleNet': {'0': (8, 18, 26), '1': (1, 18, 26)},
    'DictNet': dict(lr=(3, 18, 26), sr=(3, 72, 104)),
}


@pytest.mark.parametrize('name', SHAPES)
def test_shapes_of_the_state_are_found(name):
    net = MODELS.build(dict(type='PlainStepNet', net=f'{FILE}:{name}'))
    assert net.state_shapes(*SIZE) == (SHAPES[name], {})
    assert net.has_states and not net.bidirectional and not net.look_ahead
    assert net.state_shapes(36, 26) != net.state_shapes(*SIZE)


def test_shapes_are_found_once_for_each_size(real_clip):
    plain, calls = TensorNet(), []
    step = plain.step

    def count(lr, state):
        calls.append(None if state is None else len(lr))
        return step(lr, state)

    plain.step = count
    net = PlainStepNet(plain).eval()
    video = real_clip(3, *SIZE)
    for _ in range(2):
        net(video)
    assert calls == [None, 1, *[2] * 3, *[2] * 3]
    net(real_clip(1, 8, 8))
    assert calls[8:] == [None, 1, 2]


@pytest.mark.parametrize('name', SHAPES)
@torch.no_grad()
def test_frames_are_those_of_the_module_by_itself(name, real_clip):
    """As its author runs it, beginning with None."""
    plain = getattr(plain_nets, name)().eval()
    video, state, frames = real_clip(5, *SIZE), None, []
    for t in range(5):
        sr, state = plain.step(video[:, t], state)
        frames.append(sr)
    ours, states = PlainStepNet(plain)(video, return_states=True)
    assert torch.allclose(ours, torch.stack(frames, 1), atol=1e-6)
    last = state if isinstance(state, (tuple, dict)) else (state,)
    expected = last.values() if isinstance(last, dict) else last
    for x, wanted in zip(states.forward.values(), expected, strict=True):
        assert torch.allclose(x, wanted, atol=1e-6)


def test_named_tuples_come_back_as_such():
    kinds = []

    class Looking(plain_nets.NamedTupleNet):
        def step(self, lr, state):
            kinds.append(type(state))
            return super().step(lr, state)

    PlainStepNet(Looking())(torch.rand(1, 2, 3, 8, 8))
    assert kinds == [type(None), Memory, Memory, Memory]


def test_finding_shapes_leaves_no_trace(real_clip):
    """Neither in statistics, nor in modes, nor in random numbers, nor in gradients."""
    plain = DictNet()
    plain.body[1].eval()  # frozen, as some recipes do
    plain.body[1].running_mean += 0.5
    before = {key: x.clone() for key, x in plain.state_dict().items()}
    rng = torch.get_rng_state()
    net = PlainStepNet(plain).train()
    net.net.body[1].eval()
    net.state_shapes(*SIZE)
    assert torch.equal(torch.get_rng_state(), rng)
    assert all(torch.equal(before[key], x) for key, x in plain.state_dict().items())
    assert plain.training and plain.body[0].training and not plain.body[1].training


def test_gradients_reach_parametrized_weights(real_clip):
    """unroll caches parametrizations; what finds the shapes must not be what fills the cache."""
    net = PlainStepNet(TupleNet())
    net(real_clip(2, *SIZE)).square().mean().backward()
    assert all(p.grad is not None and p.grad.any() for p in net.net.gates.parameters())


def test_autocast_keeps_states_in_single_precision(real_clip):
    net, video = PlainStepNet(TensorNet()).eval(), real_clip(4, *SIZE)
    starts = torch.tensor([[1, 3], [2, 0]])
    with torch.autocast('cpu', torch.bfloat16):
        states = net.states_at(video, starts, starts + 1)
        after = net(video[:, :1], return_states=True)[1]
    assert states.forward['state'].dtype == after.forward['state'].dtype == torch.float32
    exact = net.states_at(video, starts, starts + 1)
    assert torch.allclose(states.forward['state'], exact.forward['state'], atol=0.05)


def step_net(step, **methods):
    """A module with this step, as a network."""
    return PlainStepNet(type('Mine', (nn.Module,), dict(step=step, **methods))())


def up(lr):
    return nn.functional.interpolate(lr, scale_factor=4)


def own_frame_before(self, lr, state):
    """Without a state, the frame before is the frame itself; with zeros it is black."""
    state = lr if state is None else state
    return up(0.5 * lr + 0.5 * state), lr


def one_mean_for_all(self, lr, state):
    state = torch.zeros_like(lr) if state is None else state
    return up(lr), state + lr.mean()


def layers_first(self, lr, state):
    state = lr.new_zeros(2, len(lr), 3) if state is None else state
    return up(lr), state + lr.mean((2, 3))


class Remembering(nn.Module):
    """Keeps memory that is no state."""

    seen = 0

    def step(self, lr, state):
        self.seen += 1
        return up(lr) * self.seen, lr


@pytest.mark.parametrize(
    'step, message',
    [
        (
            own_frame_before,
            r'Mine: SR differs between step\(lr, None\) .* a state of zeros must mean "no',
        ),
        (one_mean_for_all, 'Mine: state differs between step.* must not depend on each other'),
        (layers_first, r"Mine: state differs|Mine: state 'state' must be .*\(B, ...\)"),
        (Remembering.step, 'Mine: SR differs between step'),
        (lambda self, lr, state: (up(lr), state + lr), r'step\(lr, None\) must start a video, but'),
        (lambda self, lr, state: (lr, lr), r'Mine: SR frames must be \(2, 3, 32, 32\), got \(2, 3'),
        (lambda self, lr, state: up(lr), r'Mine: step must return \(sr, state\)'),
        (lambda self, lr, state: (up(lr), None), 'a state must be a tensor, or .* got None'),
        (lambda self, lr, state: (up(lr), ()), r'a state must be a tensor, or .* got \(\)'),
        (lambda self, lr, state: (up(lr), (lr, [lr])), "Mine: state '1' must be a floating-point"),
        (lambda self, lr, state: (up(lr), lr.long()), "Mine: state 'state' must be a floating-poi"),
        (lambda self, lr, state: (up(lr), lr.mean()), "Mine: state 'state' must be a floating-poi"),
    ],
)
def test_steps_that_cannot_work_are_refused(step, message):
    net = step_net(step, seen=0)
    with pytest.raises(UserError, match=message):
        net(torch.rand(1, 1, 3, 8, 8))


def test_a_state_that_is_not_finite_is_no_reason_to_refuse():
    """A diverged network is evaluated all the same."""
    net = step_net(lambda self, lr, state: (up(lr) * float('nan'), lr / 0))
    assert net(torch.rand(1, 2, 3, 8, 8)).isnan().all()


@pytest.mark.parametrize(
    'cfg, message',
    [
        (dict(net='no_such_file:Net'), "No module named 'no_such_file'; it must be 'file:Class', "),
        (
            dict(net=f'{FILE}:NoNet'),
            f"must be 'file:Class', but {FILE} has no torch.nn.Module 'NoN",
        ),
        (dict(net=FILE), f"must be 'file:Class', but {FILE} has no torch.nn.Module ''"),
        (dict(net=f'{FILE}:enlarge'), "has no torch.nn.Module 'enlarge'"),
        (dict(net=':Net'), "net=':Net': .*it must be 'file:Class'"),
        (
            dict(net=f'{FILE}:TupleNet', kwargs=dict(depth=3)),
            "unexpected keyword .* 'depth'$",
        ),
        (dict(net=f'{FILE}:VideoNet'), r'VideoNet has no step\(lr, state\); for a module of whole'),
    ],
)
def test_modules_that_are_not_there_are_refused(cfg, message):
    with pytest.raises(UserError, match=message):
        MODELS.build(dict(type='PlainStepNet', **cfg))


def test_conditioning_needs_a_module_that_takes_it():
    net = dict(type='PlainStepNet', net=f'{FILE}:TupleNet')
    with pytest.raises(UserError, match="'cond_channels' .set by FC, frame-number conditioning"):
        MODELS.build(dict(type='FrameConditioned', net=net, last_frame=9))


def test_whole_clips(real_clip):
    plain, video = VideoNet().eval(), real_clip(3, *SIZE)
    net = MODELS.build(dict(type='PlainVideoNet', net=f'{FILE}:VideoNet', kwargs=dict(channels=8)))
    net.net.load_state_dict(plain.state_dict())
    assert torch.equal(net(video), plain(video))
    assert net.bidirectional and not net.has_states
    assert net.initial_states(video) == States(None, None)
    with pytest.raises(UserError, match=r'Flatten: SR frames must be \(2, 3, 3, 32, 32\), got \(6'):
        PlainVideoNet(nn.Flatten(0, 1))(torch.rand(2, 3, 3, 8, 8))


WRAPPED = {
    'step': (TupleNet, dict(type='PlainStepNet', net=f'{FILE}:TupleNet')),
    'video': (VideoNet, dict(type='PlainVideoNet', net=f'{FILE}:VideoNet')),
    'windows': (
        TupleNet,
        dict(type='WindowedInference', net=dict(type='PlainStepNet', net=f'{FILE}:TupleNet')),
    ),
}


@pytest.mark.parametrize('kind', WRAPPED)
@pytest.mark.parametrize('prefix', ['', 'generator.', 'own'])
def test_weights_of_the_module_itself_load(kind, prefix):
    make, cfg = WRAPPED[kind]
    source, model = make(), MODELS.build(dict(type='RecurrentVSR', generator=cfg))
    names = dict(zip(source.state_dict(), model.state_dict(), strict=True))
    weights = {
        names[key] if prefix == 'own' else f'{prefix}{key}': x
        for key, x in source.state_dict().items()
    }
    model.load_state_dict(weights, strict=True)
    for x, loaded in zip(source.state_dict().values(), model.state_dict().values(), strict=True):
        assert torch.equal(x, loaded)


class Nested(TensorNet):
    """Has a part that is called as the adapter calls the module, and of the same shapes."""

    def __init__(self):
        super().__init__()
        self.net = nn.Module()
        self.net.body = plain_nets.conv(11, 8)


@pytest.mark.parametrize('own', [False, True], ids=['of the module', 'of the adapter'])
def test_names_that_look_like_the_adapters_are_not_mistaken(own):
    source, net = Nested(), PlainStepNet(Nested())
    weights = source.state_dict()
    net.load_state_dict({f'net.{k}': x for k, x in weights.items()} if own else weights)
    for key, x in net.net.state_dict().items():
        assert torch.equal(x, weights[key])


def test_weights_of_another_module_are_refused():
    model = MODELS.build(dict(type='RecurrentVSR', generator=WRAPPED['step'][1]))
    with pytest.raises(RuntimeError, match='Missing key'):
        model.load_state_dict(VideoNet().state_dict())


def test_modules_keep_the_weights_they_are_built_with():
    """MMEngine initialises what has init_weights before a training."""

    class Loaded(TensorNet):
        def init_weights(self):
            raise AssertionError('loses weights that were loaded')

    model = MODELS.build(dict(type='RecurrentVSR', generator=dict(type='BicubicUpsampler')))
    model.generator = PlainStepNet(Loaded())
    model.init_weights()
