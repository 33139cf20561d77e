"""Every network on a pretended CUDA device: no tensor is left behind, the CPU waits for nothing."""

from functools import partial
from unittest.mock import patch

import pytest
import torch
from mmagic.registry import MODELS
from torch._subclasses.fake_tensor import DynamicOutputShapeException

from harness.networks.zoo import States
from harness.training.state_bank import BankOptions, StateBank
from tests.harness.fake_device import CUDA, assert_on_cuda, fake_cuda, onto_cuda
from tests.harness.networks.test_transparency import NETWORKS, WITHOUT_PLANES

FRAMES, SIZE = 4, (16, 16)
STATELESS = dict(
    bicubic=dict(type='BicubicUpsampler'),
    rdn=dict(type='FramewiseRDNNet', mid_channels=8, num_blocks=1),
    toflow=dict(type='WindowTOFlowNet'),
)
#: networks whose results decide what they do next, and those that a flow of the CPU is part of
WAITING = {
    'real_basicvsr': (DynamicOutputShapeException, 'nonzero'),  # cleans again what is not yet clean
    'iconvsr': (DynamicOutputShapeException, 'nonzero'),  # which frames are keyframes
    'basicvsr_dis': (RuntimeError, 'numpy'),  # OpenCV's flow
    'temporal_adaptive': (RuntimeError, 'numpy'),  # the same
}
OTHERS = [name for name in NETWORKS if name not in WAITING and name != 'wide_window']


def build(name, conditioned=False):
    """The model of a network, inside of a fake device."""
    net = NETWORKS[name]
    if conditioned:
        net = dict(type='FrameConditioned', net=net, last_frame=5)
    loss = dict(type='CharbonnierLoss')
    model = MODELS.build(
        dict(type='RecurrentVSR', generator=net, pixel_loss=loss, flow_loss_weight=1.0)
    )
    model.data_preprocessor._device = CUDA
    return onto_cuda(model)


def batch():
    """Two clips as a loader gives them."""
    size = 2, FRAMES, 3
    return dict(
        inputs=torch.zeros(*size, *SIZE, dtype=torch.uint8),
        gts=torch.zeros(*size, *(4 * side for side in SIZE), dtype=torch.uint8),
        start=torch.tensor([0, 2]),
        length=torch.tensor([20, 20]),
    )


def known_shapes(name, conditioned):
    """Networks of plain PyTorch are tried with numbers once before they are trusted."""
    if not name.startswith('plain'):
        return {}
    net = MODELS.build(dict(NETWORKS[name], **(dict(cond_channels=1) if conditioned else {})))
    net.state_shapes(*SIZE)
    return dict(_shapes=net._shapes, _kind=net._kind)


def train(model, data):
    """Losses of a batch that is on the device."""
    losses = model.train()(**data, mode='loss')
    assert_on_cuda(losses)


def infer(model, data):
    """States at boundaries, frames from these, and the states after them."""
    inputs, net = data['inputs'], model.eval().generator
    starts = torch.tensor([[0, 2], [1, 0]])
    cond = net.condition(inputs, 0, data['length'])
    states = net.states_at(inputs, starts, starts + 2, cond, torch.tensor([4, 3]))
    chosen = states.map(lambda x: x[:, 1])
    results = net(inputs[:, :2], chosen, data['start'], True, data['length'])
    assert_on_cuda(states, results)


@pytest.mark.slow
@pytest.mark.parametrize('name', OTHERS)
@pytest.mark.parametrize(
    'dtype',
    [
        pytest.param(torch.float32, id='float32'),
        pytest.param(torch.bfloat16, id='bfloat16', marks=pytest.mark.slow),
    ],
)
def test_networks(name, dtype):
    """With frame-number conditioning in bfloat16."""
    conditioned = dtype == torch.bfloat16 and name not in WITHOUT_PLANES
    known = known_shapes(name, conditioned)
    with fake_cuda(dtype) as copies, torch.no_grad():
        model = build(name, conditioned)
        net = model.generator.net if conditioned else model.generator
        vars(net).update(known)
        copies.counts.clear()
        data = model.data_preprocessor(batch(), training=True)
        assert_on_cuda(data)
        assert copies.counts == {('cpu', 'cuda'): 4}
        train(model, data)
        infer(model, data)
        copies.counts.clear()
        train(model, data)  # constants are there now
        assert copies.counts == {}
        infer(model, data)
        assert set(copies.counts) == {('cpu', 'cuda')}
        # of the boundaries: which are 0, their places, lengths, ends, the order of the videos;
        # MRVSR has trained since and looks for its norm anew, from noise
        assert copies.counts['cpu', 'cuda'] <= 7 + (name == 'mrvsr')


@pytest.mark.parametrize('name', WAITING)
def test_networks_that_wait_by_their_nature(name):
    """A remedy that makes one of them pass above belongs into the list there."""
    error, text = WAITING[name]
    with fake_cuda(), torch.no_grad():
        model = build(name)
        data = model.data_preprocessor(batch(), training=True)
        with pytest.raises(error, match=text):
            train(model, data)


@pytest.mark.slow
@pytest.mark.parametrize(
    'name, dtype', [('bicubic', torch.float32), ('rdn', torch.bfloat16), ('toflow', torch.float32)]
)
def test_networks_without_states(name, dtype):
    with fake_cuda(dtype) as copies, torch.no_grad():
        net = onto_cuda(MODELS.build(STATELESS[name]))
        net(torch.zeros(1, 3, 3, *SIZE, device=CUDA))
        copies.counts.clear()
        assert_on_cuda(net(torch.zeros(1, 3, 3, *SIZE, device=CUDA)))
        assert copies.counts == {}


@pytest.mark.parametrize('place', ['device', 'cpu'])
def test_the_bank_of_states(place, tmp_path):
    """Its batches are on the device; on the way to it each state is one copy."""
    shapes = {'feat': (4, 6, 6), 'lr': (3, 6, 6)}, {}
    with fake_cuda() as copies:
        # memory can be pinned where there is a GPU only
        pinned = patch('torch.empty', partial(_unpinned, torch.empty))
        with pinned:
            bank = StateBank([2, 1], shapes, CUDA, BankOptions(place), tmp_path)
        given = {key: torch.ones(2, *shape, device=CUDA) for key, shape in shapes[0].items()}
        bank.put(0, States(given))
        taken = bank.take([0, 0], [1, 0])
    assert_on_cuda(taken)
    moved = {('cuda', 'cpu'): 2, ('cpu', 'cuda'): 4}
    assert copies.counts == (moved if place == 'cpu' else {})


def _unpinned(empty, *args, pin_memory=False, **kwargs):
    return empty(*args, **kwargs)
