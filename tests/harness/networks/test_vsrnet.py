"""VSRNet: size, symmetric filters, adaptive motion compensation, frames by hand."""

import math

import pytest
import torch
import torch.nn.functional as F

from harness.networks.flow import DISFlow
from harness.networks.luma import luma
from harness.networks.upsample import bicubic
from harness.networks.vsrnet import trust
from harness.networks.warp import warp
from harness.networks.zoo import VSRNet


def test_parameters():
    first, second, third = 3 * (81 * 64 + 64), 25 * 320 * 32 + 32, 25 * 32 + 1
    total = sum(p.numel() for p in VSRNet().parameters())
    assert total == first + second + third == 272_577


def test_trust():
    frame, compensated = torch.tensor([[0.2, 0.5]]), torch.tensor([[0.2, 0.5 + 8 / 255]])
    trusted = trust(frame, compensated, 255 / 8)
    assert trusted[0, 0] == pytest.approx(0.2)
    assert trusted[0, 1] == pytest.approx(0.5 + 8 / 255 * math.exp(-1), abs=1e-6)
    assert torch.equal(trust(frame, compensated, 0.0), compensated)


@torch.no_grad()
def test_frames_by_hand(real_clip):
    """The middle one of five frames; frames equally far away share a convolution."""
    net = VSRNet().eval()
    video = real_clip(5, 9, 13)
    hrs = [bicubic(x, 'bi') for x in video.unbind(1)]
    features = []
    for i, conv in enumerate(
        (net.first[2], net.first[1], net.first[0], net.first[1], net.first[2])
    ):
        y = luma(hrs[i])
        if i != 2:
            flow = 4 * bicubic(DISFlow()(video[:, 2], video[:, i]), 'bi')
            y = trust(luma(hrs[2]), warp(y, flow), 255 / 8)
        features.append(F.relu(conv(y)))
    y = net.third(F.relu(net.second(torch.cat(features, 1))))
    frame = net(video)[:, 2]
    assert (luma(frame) - y).abs().max() <= 1e-5
    chroma = frame - hrs[2]
    assert (chroma - luma(chroma)).abs().max() <= 1e-5


@torch.no_grad()
@pytest.mark.parametrize('size', [(9, 13), (1, 2)], ids=str)
def test_a_clip_from_its_states_equals_the_whole_video(real_clip, size):
    net = VSRNet().eval()
    video = real_clip(4, *size)
    boundary = torch.full((2, 1), 2)
    states = net.states_at(video, boundary, boundary + 1).map(lambda x: x[:, 0])
    whole = net(video)
    assert (net(video[:, 2:3], states)[:, 0] - whole[:, 2]).abs().max() <= 1e-5
    assert (net(video[:, 2:3])[:, 0] - whole[:, 2]).abs().max() > 1e-4
