"""Luma beside scikit-image's YCbCr."""

import torch
from mmagic.registry import MODELS
from skimage.color import rgb2ycbcr, ycbcr2rgb

from harness.networks.luma import luma, with_luma


def test_luma_and_chroma(photographs):
    rgb = torch.from_numpy(photographs[0][:40, :60]).double().permute(2, 0, 1) / 255
    ycbcr = torch.from_numpy(rgb2ycbcr(photographs[0][:40, :60]))
    assert torch.allclose(luma(rgb)[0], (ycbcr[..., 0] - 16) / 219, atol=1e-6)
    changed = ycbcr.clone()
    changed[..., 0] = 16 + 219 * (0.3 + 0.5 * luma(rgb)[0])
    expected = torch.from_numpy(ycbcr2rgb(changed.numpy())).permute(2, 0, 1)
    assert torch.allclose(with_luma(rgb, 0.3 + 0.5 * luma(rgb)), expected, atol=1e-5)


def test_loss_of_luma_ignores_chroma():
    loss = MODELS.build(dict(type='LumaLoss', loss=dict(type='L1Loss')))
    frames = torch.full((2, 3, 3, 4, 4), 0.5)
    assert torch.allclose(loss(frames + 0.1, frames), torch.tensor(0.1 * 219 / 255))
    chroma = torch.tensor([24.966, 0, -65.481]).view(3, 1, 1) / 500  # weights cancel
    assert loss(frames + chroma, frames) < 1e-6
