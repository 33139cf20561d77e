"""VESPCNNet: size, alignment, losses."""

import pytest
import torch
import torch.nn.functional as F
from mmagic.registry import MODELS

from harness.networks.luma import luma
from harness.networks.upsample import bicubic
from harness.networks.vespcn import MotionCompensation, flow_roughness
from harness.networks.zoo import VESPCNNet


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_parameters():
    net = VESPCNNet()
    coarse = (2 * 25 + 24 * 9 + 24 * 25 + 24 * 9) * 24 + 4 * 24 + 24 * 32 * 9 + 32
    fine = (5 * 25 + 3 * 24 * 9) * 24 + 4 * 24 + 24 * 8 * 9 + 8
    assert (count(net.motion.coarse), count(net.motion.fine)) == (coarse, fine)
    spatial = (3 * 24 + 7 * 24 * 24 + 24 * 16) * 9 + 8 * 24 + 16
    assert count(net) == coarse + fine + spatial == 93_992
    assert len(net.convs) == 9


def test_operations_of_the_paper():
    """14.00 and 24.23 GOps (2^30) per 1080p frame for x4 and x3, multiplications and additions.

    What is left, 1.7 %, may be biases, activations and warps, which are not counted here.
    """
    net = VESPCNNet()
    macs = {}

    def hook(name):
        def count_macs(module, inputs, output):
            macs[name] = module.weight.numel() * output.shape[-1] * output.shape[-2]

        return count_macs

    for name, module in net.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(hook(name))
    with torch.no_grad():
        net.eval()(torch.rand(1, 1, 3, 40, 40))
    per_pixel = {name: n / 1600 for name, n in macs.items()}
    motion = sum(n for name, n in per_pixel.items() if 'motion' in name)
    spatial = sum(n for name, n in per_pixel.items() if 'convs' in name)
    for scale, published in ((4, 14.00), (3, 24.23)):
        last = per_pixel['convs.8'] * (1 - scale**2 / 16)
        pixels = 1920 * 1080 / scale**2
        giga = 2 * pixels * (2 * motion + spatial - last) / 2**30
        assert giga == pytest.approx(published, rel=0.02)


@pytest.mark.parametrize('size', [(34, 50), (17, 31), (3, 2)], ids=str)
def test_alignment_reads_where_the_flow_points(size):
    """A network that says (2, -1) pixels everywhere moves the neighbour by just that."""
    motion = MotionCompensation(max_flow=4.0)
    for layers, value in ((motion.coarse, (0.5, 0.0)), (motion.fine, (0.0, -0.25))):
        last = layers[-3]
        last.weight.data.zero_()
        per_channel = last.out_channels // 2
        last.bias.data = torch.atanh(torch.tensor(value)).repeat_interleave(per_channel)
    neighbour = torch.rand(2, 1, *size)
    aligned, flow = motion(torch.rand_like(neighbour), neighbour)
    assert torch.allclose(flow, torch.tensor([0.5, -0.25]).view(1, 2, 1, 1).expand_as(flow))
    padded = F.pad(neighbour, (0, 2, 1, 0), mode='replicate')
    assert torch.allclose(aligned, padded[..., :-1, 2:], atol=1e-5)


def test_chroma_is_bicubic(real_clip):
    video = real_clip(3, 20, 28)
    with torch.no_grad():
        srs = VESPCNNet().eval()(video)
    plain = bicubic(video.flatten(0, 1), 'bi').unflatten(0, (2, 3))
    difference = srs - plain
    assert difference.abs().max() > 0.01
    assert torch.allclose(difference, luma(difference).expand_as(difference), atol=1e-5)


def test_flow_roughness_by_hand():
    flow = torch.zeros(1, 2, 3, 3)
    assert flow_roughness(flow) == pytest.approx(0.1)
    flow[:, 0, 0, 1] = 0.3
    # of the four places one differs along x, one along x and y, two do not
    expected = ((0.01 + 0.09) ** 0.5 + (0.01 + 0.18) ** 0.5 + 0.2) / 4
    assert flow_roughness(flow) == pytest.approx(expected)


def test_losses(real_clip):
    """Aligned neighbours and flow of every window, beside the pixel loss on luma."""
    cfg = dict(
        type='RecurrentVSR',
        generator=dict(type='VESPCNNet', num_layers=3, warp_weight=0.5, smooth_weight=0.25),
        pixel_loss=dict(type='LumaLoss', loss=dict(type='MSELoss')),
    )
    model = MODELS.build(cfg).train()
    video = real_clip(3, 16, 20)
    gts = torch.rand(2, 3, 3, 64, 80)
    losses = model(video, gts, mode='loss')
    assert set(losses) == {'loss_pixel', 'loss_warp', 'loss_smooth'}
    ys = luma(video)
    pairs = [(0, 0), (0, 1), (1, 0), (1, 2), (2, 1), (2, 2)]  # frame and its neighbour
    both = [model.generator.motion(ys[:, a], ys[:, b]) for a, b in pairs]
    warp = sum((x - ys[:, a]).square().mean() for (a, _), (x, _) in zip(pairs, both, strict=True))
    assert torch.allclose(losses['loss_warp'], 0.5 * warp / 6)
    smooth = sum(flow_roughness(flow) for _, flow in both)
    assert torch.allclose(losses['loss_smooth'], 0.25 * smooth / 6)
    srs = model(video)
    weights = torch.tensor([65.481, 128.553, 24.966]).view(3, 1, 1) / 255
    pixel = ((srs - gts) * weights).sum(2).square().mean()
    assert torch.allclose(losses['loss_pixel'], pixel, rtol=1e-4)
