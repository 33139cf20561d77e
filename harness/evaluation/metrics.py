"""PSNR and SSIM on the Y channel, the default protocol of this project.

SR frames are clamped to [0, 1] and rounded to 8-bit RGB; Y is the unrounded BT.601 luma of 8-bit
RGB; no border is cut off; SSIM is the MATLAB form: 11x11 Gaussian window of sigma 1.5, valid
region, dynamic range 255.
"""

import cv2
import numpy as np

#: identical frames have an infinite PSNR; it is capped here so that means stay finite
MAX_PSNR = 100.0
_Y_WEIGHTS = np.array([65.481, 128.553, 24.966]) / 255
_SSIM_KERNEL = cv2.getGaussianKernel(11, 1.5)
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def rgb_to_y(rgb: np.ndarray) -> np.ndarray:
    """Y in [16, 235], float64 and unrounded, of a uint8 RGB image (H, W, 3)."""
    return rgb @ _Y_WEIGHTS + 16


def psnr(y1: np.ndarray, y2: np.ndarray) -> float:
    """PSNR in dB of two Y images (H, W) with range 255, at most ``MAX_PSNR``."""
    mse = np.mean((y1 - y2) ** 2)
    return MAX_PSNR if mse == 0 else min(MAX_PSNR, float(10 * np.log10(255**2 / mse)))


def ssim(y1: np.ndarray, y2: np.ndarray) -> float:
    """SSIM of two Y images (H, W) of at least 11x11 pixels (Wang et al., 2004).

    Raises:
        ValueError: an image is smaller than the 11x11 window.
    """
    if min(y1.shape) < 11:
        raise ValueError(f'SSIM needs at least 11x11 pixels, got {y1.shape[0]}x{y1.shape[1]}')
    mu1, mu2 = _blur(y1), _blur(y2)
    mu12, mu_squares = mu1 * mu2, mu1 * mu1 + mu2 * mu2
    # only the sum of the two variances is needed
    variances = _blur(y1 * y1 + y2 * y2) - mu_squares
    covariance = _blur(y1 * y2) - mu12
    similar = (2 * mu12 + _C1) * (2 * covariance + _C2)
    return float(np.mean(similar / ((mu_squares + _C1) * (variances + _C2))))


def _blur(image: np.ndarray) -> np.ndarray:
    return cv2.sepFilter2D(image, cv2.CV_64F, _SSIM_KERNEL, _SSIM_KERNEL)[5:-5, 5:-5]
