"""Y, PSNR and SSIM of single frames, in float32 for speed.

They differ from float64 by about 1e-6 dB and, on photographs, 1e-7 in SSIM; for the speed see
``tests/benchmarks/bench_metrics.py``.
"""

import cv2
import numpy as np

#: identical frames have an infinite PSNR; it is capped here so that means stay finite
MAX_PSNR = 100.0
Y_WEIGHTS = (65.481 / 255, 128.553 / 255, 24.966 / 255)
_Y_ROW = np.array([[*Y_WEIGHTS, 16]], np.float32)
_GAUSSIAN = cv2.getGaussianKernel(11, 1.5, cv2.CV_32F)
_TILE = (128, 256)  # rows, columns: small enough for the processor's cache


def rgb_to_y(rgb: np.ndarray) -> np.ndarray:
    """Unrounded BT.601 luma in [16, 235], float32 (H, W), of RGB (H, W, 3) in [0, 255]."""
    return cv2.transform(rgb.astype(np.float32), _Y_ROW)


def psnr(y1: np.ndarray, y2: np.ndarray, mask: np.ndarray | None = None) -> float:
    """PSNR in dB of two images with range 255.

    Args:
        y1: Y of one image (H, W), or all its channels (H, W, C).
        y2: The same of the other image, with the same type.
        mask: uint8 (H, W); only pixels where it is not 0 count.

    Returns:
        At most ``MAX_PSNR``; NaN if no pixel counts.
    """
    count = y1.size if mask is None else cv2.countNonZero(mask) * (y1.size // mask.size)
    if count == 0:
        return float('nan')
    mse = cv2.norm(y1, y2, cv2.NORM_L2SQR, mask) / count
    return MAX_PSNR if mse == 0 else min(MAX_PSNR, float(10 * np.log10(255**2 / mse)))


def ssim(y1: np.ndarray, y2: np.ndarray) -> float:
    """SSIM of two Y images (H, W) of at least 11x11 pixels (Wang et al., 2004).

    As in MATLAB: a Gaussian window of 11x11 pixels with sigma 1.5, only windows inside the image,
    dynamic range 255.

    Raises:
        ValueError: An image is smaller than the window.
    """
    y1, y2 = (y.astype(np.float32, copy=False) for y in (y1, y2))
    return mean_ssim(y1, y2, _GAUSSIAN, 255)


def mean_ssim(
    y1: np.ndarray, y2: np.ndarray, kernel: np.ndarray, data_range: float, unbias: float = 1
) -> float:
    """Mean SSIM over all windows inside two images, in the precision of the images.

    Args:
        y1: Y of one image (H, W), float32 or float64.
        y2: Y of the other image, with the same type.
        kernel: The weights (n, 1) of rows and columns of the n x n window.
        data_range: The dynamic range; SSIM's constants are the squares of 0.01 and 0.03 times it.
        unbias: A factor on variances and covariances; n^2 / (n^2 - 1) gives sample (co)variances.

    Raises:
        ValueError: An image is smaller than the window.
    """
    size = len(kernel)
    height, width = y1.shape
    if min(height, width) < size:
        raise ValueError(f'SSIM needs at least {size}x{size} pixels, got {height}x{width}')
    constants = 2 * (0.01 * data_range) ** 2, 2 * (0.03 * data_range) ** 2
    rows, columns = height - size + 1, width - size + 1
    total = 0.0
    for top in range(0, rows, _TILE[0]):
        for left in range(0, columns, _TILE[1]):
            tile = (
                slice(top, top + _TILE[0] + size - 1),
                slice(left, left + _TILE[1] + size - 1),
            )
            total += _sum_of_ssim(y1[tile], y2[tile], kernel, constants, unbias)
    return total / (rows * columns)


def _sum_of_ssim(
    y1: np.ndarray,
    y2: np.ndarray,
    kernel: np.ndarray,
    constants: tuple[float, float],
    unbias: float,
) -> float:
    """Sums SSIM over windows, by the sum s and difference d of the images to save products:

    4 mu1 mu2 = mu_s^2 - mu_d^2, 2 (mu1^2 + mu2^2) = mu_s^2 + mu_d^2; likewise for variances.
    """
    mean_s, var_s = _square_mean_and_variance(y1 + y2, kernel)
    mean_d, var_d = _square_mean_and_variance(y1 - y2, kernel)
    if unbias != 1:
        var_s *= unbias
        var_d *= unbias
    similar, structure = mean_s - mean_d, var_s - var_d
    similar += constants[0]
    structure += constants[1]
    similar *= structure
    mean_s += mean_d
    mean_s += constants[0]
    var_s += var_d
    var_s += constants[1]
    mean_s *= var_s
    similar /= mean_s
    return cv2.sumElems(similar)[0]


def _square_mean_and_variance(
    image: np.ndarray, kernel: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The squared mean and the variance of each window; overwrites ``image``."""
    # subtracting the tile's mean reduces the squares, and so the errors of their difference
    centre = image.dtype.type(cv2.mean(image)[0])
    image -= centre
    mean = _blur(image, kernel)
    image *= image
    variance = _blur(image, kernel)
    variance -= mean * mean
    mean += centre
    mean *= mean
    return mean, variance


def _blur(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    margin = len(kernel) // 2
    return cv2.sepFilter2D(image, -1, kernel, kernel)[margin:-margin, margin:-margin]
