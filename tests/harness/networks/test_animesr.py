"""AnimeSR's network: size, names, and frames computed by hand."""

import pytest
import torch
import torch.nn.functional as F

from harness.networks.zoo import AnimeSRNet


@pytest.fixture
def net():
    """A small network whose hidden state and output matter."""
    net = AnimeSRNet(8).eval()
    for parameter in net.parameters():
        parameter.data.mul_(1.5)
    return net


def test_size():
    assert sum(p.numel() for p in AnimeSRNet().parameters()) == 1_495_376


def test_names_and_shapes_are_those_of_published_weights():
    expected = {
        'conv_s1_first.0': (64, 121, 3, 3),
        'conv_s2_first.0': (64, 64, 3, 3),
        'conv_s4_first.0': (64, 64, 3, 3),
        'fusion.0': (224, 192, 3, 3),
        'fusion.2': (112, 224, 3, 3),
    }
    for scale, count in ((1, 5), (2, 3), (4, 2)):
        for block in range(count):
            for i in (1, 2):
                expected[f'body_s{scale}_first.{block}.conv{i}'] = (64, 64, 3, 3)
    names = {}
    for name, shape in expected.items():
        names[f'recurrent_cell.{name}.weight'] = shape
        names[f'recurrent_cell.{name}.bias'] = shape[:1]
    assert {name: tuple(x.shape) for name, x in AnimeSRNet().state_dict().items()} == names


def cell(net, x):
    """The blocks written out one after the other."""
    weights = {k.removeprefix('recurrent_cell.'): w for k, w in net.state_dict().items()}

    def conv(name, x, stride=1):
        return F.conv2d(x, weights[f'{name}.weight'], weights[f'{name}.bias'], stride, 1)

    def block(scale, number, x):
        name = f'body_s{scale}_first.{number}'
        return x + conv(f'{name}.conv2', conv(f'{name}.conv1', x).relu())

    def up(x, factor):
        size = [factor * n for n in x.shape[-2:]]
        return F.interpolate(x, size, mode='bilinear', align_corners=False)

    x1 = F.leaky_relu(conv('conv_s1_first.0', x), 0.1)
    x2 = F.leaky_relu(conv('conv_s2_first.0', x1, 2), 0.1)
    x4 = F.leaky_relu(conv('conv_s4_first.0', x2, 2), 0.1)
    x1 = block(1, 0, x1)
    x1 = block(1, 1, x1)
    x1 = block(1, 2, x1)
    x2 = block(2, 0, x2)
    x1 = block(1, 3, x1 + up(x2, 2))
    x2 = block(2, 1, x2)
    x4 = block(4, 0, x4)
    x1 = block(1, 4, x1 + up(x2, 2) + up(x4, 4))
    x2 = block(2, 2, x2 + up(x4, 2))
    x4 = block(4, 1, x4)
    joined = torch.cat([x1, up(x2, 2), up(x4, 4)], 1)
    return conv('fusion.2', F.leaky_relu(conv('fusion.0', joined), 0.1))


def pad(x, height, width):
    """Repeats the last row and column of (1, C, H, W)."""
    while x.size(2) < height:
        x = torch.cat([x, x[:, :, -1:]], 2)
    while x.size(3) < width:
        x = torch.cat([x, x[..., -1:]], 3)
    return x


@torch.no_grad()
@pytest.mark.parametrize('size', [(16, 24), (10, 15)], ids=str)
def test_by_hand(net, real_clip, size):
    height, width = (4 * -(-n // 4) for n in size)
    video = real_clip(3, *size, batch=1)
    frames, states = net(video, return_states=True)
    sr = torch.zeros(1, 3, 4 * height, 4 * width)
    hidden = torch.zeros(1, 8, height, width)
    for t, window in enumerate([(0, 0, 1), (0, 1, 2), (1, 2, 2)]):
        x = pad(torch.cat([video[:, i] for i in window], 1), height, width)
        pieces = [sr[:, c, i::4, j::4] for c in range(3) for i in range(4) for j in range(4)]
        out = cell(net, torch.cat([x, torch.stack(pieces, 1), hidden], 1))
        sr = F.interpolate(x[:, 3:6], scale_factor=4, mode='bilinear', align_corners=False)
        for channel in range(48):
            c, i, j = channel // 16, channel // 4 % 4, channel % 4
            sr[:, c, i::4, j::4] += out[:, channel]
        hidden = F.leaky_relu(out[:, 48:], 0.1)
        expected = sr[..., : 4 * size[0], : 4 * size[1]]
        assert (frames[:, t] - expected).abs().max() <= 1e-5
    assert torch.allclose(states.forward['hidden'], hidden, atol=1e-5)
    assert torch.allclose(states.forward['sr'], sr, atol=1e-5)
