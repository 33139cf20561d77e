"""Deformable convolution without the full mmcv."""

import mmcv.ops
import pytest
import torch
import torch.nn.functional as F
from mmagic.models.editors.edvr.edvr_net import ModulatedDCNPack

import harness.networks.zoo  # noqa: F401  (applies the work-arounds)
from harness.compat import MissingMMCVOpError

KERNEL, GROUPS = 3, 2


def call(x, offset, mask, weight, bias, stride=1, dilation=1):
    return mmcv.ops.modulated_deform_conv2d(
        x, offset, mask, weight, bias, stride, dilation, dilation, 1, GROUPS
    )


@pytest.fixture
def case():
    """Input, weight and bias, and (B, 2, 9, ...) offsets (y, x) and masks by group and position."""
    x = torch.randn(2, 4, 7, 9, dtype=torch.double)
    weight = torch.randn(5, 4, KERNEL, KERNEL, dtype=torch.double)
    bias = torch.randn(5, dtype=torch.double)
    offset = torch.zeros(2, GROUPS, KERNEL**2, 2, 7, 9, dtype=torch.double)
    mask = torch.ones(2, GROUPS, KERNEL**2, 7, 9, dtype=torch.double)
    return x, weight, bias, offset, mask


def by_hand(x, offset, mask, weight, bias):
    """Reads every position by bilinear interpolation with zeros outside, and sums."""
    batch, channels, height, width = x.shape
    ys, xs = torch.meshgrid(torch.arange(height), torch.arange(width), indexing='ij')
    out = bias.view(1, -1, 1, 1).expand(batch, -1, height, width).clone()
    part = channels // GROUPS
    for group in range(GROUPS):
        inputs = x[:, group * part : (group + 1) * part]
        for position in range(KERNEL**2):
            i, j = divmod(position, KERNEL)
            at_y = ys + i - 1 + offset[:, group, position, 0]
            at_x = xs + j - 1 + offset[:, group, position, 1]
            grid = torch.stack([2 * at_x / (width - 1) - 1, 2 * at_y / (height - 1) - 1], -1)
            read = F.grid_sample(inputs, grid, align_corners=True) * mask[:, group, position, None]
            taps = weight[:, group * part : (group + 1) * part, i, j]
            out = out + torch.einsum('oc,bchw->bohw', taps, read)
    return out


def test_without_offsets_it_is_a_convolution(case):
    x, weight, bias, offset, mask = case
    flat = offset.flatten(1, 3), mask.flatten(1, 2)
    assert torch.allclose(call(x, *flat, weight, bias), F.conv2d(x, weight, bias, padding=1))
    strided = [t[..., ::2, ::2] for t in flat]
    expected = F.conv2d(x, weight, bias, stride=2, padding=2, dilation=2)
    assert torch.allclose(call(x, *strided, weight, bias, 2, 2), expected)


def test_whole_pixels_are_shifted_reads(case):
    """One row down and two columns to the left, where the zeros beyond the border come in."""
    x, weight, bias, offset, mask = case
    offset[..., 0, :, :], offset[..., 1, :, :] = 1, -2
    shifted = F.pad(x, (3, 1, 1, 2))[:, :, 1:, :-2]  # a border of 1 for the kernel
    expected = F.conv2d(shifted, weight, bias)[..., :7, :9]
    assert torch.allclose(call(x, offset.flatten(1, 3), mask.flatten(1, 2), weight, bias), expected)


def test_equals_bilinear_reads_by_hand_with_gradients(case):
    x, weight, bias, offset, mask = case
    offset = torch.randn_like(offset).mul(1.5).requires_grad_()
    mask = torch.rand_like(mask).requires_grad_()
    leaves = [x.requires_grad_(), offset, mask, weight.requires_grad_(), bias.requires_grad_()]
    out = call(x, offset.flatten(1, 3), mask.flatten(1, 2), weight, bias)
    expected = by_hand(*leaves)
    assert torch.allclose(out, expected)
    grad = torch.randn_like(out)
    ours = torch.autograd.grad(out, leaves, grad)
    for mine, other in zip(ours, torch.autograd.grad(expected, leaves, grad), strict=True):
        assert torch.allclose(mine, other)


def test_networks_of_mmagic_use_it():
    """As initialised: zero offsets and masks of one half."""
    layer = ModulatedDCNPack(8, 6, 3, padding=1, deform_groups=4)
    x, features = torch.randn(2, 8, 10, 12), torch.randn(2, 8, 10, 12)
    expected = F.conv2d(x, layer.weight / 2, layer.bias, padding=1)
    assert torch.allclose(layer(x, features), expected, atol=1e-6)


def test_other_operators_say_what_is_missing():
    with pytest.raises(MissingMMCVOpError, match='needs the full mmcv'):
        mmcv.ops.carafe(torch.zeros(1, 4, 4, 4), torch.zeros(1, 9, 8, 8), 3, 1, 2)
