"""Y, Cb, Cr and losses on Y against scikit-image."""

import pytest
import torch
from skimage.color import rgb2ycbcr, ycbcr2rgb

from harness.networks.luma import LumaLoss, luma, rgb_to_ycbcr, with_luma, ycbcr_to_rgb


@pytest.fixture
def pair(photographs):
    """Two different images (3, H, W) in [0, 1]."""
    pieces = [torch.from_numpy(p[:60, :80].copy()) for p in photographs[:2]]
    return [x.permute(2, 0, 1) / 255 for x in pieces]


def reference(image):
    return torch.from_numpy(rgb2ycbcr(image.permute(1, 2, 0).numpy())).permute(2, 0, 1) / 255


def test_ycbcr(pair):
    for image in pair:
        assert (rgb_to_ycbcr(image) - reference(image)).abs().max() <= 1e-6


def test_there_and_back_in_a_batch_of_clips(pair):
    clips = torch.stack(pair)[:, None] * 2 - 0.5  # values outside of [0, 1] stay, too
    assert (ycbcr_to_rgb(rgb_to_ycbcr(clips)) - clips).abs().max() <= 1e-6


def test_luma_loss_sees_y_only(pair):
    loss = LumaLoss(dict(type='MSELoss'))
    first, second = pair
    expected = ((reference(first) - reference(second))[0] ** 2).mean()
    assert torch.isclose(loss(first[None, None], second[None, None]), expected, rtol=1e-4)
    other_chroma = rgb_to_ycbcr(first)
    other_chroma[1:] = rgb_to_ycbcr(second)[1:]
    assert loss(ycbcr_to_rgb(other_chroma)[None], first[None]) <= 1e-12


def test_luma_and_chroma(photographs):
    rgb = torch.from_numpy(photographs[0][:40, :60]).double().permute(2, 0, 1) / 255
    ycbcr = torch.from_numpy(rgb2ycbcr(photographs[0][:40, :60]))
    assert torch.allclose(luma(rgb)[0], (ycbcr[..., 0] - 16) / 219, atol=1e-6)
    changed = ycbcr.clone()
    changed[..., 0] = 16 + 219 * (0.3 + 0.5 * luma(rgb)[0])
    expected = torch.from_numpy(ycbcr2rgb(changed.numpy())).permute(2, 0, 1)
    assert torch.allclose(with_luma(rgb, 0.3 + 0.5 * luma(rgb)), expected, atol=1e-5)
