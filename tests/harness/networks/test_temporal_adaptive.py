"""TemporalAdaptiveNet (Liu et al.): size, branches, modulation, patch-wise alignment, its loss."""

import pytest
import torch
import torch.nn.functional as F
from mmagic.registry import MODELS

from harness.networks.flow import DISFlow
from harness.networks.luma import luma
from harness.networks.temporal_adaptive import PatchAlignment
from harness.networks.zoo import TemporalAdaptiveNet


def espcn(frames, maps):
    return (25 * frames * 64 + 64) + (9 * 64 * 32 + 32) + (9 * 32 * 16 * maps + 16 * maps)


def test_parameters():
    align = (81 * 2 * 32 + 32) + (81 * 32 * 32 + 32) + (32 * 49 * 100 + 100) + (100 * 2 + 2)
    net = TemporalAdaptiveNet()
    assert sum(p.numel() for p in net.alignment.parameters()) == align == 245_294
    total = sum(p.numel() for p in net.parameters())
    assert total == espcn(1, 1) + espcn(3, 1) + espcn(5, 1) + espcn(5, 3) + align == 369_550


@torch.no_grad()
@pytest.mark.parametrize('size', [(16, 24), (13, 20)], ids=str)
def test_each_patch_moves_as_a_whole(size):
    align = PatchAlignment(patch=8, channels=2)
    torch.nn.init.normal_(align.localise[-1].weight)
    height, width = size
    first, second = torch.rand(2, 1, *size), torch.rand(2, 1, *size)
    moves = align(first, second)
    rows, columns = -(-height // 8), -(-width // 8)
    assert moves.shape == (2, 2, rows, columns)
    pair = F.pad(
        torch.cat([first, second], 1), (0, 8 * columns - width, 0, 8 * rows - height), 'replicate'
    )
    flow = align.flow(moves, height, width)
    assert flow.shape == (2, 2, height, width)
    for r in range(rows):
        for c in range(columns):
            place = (..., slice(8 * r, 8 * r + 8), slice(8 * c, 8 * c + 8))
            expected = align.localise(pair[place])
            assert torch.allclose(moves[..., r, c], expected, atol=1e-5)
            assert (flow[place] == moves[..., r : r + 1, c : c + 1]).all()


@torch.no_grad()
def test_branches_and_weights(real_clip):
    """Still frames, so that nothing is aligned: 1, 3 and 5 of them, weighted by three maps."""
    net = TemporalAdaptiveNet(patch=8).eval()
    ys = luma(real_clip(5, 9, 13)).squeeze(2)
    weights = net.modulation(ys)
    assert weights.shape == (2, 3, 36, 52)
    expected = sum(weights[:, i : i + 1] * net.branches[i](ys[:, 2 - i : 3 + i]) for i in range(3))
    frames = ys[:, :, None].expand(-1, -1, 3, -1, -1)
    srs, losses = net.super_resolve_centre(frames)  # no motion at first
    assert losses == {}
    assert (luma(srs) - expected).abs().max() <= 1e-5


def test_alignment_learns_rectified_flow(real_clip):
    cfg = dict(
        type='RecurrentVSR',
        generator=dict(type='TemporalAdaptiveNet', branches=2, patch=16, align_weight=0.5),
        pixel_loss=dict(type='LumaLoss', loss=dict(type='MSELoss')),
    )
    model = MODELS.build(cfg).train()
    video = real_clip(3, 16, 32)
    losses = model(video, torch.rand(2, 3, 3, 64, 128), mode='loss')
    assert set(losses) == {'loss_pixel', 'loss_align'}
    total = 0
    for t, other in ((0, 0), (0, 1), (1, 0), (1, 2), (2, 1), (2, 2)):
        flow = DISFlow()(video[:, t], video[:, other])
        moves = torch.stack([flow[..., :16].mean((2, 3)), flow[..., 16:].mean((2, 3))], 2).round()
        total = total + moves.square().mean()  # the network says 0
    assert total > 0
    assert torch.allclose(losses['loss_align'], 0.5 * total / 6)
    losses['loss_align'].backward()
    assert model.generator.alignment.localise[-1].weight.grad.abs().max() > 0
