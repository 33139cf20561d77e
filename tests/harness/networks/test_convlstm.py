"""The bidirectional ConvLSTM beside torch's own LSTM and beside its equations written out."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from harness.networks.convlstm import CONNECTIONS, BidirectionalConvLSTM, ConvLSTM
from harness.networks.zoo import States

B, T, C, G = 2, 7, 6, 4


@pytest.fixture
def clip(real_clip):
    """Features (B, T, C, 10, 12) of real frames."""
    frames = real_clip(T, 10, 12)
    return nn.Conv2d(3, C, 3, padding=1)(frames.flatten(0, 1)).detach().unflatten(0, (B, T))


def lively(module):
    """Weights with which states matter more than at initialisation."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    return module


def gates_by_hand(layer, x, hidden, cell):
    """One step of the equations, a convolution a gate."""
    values = []
    for gate in range(4):
        rows = slice(gate * G, (gate + 1) * G)
        weight = torch.cat([layer.from_input.weight[rows], layer.from_hidden.weight[rows]], 1)
        both = torch.cat([x, hidden], 1)
        values.append(F.conv2d(both, weight, layer.from_input.bias[rows], padding=1))
    i, f, o, g = values
    cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(cell), cell


@torch.no_grad()
@pytest.mark.parametrize('chunk', [1, 3, 16])
@pytest.mark.parametrize('backward', [False, True])
def test_layer_by_its_equations(clip, backward, chunk):
    layer = lively(ConvLSTM(C, G))
    layer.chunk = chunk
    state = (0.5 * torch.randn(B, G, 10, 12), 0.5 * torch.randn(B, G, 10, 12))
    hiddens, cells = layer([clip[:, :, :2], clip[:, :, 2:]], state, backward)
    boundary, step = (T, -1) if backward else (0, 1)
    hidden, cell = state
    assert torch.equal(hiddens[:, boundary], hidden)
    for frame in range(T)[::step]:
        hidden, cell = gates_by_hand(layer, clip[:, frame], hidden, cell)
        boundary += step
        assert torch.allclose(hiddens[:, boundary], hidden, atol=1e-6)
        assert torch.allclose(cells[:, boundary], cell, atol=1e-6)


