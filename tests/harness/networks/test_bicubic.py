"""BicubicUpsampler lies on the grid of BD or BI frames."""

import pytest
import torch
import torch.nn.functional as F
from mmagic.datasets.transforms import MATLABLikeResize

from dataset_tools.degrade.filters import degrade, phase
from harness.networks.upsample import bicubic
from harness.networks.zoo import BicubicUpsampler

INTERIOR = (..., slice(8, -12), slice(8, -12))


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
    error = (sr - hr)[INTERIOR].abs().max()
    assert error < 0.01
    assert error < (other - hr)[INTERIOR].abs().max() / 5
    # known pixels stay as they are
    assert torch.allclose(sr[..., ::4, ::4], lr, atol=1e-5)


def test_bd_is_bicubic_sampling_at_every_quarter(photographs):
    """PyTorch's own sampling at the positions of BD's pixels, borders included."""
    lr = torch.from_numpy(degrade(photographs[0][:80, :120], 'bd')).permute(2, 0, 1)[None] / 255
    height, width = lr.shape[-2:]
    ys, xs = torch.arange(4 * height) / 4, torch.arange(4 * width) / 4
    grid = torch.stack(
        torch.meshgrid((2 * ys + 1) / height - 1, (2 * xs + 1) / width - 1, indexing='ij')[::-1], -1
    )
    expected = F.grid_sample(lr, grid[None], 'bicubic', padding_mode='border', align_corners=False)
    assert (bicubic(lr, 'bd') - expected).abs().max() <= 1e-5


@pytest.mark.parametrize('size', [(34, 50), (17, 31), (2, 3)], ids=str)
def test_bi_is_matlabs_imresize(photographs, size):
    """MMagic's imitation of it, borders included, and PyTorch's inside."""
    lr = photographs[1][60 : 60 + size[0], 100 : 100 + size[1]]
    expected = torch.from_numpy(MATLABLikeResize(keys=[], scale=4)._resize(lr)) / 255
    ours = bicubic(torch.from_numpy(lr).permute(2, 0, 1)[None] / 255, 'bi')
    assert (ours[0].permute(1, 2, 0) - expected).abs().max() <= 1e-5
    # PyTorch's antialiasing changes nothing here but a, from -0.75 to -0.5
    torchs = F.interpolate(
        torch.from_numpy(lr).permute(2, 0, 1)[None] / 255,
        scale_factor=4,
        mode='bicubic',
        antialias=True,
    )
    assert torch.allclose(ours[INTERIOR], torchs[INTERIOR], atol=1e-5)


def test_each_degradation_has_its_upsampling(photographs):
    """The other one is shifted by 1.5 HR pixels and far worse."""
    for photo in photographs:
        hr = photo[:256, :400]
        target = torch.from_numpy(hr).permute(2, 0, 1)[None] / 255
        for own, other in (('bd', 'bi'), ('bi', 'bd'), ('bd_basicvsr', 'bd'), ('bi_pil', 'bd')):
            lr = torch.from_numpy(degrade(hr, own)).permute(2, 0, 1)[None] / 255
            grids = {d: 'bd' if phase(d) == 0 else 'bi' for d in (own, other)}
            errors = {
                d: (bicubic(lr, grid) - target)[INTERIOR].square().mean()
                for d, grid in grids.items()
            }
            assert errors[other] > 1.5 * errors[own]


@pytest.mark.parametrize('degradation', ['bd', 'bi'])
def test_constant_image_stays_constant(degradation):
    sr = BicubicUpsampler(degradation)(torch.full((2, 3, 3, 10, 14), 0.3))
    assert sr.shape == (2, 3, 3, 40, 56)
    assert torch.allclose(sr, torch.tensor(0.3), atol=1e-6)
