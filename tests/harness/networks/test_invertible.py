"""RISTN's spatial component: invertibility, and the three kinds of blocks."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from harness.networks.invertible import (
    InvertibleBlock,
    ResidualBlocks,
    ResidualInvertibleBlock,
    SpatialComponent,
)
from harness.networks.ristn import RISTNNet


def features(real_clip, channels):
    """Features (4, channels, 18, 26) of real frames."""
    frames = real_clip(2, 18, 26).flatten(0, 1)
    return nn.Conv2d(3, channels, 3, padding=1)(frames).detach()


@pytest.fixture
def block(real_clip):
    """A block of 10 bottlenecks, as deep as the deepest but one, with statistics of features."""
    block = InvertibleBlock(32, 10)
    for _ in range(20):
        block(features(real_clip, 32))
    return block.eval()


@torch.no_grad()
def test_inverse_returns_the_input(block, real_clip):
    x = features(real_clip, 32)
    y = block(x)
    assert (y - x).abs().max() > 0.1
    assert (block.inverse(y) - x).abs().max() <= 1e-5


@pytest.mark.slow
@torch.no_grad()
def test_inverses_of_the_whole_component(settle, real_clip):
    """With the paper's numbers of bottlenecks; in double, for rounding errors grow with depth and
    differ between processors."""
    net = settle(RISTNNet(temporal=None)).spatial.double()
    x = F.pad(real_clip(1, 18, 26)[:, 0], (0, 0, 0, 0, 0, 13)).double()
    for branches in net.stages:
        for branch in branches:
            y = branch.invertible(x)
            assert (branch.invertible.inverse(y) - x).abs().max() <= 1e-7
        x = torch.cat([branch(x) for branch in branches], 1)


@torch.no_grad()
def test_forward_inverts_the_inverse(block, real_clip):
    y = features(real_clip, 32)
    assert (block(block.inverse(y)) - y).abs().max() <= 1e-5


@torch.no_grad()
@pytest.mark.parametrize('bottlenecks', [1, 2, 3])
def test_coupling_by_hand(real_clip, bottlenecks):
    """X_j of step i+1 is X_(j-1) + F_i(X_j); what F read is one half, unchanged."""
    block = InvertibleBlock(16, bottlenecks).eval()
    x = features(real_clip, 16)
    halves = [x[:, :8], x[:, 8:]]
    for f in block.bottlenecks:
        halves.append(halves[-2] + f(halves[-1]))
    assert torch.equal(block(x), torch.cat(halves[-2:], 1))


def test_bottleneck():
    """Three 3x3 convolutions over a third of the half; all but the first begin with batch norm."""
    first, second = InvertibleBlock(64, 2).bottlenecks
    convs = [m for m in second if isinstance(m, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels) for c in convs] == [(32, 10), (10, 10), (10, 32)]
    kinds = ''.join(type(m).__name__[0] for m in second)
    assert kinds == 'BRCBRCBRC'
    assert ''.join(type(m).__name__[0] for m in first) == 'CBRCBRC'


@torch.no_grad()
def test_residual_block_adds_its_input(real_clip):
    block = ResidualInvertibleBlock(16, 3).eval()
    x = features(real_clip, 16)
    assert torch.equal(block(x), block.invertible(x) + x)


@torch.no_grad()
def test_residual_blocks_are_an_identity_where_their_weights_are_zero(real_clip):
    blocks = ResidualBlocks(16, 3).eval()
    x = features(real_clip, 16)
    assert (blocks(x) - x).abs().max() > 0.01
    for block in blocks:
        block.body[-2].weight.zero_()
        block.body[-2].bias.zero_()
    assert torch.equal(blocks(x), x)


@torch.no_grad()
def test_component_by_hand(real_clip):
    """Zero channels after RGB, two branches a stage, both fed with all that came before."""
    component = SpatialComponent('RIB', ((1, 2), (2, 1))).eval()
    frames = real_clip(1, 18, 26)[:, 0]
    x = torch.cat([frames, torch.zeros(2, 13, 18, 26)], 1)
    for (first, second), channels in zip(component.stages, (16, 32), strict=True):
        assert x.size(1) == channels
        x = torch.cat([first(x), second(x)], 1)
    assert torch.equal(component(frames), x)
    assert component.out_channels == x.size(1) == 64


@pytest.mark.parametrize('kind', ['RIB', 'IB', 'RB'])
def test_blocks_of_the_component(kind):
    bottlenecks = ((6, 8, 10, 10), (6, 6, 12, 6))
    component = SpatialComponent(kind, bottlenecks)
    expected = {'RIB': ResidualInvertibleBlock, 'IB': InvertibleBlock, 'RB': ResidualBlocks}[kind]
    for stage, branches in enumerate(component.stages):
        for branch, counts in zip(branches, bottlenecks, strict=True):
            assert type(branch) is expected
            parts = branch if kind == 'RB' else getattr(branch, 'invertible', branch).bottlenecks
            assert len(parts) == counts[stage]
    assert component.out_channels == 256
