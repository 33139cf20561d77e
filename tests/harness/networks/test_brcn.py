"""BRCNNet against the paper's equations, and its size."""

import pytest
import torch
import torch.nn.functional as F

from harness.networks.luma import luma
from harness.networks.upsample import bicubic
from harness.networks.zoo import BRCNNet


def test_parameters():
    first = 2 * 81 * 64 + 64 * 64 + 64
    second = 2 * 64 * 32 + 32 * 32 + 32
    last = 2 * 25 * 32
    total = sum(p.numel() for p in BRCNNet().parameters())
    assert total == 2 * (first + second + last) + 1 == 42_561


def layers_by_hand(branch, xs):
    """Outputs of one branch for frames in its own order, written out layer by layer."""
    conv = F.conv2d
    w, c, r = branch.feedforward, branch.conditional, branch.recurrent
    h1s, h2s, outputs = [], [], []
    for i, x in enumerate(xs):
        h1 = conv(x, w[0].weight, w[0].bias, padding=4)
        if i:
            h1 = h1 + conv(xs[i - 1], c[0].weight, padding=4) + conv(h1s[-1], r[0].weight)
        h1 = h1.clamp(min=0)
        h2 = conv(h1, w[1].weight, w[1].bias)
        if i:
            h2 = h2 + conv(h1s[-1], c[1].weight) + conv(h2s[-1], r[1].weight)
        h2 = h2.clamp(min=0)
        out = conv(h2, w[2].weight, padding=2)
        if i:
            out = out + conv(h2s[-1], c[2].weight, padding=2)
        h1s.append(h1)
        h2s.append(h2)
        outputs.append(out)
    return outputs


@torch.no_grad()
@pytest.mark.parametrize(
    'size', [pytest.param((34, 50), marks=pytest.mark.slow), (17, 31)], ids=str
)
@pytest.mark.parametrize('frames', [1, 4])
def test_equals_the_equations(real_clip, frames, size):
    net = BRCNNet(degradation='bd').eval()
    net.bias.data.fill_(0.1)
    video = real_clip(frames, *size)
    hrs = [bicubic(video[:, t], 'bd') for t in range(frames)]
    xs = [luma(hr) for hr in hrs]
    forward = layers_by_hand(net.forward_branch, xs)
    backward = layers_by_hand(net.backward_branch, xs[::-1])[::-1]
    ys = [a + b + 0.1 for a, b in zip(forward, backward, strict=True)]
    srs = net(video)
    for t in range(frames):
        assert (luma(srs[:, t]) - ys[t]).abs().max() <= 1e-5
        chroma = srs[:, t] - hrs[t]
        assert (chroma - luma(chroma)).abs().max() <= 1e-5


def test_condition_enters_the_first_layers():
    net = BRCNNet(cond_channels=1)
    for branch in (net.forward_branch, net.backward_branch):
        assert branch.feedforward[0].in_channels == 2
        assert branch.conditional[0].in_channels == 1
