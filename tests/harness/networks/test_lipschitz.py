"""Bounded operator norms against dense singular values."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.runner import load_state_dict
from torch import nn

from harness.errors import UserError
from harness.networks.lipschitz import BoundedStableRank, constrain
from harness.networks.zoo import FRVSRNet, MRVSRNet, StatefulBasicVSRNet

SIZE = 6
CONVS = {
    'wide': lambda: nn.Conv2d(3, 5, 3, padding=1),
    'narrow': lambda: nn.Conv2d(6, 3, 3, padding=1),
    'transposed': lambda: nn.ConvTranspose2d(3, 4, 3, 2, 1, output_padding=1),
}


@pytest.fixture(params=CONVS)
def conv(request):
    """A convolution whose operator norm is clearly above 1."""
    conv = CONVS[request.param]()
    conv.weight.data.mul_(3)
    return conv


@torch.no_grad()
def dense_norm(conv, size=SIZE):
    """The largest singular value of the layer's matrix, zero padding included."""
    basis = torch.eye(conv.in_channels * size**2).view(-1, conv.in_channels, size, size)
    matrix = (conv(basis) - conv(torch.zeros_like(basis[:1]))).flatten(1)
    return float(torch.linalg.matrix_norm(matrix.double(), ord=2))


def vector(conv):
    """The buffer of the power iteration."""
    return conv.parametrizations.weight[0].vector


@pytest.mark.parametrize('bound', [1.0, 0.5])
def test_norm_against_dense_singular_values(conv, bound):
    plain, norm = conv.weight.detach().clone(), dense_norm(conv)
    reshaped = float(torch.linalg.matrix_norm(plain.flatten(1), ord=2))
    assert norm > 1.2
    assert abs(norm / reshaped - 1) > 0.1  # the reshaped kernel's norm is another one
    constrain([conv], dict(bound=bound, size=SIZE))
    assert abs(dense_norm(conv) - bound) <= 1e-3
    assert torch.allclose(conv.weight * norm / bound, plain, rtol=1e-3)


def test_weights_within_the_bound_stay(conv):
    plain = conv.weight.detach().clone()
    constrain([conv], dict(bound=dense_norm(conv) + 0.01, size=SIZE))
    assert torch.equal(conv.weight, plain)


