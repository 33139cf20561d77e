"""STCNNet: size, and frames by hand from its layers."""

import torch
import torch.nn.functional as F

from harness.networks.luma import luma, with_luma
from harness.networks.upsample import bicubic
from harness.networks.zoo import STCNNet


def test_parameters():
    spatial = (9 * 64 + 64) + 19 * (9 * 64 * 64 + 64)
    layer = sum(k * k * (64 + 32) * 64 + 64 for k in (3, 5))
    total = sum(p.numel() for p in STCNNet().parameters())
    assert total == spatial + 6 * layer + (9 * 64 + 1) == 1_956_993


@torch.no_grad()
def test_frames_by_hand(real_clip):
    net = STCNNet(mid_channels=8, num_convs=2, layers=2).eval()
    for name, parameter in net.temporal.named_parameters():
        parameter.mul_(10 if 'weight' in name else 1)
    video = real_clip(3, 6, 7)
    frames = [bicubic(x, 'bi') for x in video.unbind(1)]
    features = []
    for frame in frames:
        x = F.relu(net.spatial[0](luma(frame)))
        features.append(F.relu(net.spatial[2](x)))
    zeros = torch.zeros(2, 4, 24, 28)
    for ahead, back in zip(net.lstm.forward_layers, net.lstm.backward_layers, strict=True):
        halves = []
        for layer, order in ((ahead, (0, 1, 2)), (back, (2, 1, 0))):
            hidden, cell, outputs = zeros, zeros, {}
            for t in order:
                hidden, cell = layer.step(layer.from_input(features[t]), hidden, cell)
                outputs[t] = hidden
            halves.append(outputs)
        features = [torch.cat([halves[0][t], halves[1][t]], 1) for t in range(3)]
    srs = net(video)
    for t, frame in enumerate(frames):
        expected = with_luma(frame, luma(frame) + net.reconstruction(features[t]))
        assert (srs[:, t] - expected).abs().max() <= 1e-5


def test_states_have_the_size_of_the_sr_frame():
    forward, backward = STCNNet().state_shapes(5, 6)
    assert forward == backward == dict.fromkeys('hc', (3, 32, 20, 24))
