"""PSNR, SSIM and Y against scikit-image and MMagic."""

import numpy as np
import pytest
from mmagic.evaluation.metrics import psnr as mmagic_psnr
from mmagic.evaluation.metrics import ssim as mmagic_ssim
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from harness.evaluation.metrics import MAX_PSNR, psnr, rgb_to_y, ssim


@pytest.fixture(params=[1, 12, 60], ids=lambda sigma: f'noise {sigma}')
def pair(request, photographs):
    """A real frame and the same with noise, 70 x 90."""
    clean = photographs[0][60:130, 200:290]
    noise = np.random.default_rng(0).normal(0, request.param, clean.shape)
    return clean, np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)


def test_y_equals_skimage(pair):
    for image in pair:
        assert np.allclose(rgb_to_y(image), rgb2ycbcr(image)[..., 0], atol=3e-5)


def test_y_of_primaries():
    colours = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0]]], np.uint8)
    assert np.allclose(rgb_to_y(colours), [[16, 235, 81.481]], atol=2e-3)


def test_psnr_equals_skimage(pair):
    y1, y2 = map(rgb_to_y, pair)
    assert psnr(y1, y2) == pytest.approx(peak_signal_noise_ratio(y1, y2, data_range=255), abs=1e-5)


def reference_ssim(y1, y2):
    _, values = structural_similarity(
        y1.astype(float),
        y2.astype(float),
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    return values[5:-5, 5:-5].mean()


def test_ssim_equals_skimage(pair):
    y1, y2 = (rgb2ycbcr(image)[..., 0] for image in pair)
    assert ssim(y1, y2) == pytest.approx(reference_ssim(y1, y2), abs=1e-7)


def test_ssim_of_frames_of_several_tiles(photographs):
    """Each window counts once, whatever the size, and flat parts lose no precision in float32."""
    clean = rgb_to_y(photographs[0])[:300, :590]
    noisy = clean + np.random.default_rng(0).normal(0, 5, clean.shape).astype(np.float32)
    noisy[:, 300:], clean[:, 300:] = 16, 235
    assert clean.shape[0] > 2 * 128 and clean.shape[1] > 2 * 256
    assert ssim(clean, noisy) == pytest.approx(reference_ssim(clean, noisy), abs=3e-6)


def test_psnr_of_a_mask(pair):
    y1, y2 = map(rgb_to_y, pair)
    mask = np.zeros(y1.shape, np.uint8)
    mask[10:30, 20:70] = 255
    expected = peak_signal_noise_ratio(y1[10:30, 20:70], y2[10:30, 20:70], data_range=255)
    assert psnr(y1, y2, mask) == pytest.approx(expected, abs=1e-5)
    assert psnr(y1, y2, np.ones_like(mask)) == pytest.approx(psnr(y1, y2), abs=1e-6)
    assert np.isnan(psnr(y1, y2, np.zeros_like(mask)))
    y2[mask == 0] = 0
    assert psnr(y1, y2, mask) == pytest.approx(expected, abs=1e-5)


def test_equal_to_mmagic(pair):
    """On its own luma and on ours; to the precision of float32, which it computes in."""
    y1, y2 = map(rgb_to_y, pair)
    assert psnr(y1, y2) == pytest.approx(mmagic_psnr(*pair, convert_to='Y'), abs=1e-3)
    assert ssim(y1, y2) == pytest.approx(mmagic_ssim(*pair, convert_to='Y'), abs=1e-5)
    assert psnr(y1, y2) == pytest.approx(mmagic_psnr(y1[..., None], y2[..., None]), abs=1e-5)
    assert ssim(y1, y2) == pytest.approx(mmagic_ssim(y1[..., None], y2[..., None]), abs=1e-5)


def test_identical_and_almost_identical_frames(pair):
    y = rgb_to_y(pair[0])
    assert psnr(y, y) == MAX_PSNR == 100
    assert psnr(y.astype(float), y.astype(float) + 1e-9) == MAX_PSNR
    assert psnr(y, y + np.float32(255)) == pytest.approx(0, abs=1e-6)
    assert ssim(y, y) == 1


@pytest.mark.parametrize('shape', [(10, 40), (40, 10), (1, 1)], ids=str)
def test_ssim_of_small_images(shape):
    with pytest.raises(ValueError, match=f'at least 11x11 pixels, got {shape[0]}x{shape[1]}'):
        ssim(np.zeros(shape), np.ones(shape))
    assert ssim(np.zeros((11, 11)), np.zeros((11, 11))) == 1
