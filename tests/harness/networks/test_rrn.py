"""RRN: sizes, names, and frames computed by hand."""

import pytest
import torch
import torch.nn.functional as F

from harness.networks.zoo import RRNNet


@pytest.mark.parametrize('blocks, parameters', [(10, 3_364_400), (5, 1_888_560)])
def test_sizes(blocks, parameters):
    """The paper prints 3.4 million; the authors' log for 5 blocks 7.20428, in 4 * 2**20."""
    net = RRNNet(num_blocks=blocks)
    assert sum(p.numel() for p in net.parameters()) == parameters
    if blocks == 5:
        assert round(parameters * 4 / 2**20, 5) == 7.20428


def test_names_and_shapes_are_those_of_published_weights():
    convs = {
        'neuro.conv_1': (128, 182, 3, 3),
        'neuro.conv_h': (128, 128, 3, 3),
        'neuro.conv_o': (48, 128, 3, 3),
    }
    for block in range(10):
        for i in (1, 2):
            convs[f'neuro.recon_trunk.{block}.conv{i}'] = (128, 128, 3, 3)
    expected = {f'{name}.weight': shape for name, shape in convs.items()}
    expected |= {f'{name}.bias': shape[:1] for name, shape in convs.items()}
    assert {name: tuple(x.shape) for name, x in RRNNet().state_dict().items()} == expected


@torch.no_grad()
@pytest.mark.parametrize('mirror, first', [(True, 1), (False, 0)], ids=['mirror', 'repeat'])
def test_by_hand(real_clip, mirror, first):
    """``first`` is the frame that stands before the first one."""
    net = RRNNet(8, num_blocks=2, mirror_start=mirror).eval()
    for parameter in net.parameters():
        parameter.copy_(0.1 * torch.randn_like(parameter))
    weights = net.state_dict()

    def conv(name, x):
        return F.conv2d(
            x, weights[f'neuro.{name}.weight'], weights[f'neuro.{name}.bias'], padding=1
        )

    video = real_clip(3, 10, 14, batch=1)
    frames, states = net(video, return_states=True)
    sr, hidden = torch.zeros(1, 3, 40, 56), torch.zeros(1, 8, 10, 14)
    for t, before in enumerate((first, 0, 1)):
        pieces = [sr[:, c, i::4, j::4] for c in range(3) for i in range(4) for j in range(4)]
        inputs = [video[:, before], video[:, t], hidden, torch.stack(pieces, 1)]
        x = conv('conv_1', torch.cat(inputs, 1)).relu()
        for block in range(2):
            inner = conv(f'recon_trunk.{block}.conv1', x).relu()
            x = x + conv(f'recon_trunk.{block}.conv2', inner)
        hidden, out = conv('conv_h', x).relu(), conv('conv_o', x)
        sr = F.interpolate(video[:, t], scale_factor=4, mode='bilinear', align_corners=False)
        for channel in range(48):
            c, i, j = channel // 16, channel // 4 % 4, channel % 4
            sr[:, c, i::4, j::4] += out[:, channel]
        assert (frames[:, t] - sr).abs().max() <= 1e-5
    assert torch.allclose(states.forward['hidden'], hidden, atol=1e-5)


def test_only_a_mirrored_start_reads_ahead(real_clip):
    video = real_clip(3, 10, 14, batch=1)
    for mirror in (True, False):
        net = RRNNet(8, num_blocks=1, mirror_start=mirror).eval()
        states = net.initial_states(video)
        assert net.look_ahead == int(mirror) == (states.backward is not None)
        with torch.no_grad():
            short, long = net(video[:, :2]), net(video)
            assert torch.equal(short[:, 0], long[:, 0])
            assert torch.equal(net(video[:, :1])[:, 0], long[:, 0]) != mirror