@pytest.mark.slow
def test_bound_holds_while_weights_are_trained():
    """Also right after the last step, when the vector is still that of the step before."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1))
    for conv in (net[0], net[2]):
        conv.weight.data.mul_(3)
    constrain([net], dict(size=SIZE, iterations=20))
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-4)
    x = torch.randn(4, 3, SIZE, SIZE)
    for step in range(80):
        optimizer.zero_grad()
        (net(x) - 5 * x).square().mean().backward()  # pulls the norms up
        optimizer.step()
        if step % 10 == 9:
            net.eval()
            assert all(0.999 <= dense_norm(conv) <= 1 + 1e-3 for conv in (net[0], net[2]))
            net.train()
    assert net[0].parametrizations.weight.original.norm() > 1.5 * net[0].weight.norm()


def test_gradient_is_that_of_the_bounded_weight(conv):
    """Against a finite difference of the dense norm."""
    constrain([conv], dict(size=SIZE, iterations=100))
    original = conv.parametrizations.weight.original
    target, direction = torch.randn_like(original), torch.randn_like(original)
    (conv.weight * target).sum().backward()
    values = []
    for step in (-1e-2, 1e-2):
        moved = copy.deepcopy(conv)
        moved.parametrizations.weight.original.data += step * direction
        values.append((moved.weight * target).sum().item())
    assert (original.grad * direction).sum().item() == pytest.approx(
        (values[1] - values[0]) / 2e-2, rel=1e-2, abs=1e-3
    )


def test_evaluation_leaves_the_vector_alone(conv):
    constrain([conv], dict(size=SIZE))
    conv.weight  # noqa: B018
    reached = vector(conv).clone()
    conv.eval()
    conv.weight  # noqa: B018
    assert torch.equal(vector(conv), reached)
    conv.train()
    conv.parametrizations.weight.original.data[0, 0] += 1
    conv.weight  # noqa: B018
    assert not torch.equal(vector(conv), reached)


@pytest.mark.parametrize('stable_rank', [1.0, 0.1])
def test_evaluation_in_inference_mode_leaves_nothing_that_training_cannot_use(conv, stable_rank):
    """Frames are streamed in inference mode; afterwards the same weights need a gradient."""
    constrain([conv], dict(size=SIZE, stable_rank=stable_rank))
    conv.eval()
    x = torch.randn(1, conv.in_channels, SIZE, SIZE)
    with torch.inference_mode():
        expected = conv(x)
    frames = conv(x)
    assert torch.equal(frames, expected)
    frames.sum().backward()
    assert conv.parametrizations.weight.original.grad.any()


def test_new_weights_are_bounded_anew_in_inference_mode(conv):
    """With two bounds, the second one sees the result of the first, another tensor each time."""
    constrain([conv], dict(size=SIZE, stable_rank=0.1))
    conv.eval()
    with torch.inference_mode():
        before = conv.weight.clone()
    torch.nn.init.normal_(conv.parametrizations.weight.original)
    with torch.inference_mode():
        assert not torch.allclose(conv.weight, before)
        assert dense_norm(conv) == pytest.approx(1, abs=1e-3)


def test_zero_weights_can_leave_zero(conv):
    weight = conv.weight.detach().clone()
    conv.weight.data.zero_()
    constrain([conv], dict(size=SIZE, iterations=50))
    assert not conv.weight.any()
    conv.parametrizations.weight.original.data.copy_(weight)
    assert dense_norm(conv) <= 1 + 1e-3


def small_mrvsr(lipschitz=None):
    return MRVSRNet(4, lipschitz=lipschitz or dict(size=8))


def steps(net, clip, optimizer, count):
    """A few training steps; returns the last frames."""
    for _ in range(count):
        optimizer.zero_grad()
        frames = net(clip)
        (frames - 1).square().mean().backward()
        optimizer.step()
    return frames


def test_resumed_training_goes_on_with_the_same_bits(real_clip):
    clip = real_clip(3, 8, 8)
    net = small_mrvsr()
    net.phi_layers[0].parametrizations.weight.original.data.mul_(4)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    steps(net, clip, optimizer, 3)
    saved = copy.deepcopy(net.state_dict())
    expected = steps(net, clip, optimizer, 3)
    resumed = small_mrvsr()
    resumed.load_state_dict(saved, strict=True)
    optimizer = torch.optim.SGD(resumed.parameters(), lr=0.1)
    assert torch.equal(steps(resumed, clip, optimizer, 3), expected)
    for key, value in net.state_dict().items():
        assert torch.equal(resumed.state_dict()[key], value), key


def test_one_weight_for_all_frames_of_a_clip(real_clip):
    """Power iteration goes on once for a clip, not once for a frame."""
    few, many = small_mrvsr(), small_mrvsr()
    many.load_state_dict(few.state_dict())
    for net, frames in ((few, 1), (many, 5)):
        net(real_clip(frames, 8, 8))
    assert torch.equal(vector(few.phi_layers[0]), vector(many.phi_layers[0]))


@torch.no_grad()
@pytest.mark.parametrize('load', [nn.Module.load_state_dict, load_state_dict])
def test_checkpoints_of_the_unconstrained_network_load(real_clip, load):
    """Strictly, by torch's and by MMEngine's loader; the vector of other weights is forgotten."""
    plain = MRVSRNet(4, lipschitz=None).eval()
    for layer in (plain.phi_layers, plain.phi_hidden_state_layer):
        layer[0].weight.mul_(5)
    weights = plain.state_dict()
    net = small_mrvsr()
    net(real_clip(1, 8, 8))
    assert vector(net.phi_layers[0]).any()
    load(net.eval(), weights, strict=True)
    assert not vector(net.phi_layers[0]).any()
    assert 'phi_layers.0.weight' in weights
    assert torch.equal(
        net.phi_layers[0].parametrizations.weight.original, plain.phi_layers[0].weight
    )
    assert dense_norm(plain.phi_layers[0], 8) > 2
    assert dense_norm(net.phi_layers[0], 8) <= 1 + 1e-3
    loose = MRVSRNet(4, lipschitz=dict(bound=100.0, size=8)).eval()
    load(loose, weights, strict=True)
    clip = real_clip(3, 8, 8)
    assert torch.equal(loose(clip), plain(clip))


RECURRENT = {
    'frvsr': lambda **kwargs: FRVSRNet(4, 2, dict(type='ConvFlowNet', channels=4), **kwargs),
    'basicvsr': lambda **kwargs: StatefulBasicVSRNet(4, 2, flow_net=dict(type='DISFlow'), **kwargs),
}


@pytest.mark.parametrize('name', RECURRENT)
def test_frvsr_and_basicvsr(name, real_clip):
    """Exactly the convolutions that the state passes through are bounded, at their own sizes."""
    net = RECURRENT[name](lipschitz=dict(bound=0.3, size=4)).eval()
    net(real_clip(2, 16, 16))
    sizes = {}
    for key, module in net.named_modules():
        if hasattr(module, 'parametrizations'):
            sizes[key.split('.')[0]] = [*sizes.get(key.split('.')[0], []), vector(module).size(-1)]
            assert dense_norm(module, vector(module).size(-1)) <= 0.3 + 1e-3
    if name == 'frvsr':
        assert sizes == {'head': [4], 'blocks': [4] * 4, 'tail': [4, 8, 16]}
    else:
        assert sizes == {'backward_resblocks': [4] * 5, 'forward_resblocks': [4] * 5}
    loose = RECURRENT[name](lipschitz=dict(bound=100.0, size=4)).eval()
    plain = RECURRENT[name]().eval()
    loose.load_state_dict(plain.state_dict())
    clip = real_clip(3, 16, 16)
    assert torch.equal(loose(clip), plain(clip))


@torch.no_grad()
def dense(conv, weight, size=SIZE):
    """The layer's matrix with another kernel, in float64."""
    basis = torch.eye(conv.in_channels * size**2, dtype=torch.float64)
    basis = basis.view(-1, conv.in_channels, size, size)
    options = dict(stride=conv.stride, padding=conv.padding)
    if conv.transposed:
        images = F.conv_transpose2d(
            basis, weight.double(), output_padding=conv.output_padding, **options
        )
    else:
        images = F.conv2d(basis, weight.double(), **options)
    return images.flatten(1).T.numpy()


