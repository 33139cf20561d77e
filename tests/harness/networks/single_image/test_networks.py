"""LapSRN, DRCN and DSRN: sizes, frames by hand, further outputs and what they should be."""

import pytest
import torch
import torch.nn.functional as F
from mmagic.registry import MODELS

from harness.networks.luma import rgb_to_ycbcr, ycbcr_to_rgb
from harness.networks.upsample import bicubic
from harness.networks.zoo import DRCNNet, DSRNNet, LapSRNNet


def count(net):
    return sum(p.numel() for p in net.parameters())


def test_parameters():
    """In millions: 0.81 (LapSRN's paper), 1.75 and 1.25 (RISTN's Table 1)."""
    conv = lambda a, b: 9 * a * b + b  # noqa: E731
    level = 11 * conv(64, 64) + conv(64, 1) + 16
    assert count(LapSRNNet()) == conv(1, 64) + 2 * level == 814_242
    assert count(DRCNNet()) == conv(1, 256) + 3 * conv(256, 256) + conv(256, 1) + 16 == 1_775_121
    head, tail = conv(3, 64) + conv(64, 128), 128 * 3 + 3
    assert count(DSRNNet()) == head + 8 * conv(128, 128) + tail == 1_256_707


def y_of(frames):
    return rgb_to_ycbcr(frames)[:, :1]


def as_frame(image, y):
    """The frame of an image's bicubically enlarged chroma and of ``y``."""
    return ycbcr_to_rgb(torch.cat([y, bicubic(rgb_to_ycbcr(image), 'bi')[:, 1:]], 1))


def lively(net):
    for parameter in net.parameters():
        if parameter.ndim == 4:
            parameter.data.normal_(std=0.1)
    return net


@torch.no_grad()
def test_lapsrn_by_hand(real_clip):
    net = lively(LapSRNNet(mid_channels=4, depth=2)).eval()
    image = real_clip(1, 9, 13)[:, 0]

    def lrelu(x):
        return torch.maximum(x, 0.2 * x)

    y = y_of(image)
    x = lrelu(net.first(y))
    for level in net.levels:
        for conv in level.convs:
            x = lrelu(conv(x))
        # a deconvolution is a convolution of an image with zeros between its pixels
        zeros = torch.zeros(*x.shape[:2], 2 * x.size(2) + 1, 2 * x.size(3) + 1)
        zeros[..., 0:-1:2, 0:-1:2] = x
        padded = F.pad(zeros, (2, 0, 2, 0))[..., :-1, :-1]
        flipped = level.upconv.weight.transpose(0, 1).flip(2, 3)
        x = lrelu(F.conv2d(padded, flipped, level.upconv.bias))
        y = F.conv_transpose2d(y, level.image_up.weight, stride=2, padding=1) + level.residual(x)
    assert (net(image[:, None])[:, 0] - as_frame(image, y)).abs().max() <= 1e-5


@torch.no_grad()
def test_lapsrn_begins_bilinearly(real_clip):
    """Inside the image, with the features' residual left out."""
    net = LapSRNNet(mid_channels=4, depth=1).eval()
    for level in net.levels:
        level.residual.weight.zero_()
    image = real_clip(1, 9, 13)[:, 0]
    y = F.interpolate(y_of(image), scale_factor=2, mode='bilinear', align_corners=False)
    y = F.interpolate(y, scale_factor=2, mode='bilinear', align_corners=False)
    difference = net(image[:, None])[:, 0] - as_frame(image, y)
    assert difference[..., 4:-4, 4:-4].abs().max() <= 1e-5


@torch.no_grad()
def test_drcn_by_hand(real_clip):
    net = lively(DRCNNet(mid_channels=4, recursions=3)).eval()
    net.weights.copy_(torch.tensor([0.2, -0.3, 0.9]))
    image = real_clip(1, 9, 13)[:, 0]
    enlarged = y_of(bicubic(image, 'bi'))
    x = F.relu(net.embedding[1](F.relu(net.embedding[0](enlarged))))
    images = []
    for _ in range(3):
        x = F.relu(net.recursion(x))
        images.append(enlarged + net.reconstruction[1](F.relu(net.reconstruction[0](x))))
    y = 0.2 * images[0] - 0.3 * images[1] + 0.9 * images[2]
    assert (net(image[:, None])[:, 0] - as_frame(image, y)).abs().max() <= 1e-5


