"""BicubicUpsampler lies on the grid of BD frames."""

import torch
import torch.nn.functional as F

from harness.networks import BicubicUpsampler


def smooth_image():
    """HR (1, 3, 64, 96), so smooth that every fourth pixel tells all of it."""
    ys, xs = torch.meshgrid(torch.arange(64.0), torch.arange(96.0), indexing='ij')
    waves = [torch.sin(xs / 12 + c) * torch.cos(ys / 15 - c) for c in range(3)]
    return 0.5 + 0.4 * torch.stack(waves)[None]


def test_aligned_with_every_fourth_pixel():
    hr = smooth_image()
    lr = hr[..., ::4, ::4]
    sr = BicubicUpsampler()(lr[:, None])[:, 0]
    other = F.interpolate(lr, scale_factor=4, mode='bicubic', align_corners=False)
    interior = (..., slice(8, -12), slice(8, -12))
    error = (sr - hr)[interior].abs().max()
    assert error < 0.01
    assert error < (other - hr)[interior].abs().max() / 5
    # known pixels stay as they are
    assert torch.allclose(sr[..., ::4, ::4], lr, atol=1e-5)


def test_constant_image_stays_constant():
    sr = BicubicUpsampler()(torch.full((2, 3, 3, 10, 14), 0.3))
    assert sr.shape == (2, 3, 3, 40, 56)
    assert torch.allclose(sr, torch.tensor(0.3), atol=1e-6)