def stable_rank(matrix):
    return np.square(matrix).sum() / np.linalg.norm(matrix, 2) ** 2


def normalised(conv, ratio, size=SIZE):
    """The kernel with a bounded stable rank, alone."""
    return BoundedStableRank(conv, ratio, size, iterations=300).eval()(conv.weight).detach()


@pytest.mark.slow
@pytest.mark.parametrize('ratio', [0.02, 0.2, 0.6])
def test_stable_rank_against_numpy(conv, ratio):
    """The definition by dense matrices: numpy's singular vectors, and least squares for the
    convolution closest to their product."""
    weight = conv.weight.detach()
    matrix = dense(conv, weight)
    left, values, right = np.linalg.svd(matrix)
    u, v, sigma = left[:, 0], right[0], values[0]
    taps = torch.eye(weight.numel()).view(-1, *weight.shape)
    convs = np.stack([dense(conv, tap).ravel() for tap in taps], 1)
    closest = convs @ np.linalg.lstsq(convs, np.outer(u, v).ravel(), rcond=None)[0]
    first = closest.reshape(matrix.shape)
    first *= sigma / (u @ first @ v)
    rest = matrix - first
    assert abs((first * rest).sum()) < 1e-6 * sigma**2
    wanted = ratio * min(matrix.shape)
    room = max(0, wanted * sigma**2 - np.square(first).sum()) / np.square(rest).sum()
    gamma = min(1, room**0.5)
    assert (gamma == 0, gamma == 1) == (ratio == 0.02, ratio == 0.6)
    found = dense(conv, normalised(conv, ratio))
    assert np.abs(found - (first + gamma * rest)).max() < 2e-3 * np.abs(matrix).max()
    assert u @ found @ v == pytest.approx(sigma, rel=1e-3)
    assert gamma == 0 or stable_rank(found) <= 1.001 * wanted
    assert stable_rank(found) <= 1.001 * stable_rank(matrix)
    if gamma == 1:
        assert torch.equal(normalised(conv, ratio), weight)


