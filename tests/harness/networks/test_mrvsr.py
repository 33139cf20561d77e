"""MRVSR, RLSP and RFS3: sizes, names, and their first frames computed by hand."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmagic.registry import MODELS
from mmengine.config import Config
from skimage.color import rgb2ycbcr, ycbcr2rgb

from harness.networks.zoo import BicubicUpsampler, MRVSRNet, RFS3Net, RLSPNet

CONFIGS = Path(__file__).resolve().parents[3] / 'mm_configs'


@pytest.mark.parametrize(
    ('config', 'parameters'),
    [
        ('mrvsr/mrvsr_paper.py', 1_209_360),
        ('rlsp/rlsp_paper.py', 1_080_336),
        ('rlsp/rfs3_paper.py', 766_864),
        ('frvsr/frvsr_lipschitz.py', 2_589_093),
    ],
)
def test_sizes_of_the_configs(config, parameters):
    model = MODELS.build(Config.fromfile(CONFIGS / config).model)
    assert sum(p.numel() for p in model.generator.parameters()) == parameters


@pytest.mark.parametrize(
    ('net', 'convs'),
    [
        (
            MRVSRNet(8, lipschitz=None),
            'xi_layers.0 xi_layers.2 xi_layers.4 phi_hidden_state_layer.0 phi_layers.0 '
            'psi_layers.0 psi_layers.2 psi_output_layer',
        ),
        (
            RLSPNet(8),
            'block1.0 blocks.0 blocks.2 blocks.4 blocks.6 blocks.8 output_layer '
            'hidden_state_layer.0',
        ),
        (RFS3Net(8), 'block1.0 blocks.0 blocks.2 blocks.4 blocks.6 blocks.8 output_layer'),
    ],
    ids=['mrvsr', 'rlsp', 'rfs3'],
)
def test_names_are_those_of_published_weights(net, convs):
    expected = {f'{conv}.{kind}' for conv in convs.split() for kind in ('weight', 'bias')}
    assert set(net.state_dict()) == expected


def conv(net, name, x):
    """One layer of the network, from its state dict."""
    weights = net.state_dict()
    return F.conv2d(x, weights[f'{name}.weight'], weights[f'{name}.bias'], padding=1)


def windows(video):
    """The frames beside each of three frames, repeated at the ends."""
    return [
        torch.cat([video[:, i] for i in numbers], 1)
        for numbers in ((0, 0, 1), (0, 1, 2), (1, 2, 2))
    ]


def as_rgb(correction, lr):
    """SR by scikit-image's colours and loops over the pixels of a 4x4 block."""
    lr_ycc = rgb2ycbcr(lr[0].permute(1, 2, 0).numpy())
    rgb = BicubicUpsampler().unroll(lr[:, None]).frames[0, 0]
    ycc = rgb2ycbcr(rgb.permute(1, 2, 0).numpy())
    for i in range(4):
        for j in range(4):
            ycc[i::4, j::4, 0] = lr_ycc[..., 0] + 255 * correction[0, 4 * i + j].numpy()
    return torch.from_numpy(ycbcr2rgb(ycc)).permute(2, 0, 1)


@torch.no_grad()
def test_rfs3_by_hand(real_clip):
    net = RFS3Net(8, num_convs=4)
    video = real_clip(3, 10, 14, batch=1)
    frames = net(video)
    for t, x in enumerate(windows(video)):
        for name in ('block1.0', 'blocks.0', 'blocks.2'):
            x = conv(net, name, x).relu()
        expected = as_rgb(conv(net, 'output_layer', x), video[:, t])
        assert (frames[0, t] - expected).abs().max() <= 1e-5


@torch.no_grad()
def test_rlsp_by_hand(real_clip):
    net = RLSPNet(8, num_convs=3)
    video = real_clip(3, 10, 14, batch=1)
    frames = net(video)
    hidden, fed_back = torch.zeros(1, 8, 10, 14), torch.zeros(1, 16, 10, 14)
    for t, window in enumerate(windows(video)):
        x = conv(net, 'block1.0', torch.cat([window, hidden, fed_back], 1)).relu()
        x = conv(net, 'blocks.0', x).relu()
        hidden = conv(net, 'hidden_state_layer.0', x).relu()
        expected = as_rgb(conv(net, 'output_layer', x), video[:, t])
        assert (frames[0, t] - expected).abs().max() <= 1e-5
        y = rgb2ycbcr(expected.permute(1, 2, 0).numpy())[..., 0] / 255
        blocks = [torch.from_numpy(y[i::4, j::4]) for i in range(4) for j in range(4)]
        fed_back = torch.stack(blocks)[None].float()


@torch.no_grad()
def test_mrvsr_by_hand(real_clip):
    net = MRVSRNet(8, lipschitz=None)
    video = real_clip(3, 10, 14, batch=1)
    frames = net(video)
    hidden = torch.zeros(1, 8, 10, 14)
    for t, x in enumerate(windows(video)):
        for name in ('xi_layers.0', 'xi_layers.2', 'xi_layers.4'):
            x = conv(net, name, x).relu()
        recalled = conv(net, 'phi_hidden_state_layer.0', hidden).relu()
        new = conv(net, 'phi_layers.0', torch.cat([x, recalled], 1)).relu()
        x = conv(net, 'psi_layers.0', torch.cat([new, hidden], 1)).relu()
        x = conv(net, 'psi_layers.2', x).relu()
        expected = as_rgb(conv(net, 'psi_output_layer', x), video[:, t])
        assert (frames[0, t] - expected).abs().max() <= 1e-5
        hidden = new


@pytest.mark.parametrize('bound', [None, 1.0], ids=['free', 'bounded'])
def test_hidden_state_map_is_non_expansive(real_clip, bound):
    """For random pairs of states and for the pair that the map draws furthest apart.

    Only with the constraint: these weights are far too large for the free network.
    """
    size, video = 16, real_clip(3, 16, 16, batch=1)
    free = MRVSRNet(8, lipschitz=None)
    for layer in (free.phi_hidden_state_layer, free.phi_layers):
        layer[0].weight.data.mul_(6)
        layer[0].bias.data.add_(1)  # keeps ReLUs open
    net = MRVSRNet(8, lipschitz=bound and dict(bound=bound, size=size)).eval()
    net.load_state_dict(free.state_dict())
    (window,) = net.prepare(video[:, :1], None, video[:, 1:2])

    def advance(hidden):
        return net.advance(video[:, 0], (window[:, 0],), {'hidden': hidden}, None)['hidden']

    @torch.no_grad()
    def ratio(first, second):
        return float((advance(first) - advance(second)).norm() / (first - second).norm())

    states = torch.rand(21, 1, 8, size, size)
    random = [ratio(states[i], states[i + 1]) for i in range(20)]
    direction = torch.randn_like(states[0])
    for _ in range(30):  # power iteration on the map's derivative
        _, moved = torch.func.jvp(advance, (states[0],), (direction,))
        _, pull_back = torch.func.vjp(advance, states[0])
        direction = torch.nn.functional.normalize(pull_back(moved.detach())[0].detach(), dim=None)
    worst = ratio(states[0], states[0] + 0.01 * direction)
    if bound is None:
        assert min(random) > 1.1
        assert worst > 5
    else:
        assert max(random) <= 1 + 1e-4
        assert 0.1 < worst <= 1 + 1e-3