@torch.no_grad()
def test_dsrn_by_hand(real_clip):
    """The graph of the authors' code: edges with a delay of one step, ReLU at every node."""
    net = DSRNNet(mid_channels=6, steps=4).eval()
    image = real_clip(1, 9, 13)[:, 0]
    edges = [
        ('low', 'low', lambda x: x),
        ('low', 'low', net.of_low),
        ('low', 'high', net.up),
        ('high', 'low', net.down),
        ('high', 'high', lambda x: x),
        ('high', 'high', net.of_high),
    ]
    nodes = [{'low': net.head(image)}, {}, {}, {}]
    for t in range(3):
        for source, target, function in edges:
            if source in nodes[t]:
                x = function(nodes[t][source])
                nodes[t + 1][target] = nodes[t + 1].get(target, 0) + x
        nodes[t + 1] = {key: F.relu(x) for key, x in nodes[t + 1].items()}
    mean = (nodes[1]['high'] + nodes[2]['high'] + nodes[3]['high']) / 3
    expected = bicubic(image, 'bi') + net.tail(mean)
    assert (net(image[:, None])[:, 0] - expected).abs().max() <= 1e-5


SMALL = [
    dict(type='LapSRNNet', mid_channels=4, depth=1),
    dict(type='DRCNNet', mid_channels=4, recursions=2),
    dict(type='DSRNNet', mid_channels=4, steps=4),
]


@pytest.mark.parametrize('cfg', SMALL, ids=lambda cfg: cfg['type'])
def test_every_frame_by_itself_in_training_as_in_evaluation(cfg, real_clip):
    net, video = MODELS.build(cfg), real_clip(3, 9, 13)
    trained = net.train().unroll(video)
    with torch.no_grad():
        evaluated = net.eval().unroll(video)
        assert torch.allclose(trained.frames, evaluated.frames, atol=1e-5)
        alone = net(video[:, 1:2])
    assert evaluated.outputs is None
    assert torch.allclose(alone[:, 0], evaluated.frames[:, 1], atol=1e-5)
    trained.frames.square().mean().backward()
    assert all(p.grad is not None for p in net.parameters())


def model(cfg, name):
    loss = dict(type='MSELoss')
    return MODELS.build(
        dict(
            type='RecurrentVSR',
            generator=cfg,
            pixel_loss=dict(type='LumaLoss', loss=loss),
            output_losses={name: loss},
        )
    )


def test_lapsrn_learns_the_halved_frame(real_clip):
    net, gts = model(SMALL[0], 'first_level').train(), torch.rand(2, 1, 3, 32, 40)
    video = real_clip(1, 8, 10)
    losses = net(video, gts, mode='loss')
    first = net.generator.unroll(video).outputs['first_level']
    assert first.shape == (2, 1, 1, 16, 20)
    # bicubic by half (a = -0.5): 8 taps, here of a pixel far from the borders
    taps = torch.tensor([-0.0117, -0.0352, 0.1133, 0.4336, 0.4336, 0.1133, -0.0352, -0.0117])
    y = rgb_to_ycbcr(gts)[0, 0, 0]
    by_hand = taps @ y[13:21, 17:25] @ taps
    target = net.generator.further_targets(gts)['first_level']
    assert float(target[0, 0, 0, 8, 10]) == pytest.approx(float(by_hand), abs=2e-4)
    expected = (first - target).square().mean()
    assert torch.allclose(losses['loss_first_level'], expected)


def test_drcn_supervises_every_recursion(real_clip):
    net, gts = model(SMALL[1], 'recursions').train(), torch.rand(2, 1, 3, 32, 40)
    video = real_clip(1, 8, 10)
    losses = net(video, gts, mode='loss')
    images = net.generator.unroll(video).outputs['recursions']
    assert images.shape == (2, 1, 2, 1, 32, 40)
    y = rgb_to_ycbcr(gts)[:, :, :1]
    expected = sum((images[:, :, d] - y).square().mean() for d in range(2)) / 2
    assert torch.allclose(losses['loss_recursions'], expected)