@pytest.mark.parametrize(('kernel', 'ratio'), [(1, 0.3), (3, 0.3), (3, 0.9)])
def test_norm_and_stable_rank_as_sanyal_et_al_have_them(kernel, ratio):
    """On one patch without padding, where the operator is the reshaped kernel of their code."""
    conv = nn.Conv2d(7, 5, kernel)
    conv.weight.data.mul_(3)
    matrix = conv.weight.detach().flatten(1).double().numpy()
    left, values, right = np.linalg.svd(matrix)
    first = np.outer(left[:, 0], right[0])
    rest = matrix / values[0] - first
    shrunk = min(1, (ratio * 5 - 1) ** 0.5 / np.linalg.norm(rest))
    assert values[0] > 1 and (shrunk < 1) == (ratio == 0.3)
    options = dict(bound=1.0, stable_rank=ratio, size=kernel, iterations=300)
    constrain([conv], options)
    found = conv.eval().weight.detach().flatten(1).numpy()
    assert np.abs(found - (first + shrunk * rest)).max() < 1e-5
    assert stable_rank(found) <= ratio * 5 * (1 + 1e-4)


def test_norm_and_stable_rank_hold_while_weights_are_trained():
    """And with them the gradient knows of both, and evaluation agrees with training."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1))
    convs = (net[0], net[2])
    free = [stable_rank(dense(conv, conv.weight)) for conv in convs]
    constrain([net], dict(bound=2.0, stable_rank=0.2, size=SIZE))
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    x = torch.randn(4, 3, SIZE, SIZE)
    for step in range(60):
        optimizer.zero_grad()
        (net(x) - 5 * x).square().mean().backward()
        optimizer.step()
        if step % 20 == 19:
            net.eval()
            for conv, before in zip(convs, free, strict=True):
                matrix = dense(conv, conv.weight)
                assert np.linalg.norm(matrix, 2) <= 2 * 1.002
                assert stable_rank(matrix) <= 0.2 * 108 * 1.01 < before
            net.train()
    saved = copy.deepcopy(net.state_dict())
    assert [key for key in saved if 'vector' in key] == [
        f'{number}.parametrizations.weight.{kind}.vector' for number in (0, 2) for kind in (0, 1)
    ]
    plain = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1))
    net.load_state_dict(plain.state_dict(), strict=True)
    assert not any(vector(conv).any() for conv in convs)


@pytest.mark.slow
def test_presets_and_all_convolutions(real_clip):
    soft = MRVSRNet(4, lipschitz='soft')
    kinds = [type(p).__name__ for p in soft.phi_layers[0].parametrizations.weight]
    assert kinds == ['BoundedStableRank', 'BoundedNorm']
    assert soft.phi_layers[0].parametrizations.weight[1].bound == 2
    hard = MRVSRNet(4, lipschitz='hard')
    assert hard.state_dict().keys() == MRVSRNet(4, lipschitz=1.0).state_dict().keys()
    everything = RECURRENT['frvsr'](lipschitz=dict(bound=0.5, convs='all', size=4)).eval()
    everything(real_clip(2, 16, 16))
    found = [m for m in everything.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    assert len(found) > 8
    for conv in found:
        assert dense_norm(conv, vector(conv).size(-1)) <= 0.5 + 1e-3


@pytest.mark.parametrize(
    'lipschitz, problem',
    [
        ('softest', "lipschitz: 'softest' is not one of hard, soft"),
        (dict(norm=1), 'lipschitz.norm: unknown; there are bound, stable_rank, convs'),
        (dict(stable_rank=0), 'lipschitz.stable_rank: 0 must be above 0 and at most 1'),
        (dict(convs='some'), "lipschitz.convs: 'some' is neither"),
    ],
)
def test_impossible_options(lipschitz, problem):
    with pytest.raises(UserError, match=problem):
        MRVSRNet(4, lipschitz=lipschitz)


def test_strided_convolutions_are_refused():
    with pytest.raises(UserError, match='has a stride, dilation or groups'):
        constrain([nn.Conv2d(3, 3, 3, stride=2)], 1.0)