@torch.no_grad()
def test_kernels_of_several_sizes_share_the_channels(clip):
    """Each kernel's share of a gate, written out; the state's order is that of the kernels."""
    layer = lively(ConvLSTM(C, G, kernels=(3, 5)))
    hidden, cell = (0.5 * torch.randn(B, G, 10, 12) for _ in 'hc')
    hiddens, cells = layer([clip[:, :1]], (hidden, cell), backward=False)
    values = []
    for gate in range(4):
        rows = slice(gate * G // 2, (gate + 1) * G // 2)
        for k, (own, back) in enumerate(
            zip(layer.from_input.convs, layer.from_hidden.convs, strict=True)
        ):
            x = F.conv2d(clip[:, 0], own.weight[rows], own.bias[rows], padding=1 + k)
            values.append(x + F.conv2d(hidden, back.weight[rows], padding=1 + k))
    i, f, o, g = torch.cat(values, 1).chunk(4, 1)
    cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
    assert torch.allclose(cells[:, 1], cell, atol=1e-6)
    assert torch.allclose(hiddens[:, 1], torch.sigmoid(o) * torch.tanh(cell), atol=1e-6)
    with pytest.raises(ValueError, match='4 channels cannot be divided equally among 3 kernels'):
        ConvLSTM(C, G, kernels=(1, 3, 5))


@torch.no_grad()
def test_layer_equals_torch_lstm_on_single_pixels():
    """On a 1x1 image a padded 3x3 convolution is its centre, and the layer an ordinary LSTM."""
    layer = lively(ConvLSTM(C, G))
    lstm = nn.LSTM(C, G, batch_first=True)
    order = [0, 1, 3, 2]  # torch: input, forget, cell, output

    def rows(x):
        return torch.cat([x.chunk(4)[gate] for gate in order])

    lstm.weight_ih_l0.copy_(rows(layer.from_input.weight[:, :, 1, 1]))
    lstm.weight_hh_l0.copy_(rows(layer.from_hidden.weight[:, :, 1, 1]))
    lstm.bias_ih_l0.copy_(rows(layer.from_input.bias))
    lstm.bias_hh_l0.zero_()
    x, state = torch.randn(B, T, C), (torch.randn(1, B, G), torch.randn(1, B, G))
    expected, (hidden, cell) = lstm(x, state)
    hiddens, cells = layer([x[..., None, None]], tuple(s[0][..., None, None] for s in state), False)
    assert torch.allclose(hiddens[:, 1:, :, 0, 0], expected, atol=1e-6)
    assert torch.allclose(hiddens[:, -1, :, 0, 0], hidden[0], atol=1e-6)
    assert torch.allclose(cells[:, -1, :, 0, 0], cell[0], atol=1e-6)


def outputs_by_hand(net, x):
    """X_out of Fig. 4, with the layers' outputs computed step by step."""
    layers = []
    for ahead, back in zip(net.forward_layers, net.backward_layers, strict=True):
        source = x
        if layers:
            source = torch.cat(layers, 2) if net.dense else layers[-1]
        zeros = x.new_zeros(B, G, *x.shape[-2:])
        past, future = [], []
        state = (zeros, zeros)
        for t in range(T):
            state = gates_by_hand(ahead, source[:, t], *state)
            past.append(state[0])
        state = (zeros, zeros)
        for t in reversed(range(T)):
            state = gates_by_hand(back, source[:, t], *state)
            future.insert(0, state[0])
        layers.append(torch.cat([torch.stack(past, 1), torch.stack(future, 1)], 2))
    return layers


@torch.no_grad()
@pytest.mark.parametrize('connection', CONNECTIONS)
def test_connections_by_hand(real_clip, connection):
    net = lively(BidirectionalConvLSTM(connection, 3, G))
    channels = {'C': 8, 'RC': 8, 'DC': 24, 'RDC': 24}[connection]
    assert net.channels == channels
    x = nn.Conv2d(3, channels, 1)(real_clip(T, 10, 12).flatten(0, 1)).unflatten(0, (B, T))
    ends = torch.zeros(B, 1, dtype=torch.long)
    outputs, _ = net.unroll(x, ends + T, ends)
    expected = outputs_by_hand(net, x)
    for ours, theirs in zip(outputs, expected, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)
    out = torch.cat(expected, 2) if connection in ('DC', 'RDC') else expected[-1]
    if connection in ('RC', 'RDC'):
        out = out + x
    combined = net.combine(x.flatten(0, 1), *(o.flatten(0, 1) for o in outputs))
    assert torch.allclose(combined, out.flatten(0, 1), atol=1e-5)


@pytest.mark.parametrize(
    'connection, layers, parameters, channels',
    [
        ('RDC', 10, 2_213_120, 320),  # the paper's 320 channels
        # by hand: 2 directions x (9 x (in + 16) x 64 + 64) for in = 96, 32, 64
        ('RDC', 3, 2 * 576 * (112 + 48 + 80) + 6 * 64, 96),
        ('DC', 3, 2 * 576 * (112 + 48 + 80) + 6 * 64, 96),
        ('C', 10, 20 * (576 * 48 + 64), 32),
        ('RC', 5, 10 * (576 * 48 + 64), 32),
    ],
)
def test_sizes(connection, layers, parameters, channels):
    net = BidirectionalConvLSTM(connection, layers, 16)
    assert sum(p.numel() for p in net.parameters()) == parameters
    assert net.channels == channels


@torch.no_grad()
def test_states_of_every_layer_and_boundary(clip):
    """Where a clip is cut, the states there make its parts give the whole again."""
    net = lively(BidirectionalConvLSTM('C', 3, C // 2))
    boundaries = torch.arange(T + 1).expand(B, -1)
    outputs, states = net.unroll(clip, boundaries, boundaries.flip(1))
    states = States(states.forward, {key: x.flip(1) for key, x in states.backward.items()})
    assert states.forward['h'].shape == states.backward['c'].shape == (B, T + 1, 3, C // 2, 10, 12)
    assert not states.forward['h'][:, 0].any() and not states.backward['c'][:, T].any()
    ends = torch.zeros(B, 1, dtype=torch.long)
    for cut in (1, 4):
        inner = states.map(lambda x, t=cut: x[:, t])
        before, _ = net.unroll(clip[:, :cut], ends, ends, States(None, inner.backward))
        after, _ = net.unroll(clip[:, cut:], ends, ends, States(inner.forward, None))
        for whole, *parts in zip(outputs, before, after, strict=True):
            assert torch.allclose(torch.cat(parts, 1), whole, atol=1e-6)


@torch.no_grad()
def test_padding_has_no_influence(clip):
    net = lively(BidirectionalConvLSTM('C', 3, C // 2))
    lengths = torch.tensor([4, T])
    padded = clip.clone()
    padded[0, 4:] = 9
    outputs, states = net.unroll(
        padded, lengths[:, None], torch.zeros(B, 1, dtype=torch.long), lengths=lengths
    )
    ends = torch.zeros(1, 1, dtype=torch.long)
    alone, states_alone = net.unroll(clip[:1, :4], ends + 4, ends)
    for ours, theirs in zip(outputs, alone, strict=True):
        assert torch.allclose(ours[:1, :4], theirs, atol=1e-6)
    for direction, expected in zip(states, states_alone, strict=True):
        for key in 'hc':
            assert torch.allclose(direction[key][:1], expected[key], atol=1e-6)
