"""SPMCNet: the sub-pixel motion compensation layer, its parts by hand, what is remembered."""

import pytest
import torch
import torch.nn.functional as F
from mmagic.registry import MODELS

from harness.networks.luma import luma, with_luma
from harness.networks.spmc import splat
from harness.networks.upsample import bicubic
from harness.networks.zoo import SPMCNet, States


def test_parameters():
    encoder = (25 * 32 + 32) + (9 * 32 * 64 + 64) + (9 * 64 * 64 + 64) + (9 * 64 * 128 + 128)
    lstm = 9 * (128 + 128) * 512 + 512
    decoder = (9 * 128 * 128 + 128) + (16 * 128 * 64 + 64) + (9 * 64 * 64 + 64)
    decoder += (16 * 64 * 32 + 32) + (9 * 32 * 32 + 32) + (25 * 32 + 1)
    total = sum(p.numel() for p in SPMCNet().parameters())
    assert total == 53_392 + encoder + lstm + decoder == 1_722_161


def splat_by_hand(image, flow):
    """One image, pixel after pixel and share after share."""
    height, width = image.shape
    up = torch.zeros(4 * height, 4 * width)
    for y in range(height):
        for x in range(width):
            row, column = 4 * (y + float(flow[1, y, x])), 4 * (x + float(flow[0, y, x]))
            for i in range(4 * height):
                for j in range(4 * width):
                    share = max(0, 1 - abs(row - i)) * max(0, 1 - abs(column - j))
                    up[i, j] += share * image[y, x]
    return up


def test_splat():
    """Also beyond the borders, and where two pixels meet."""
    images = torch.rand(2, 1, 4, 5)
    flow = 1.5 * torch.randn(2, 2, 4, 5)
    flow[0, :, 0, 0] = torch.tensor([2.0, 0.0])  # onto a pixel that stays
    flow[0, :, 0, 2] = 0
    up = splat(images, flow)
    for b in range(2):
        assert torch.allclose(up[b, 0], splat_by_hand(images[b, 0], flow[b]), atol=1e-5)
    still = splat(images, torch.zeros_like(flow))
    assert torch.equal(still[..., ::4, ::4], images)
    assert float(still.sum()) == pytest.approx(float(images.sum()))


def test_flow_learns_through_splat():
    """The gradient of the flow is that of finite differences."""
    images, flow = torch.rand(1, 1, 3, 3).double(), 0.1 + 0.01 * torch.rand(1, 2, 3, 3).double()
    assert torch.autograd.gradcheck(splat, (images.requires_grad_(), flow.requires_grad_()))


@torch.no_grad()
def test_frames_by_hand(real_clip):
    """The second of three frames from nothing, and with what the first one left behind."""
    for carry in (False, True):
        net = SPMCNet(base_channels=4, carry=carry).eval()
        video = real_clip(3, 9, 13)
        ys = luma(video)

        def window(net, middle, frames, hidden, cell):
            for y in frames:
                flow = (
                    16 * net.motion(y, middle)[1] if y is not middle else y.new_zeros(2, 2, 9, 13)
                )
                full = F.relu(net.encode1[0](splat(y, flow)))
                half = F.relu(net.encode2[0][0](full))
                half = F.relu(net.encode2[1][0](half))
                gates = net.lstm.from_input(F.relu(net.encode3[0](half)))
                i, f, o, g = (gates + net.lstm.from_hidden(hidden)).chunk(4, 1)
                cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
                hidden = o.sigmoid() * cell.tanh()
            return hidden, cell, half, full

        y0, y1, y2 = ys.unbind(1)
        hidden = cell = torch.zeros(2, 16, 9, 13)
        if carry:
            hidden, cell, _, _ = window(net, y0, [y0.clone(), y0, y1], hidden, cell)
        hidden, cell, half, full = window(net, y1, [y0, y1, y2], hidden, cell)
        x = F.relu(net.decode3[1][0](F.relu(net.decode3[0][0](hidden)))) + half
        x = F.relu(net.decode2[1][0](F.relu(net.decode2[0][0](x)))) + full
        detail = net.decode1[1](F.relu(net.decode1[0][0](x)))
        frame = bicubic(video[:, 1], 'bi')
        expected = with_luma(frame, luma(frame) + detail)
        assert (net(video)[:, 1] - expected).abs().max() <= 1e-5


@torch.no_grad()
def test_only_with_carry_it_remembers(real_clip):
    """Two frames ago: seen through the ConvLSTM only."""
    video = real_clip(4, 9, 13)
    other = video.clone()
    other[:, 0] = 0.5
    for carry in (False, True):
        net = SPMCNet(base_channels=4, carry=carry).eval()
        assert ({'h', 'c'} <= set(net.state_shapes(9, 13)[0])) == carry
        difference = (net(video) - net(other)).abs().amax((0, 2, 3, 4))
        assert difference[1] > 0 and (difference[2] > 0) == carry


def test_flow_loss(real_clip):
    """From each frame to the one before it, as the model's warping loss has it."""
    cfg = dict(
        type='RecurrentVSR',
        generator=dict(type='SPMCNet', base_channels=4),
        pixel_loss=dict(type='LumaLoss', loss=dict(type='MSELoss')),
        flow_loss_weight=0.01,
    )
    model = MODELS.build(cfg).train()
    video = real_clip(3, 16, 20)
    net = model.generator
    states = net.states_at(video, torch.ones(2, 1).long(), torch.full((2, 1), 2)).map(
        lambda x: x[:, 0]
    )
    unrolled = net.unroll(video[:, 1:2], States(states.forward, states.backward))
    assert unrolled.flows.shape == (2, 0, 2, 16, 20)
    flows = net.unroll(video).flows
    ys = luma(video)
    for t in (1, 2):
        assert torch.allclose(
            flows[:, t - 1], 16 * net.motion(ys[:, t], ys[:, t - 1])[1], atol=1e-5
        )
    losses = model(video, torch.rand(2, 3, 3, 64, 80), mode='loss')
    assert set(losses) == {'loss_pixel', 'loss_flow'}
