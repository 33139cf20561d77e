"""Named scoring protocols, because papers score frames in different ways.

Each protocol gives the PSNR (dB) and SSIM that the named toolbox computes, with float32 precision,
except that the PSNR of identical frames is 100 dB instead of infinite. The columns are ``psnr_y``
and ``ssim_y``; they are of Y unless the name ends in ``_rgb``. Frames are 8-bit RGB; a network's
unrounded RGB in [0, 255] is accepted as well and converted to what the toolbox scores. Means are
over the frames of a video, then over videos. How a toolbox makes its LR frames is not part of
scoring, but matters in comparisons with its numbers (ours: Gaussian of sigma 1.5, phase 0, rounded
to 8 bits).

``default``
    This project's default: RGB rounded, Y not rounded, no border, all frames, the SSIM of MATLAB.
``unrounded``
    The same, but Y of the network's output is clipped to [0, 255] and not rounded. Networks that
    estimate only Y (MRVSR, RLSP) lose up to 0.012 dB if they are scored via 8-bit RGB instead.
``basicsr``
    ``calculate_psnr`` and ``calculate_ssim`` with ``test_y_channel`` and ``crop_border=0``, as in
    BasicSR's settings for videos: the same as ``default``. Its settings for DUF crop 8 pixels.
    LR of its Vimeo-90K and Vid4 (BD): sigma 1.6.
``basicsr_rgb``
    The same functions without ``test_y_channel``, as in BasicSR's settings for REDS4: one mean
    square over all channels, and the mean of their SSIMs.
``mmagic``
    ``PSNR`` and ``SSIM`` with ``convert_to='Y'``: the network's output is clamped, but not rounded.
    The same as ``default`` for images in files. LR as for BasicSR.
``mmagic_rgb``
    The same metrics without ``convert_to``, as in MMagic's settings for REDS4.
``tecogan``
    ``metrics.py`` of thunil/TecoGAN: frames 0, 1, T-2 and T-1 are dropped; in the others, the
    largest central region is scored whose sides are multiples of 32 and that omits at least 16
    pixels; SSIM is scikit-image's default (7x7 uniform window, sample covariance) with the range of
    the SR frame's Y as dynamic range; SR frames are truncated, not rounded, when they are saved.
    LR: not rounded to 8 bits; five mirrored frames precede the first.
``tecogan_pytorch``
    ``metric_calculator.py`` of skycrapers/TecoGAN-PyTorch: Y of both frames rounded (halves to
    even), whole frames, all of them. It computes no SSIM; here it is the default SSIM of that Y.
    LR: sigma 1.5, 9 taps, not rounded (``bd_tecogan``).
``mrvsr``, ``mrvsr_vid4``
    ``run_network.py`` and ``aggregate_metrics.py`` of bjmch/MRVSR for its Quasi-Static Video Set
    and for Vid4: frames are cropped to the largest central region whose sides are multiples of 32,
    on the former after removing 6 pixels at each edge; SR's Y is clipped to [16, 235] and rounded,
    GT's is neither; 8 more pixels are omitted at each edge; SSIM is padded with zeros; 3 (Vid4: 2)
    frames are dropped at each end. It saves Y as grey images, without the first and last frame;
    such images are accepted as they are. LR: blurred before the crop, sampled after it, rounded to
    16 bits. If the crop begins at a multiple of 4, as on Vid4 and on frames of 1280x720 and
    1920x1080, this means phase 0, and their LR frames are ours without rounding.
``rlsp``
    ``super_resolve.py`` and ``model.py`` of dariofuoli/RLSP: SR's Y is clipped to [0, 255] and
    rounded, GT's is not; the weights of Y are multiples of 1/256 and rounded to 6 digits; whole
    frames, all of them. Its code has no script for the paper's tables and no SSIM; here SSIM is the
    default. LR: ``bd_rlsp``.
``lr``
    Not from a toolbox, and without ground truth: the SR frame, degraded like the network's LR
    frames, against the LR frame; Y of 8-bit RGB, no border, all frames. It measures fidelity to LR,
    not quality; a network that diverges loses it.
``set5``
    The MATLAB scripts for single images since SRCNN (Dong et al., 2014): Y of both images rounded,
    4 pixels omitted at each edge; bicubic interpolation has 28.42 dB on Set5 (RISTN, Table 1). LR:
    MATLAB's ``imresize``, BI here.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from harness.errors import fail
from harness.evaluation.metrics import Y_WEIGHTS, mean_ssim, ssim
from harness.evaluation.protocol import Protocol, Region


def _truncate(sr: np.ndarray) -> np.ndarray:
    return sr if sr.dtype == np.uint8 else np.clip(sr, 0, 255).astype(np.uint8)


def _clamp(sr: np.ndarray) -> np.ndarray:
    return sr if sr.dtype == np.uint8 else _clip(sr)


def _clip(values: np.ndarray) -> np.ndarray:
    return np.clip(values, 0, 255)


def _as_it_is(sr: np.ndarray) -> np.ndarray:
    return sr


def _all_channels(rgb: np.ndarray) -> np.ndarray:
    return rgb.astype(np.float32)


def _mean_ssim_of_channels(gt: np.ndarray, sr: np.ndarray) -> float:
    return float(np.mean([ssim(*pair) for pair in zip(cv2.split(gt), cv2.split(sr), strict=True)]))


def _y_float64(rgb: np.ndarray) -> np.ndarray:
    return rgb @ np.array(Y_WEIGHTS) + 16


def _y_of_tecogan_pytorch(rgb: np.ndarray) -> np.ndarray:
    return np.rint(_y_float64(rgb)).astype(np.float32)


def _y_of_rlsp(rgb: np.ndarray) -> np.ndarray:
    """Y by the weights of ``myrgb2y``, for which white has 235.0."""
    return rgb.astype(np.float32) @ np.array([65.738, 129.057, 25.064], np.float32) / 256 + 16


def _y_rounded(rgb: np.ndarray) -> np.ndarray:
    """Y in integer arithmetic, which rounds halves up as MATLAB does."""
    thousandths = rgb.astype(np.int32) @ np.array([65481, 128553, 24966], np.int32)
    return ((thousandths + 127500) // 255000 + 16).astype(np.float32)


def _tecogan_ssim(gt_y: np.ndarray, sr_y: np.ndarray) -> float:
    """scikit-image's default SSIM; 0 / 0 in flat parts of GT if SR is constant."""
    with np.errstate(invalid='ignore', divide='ignore'):
        return mean_ssim(gt_y, sr_y, np.full((7, 1), 1 / 7), sr_y.max() - sr_y.min(), 49 / 48)


def _mrvsr_ssim(gt_y: np.ndarray, sr_y: np.ndarray) -> float:
    return ssim(np.pad(gt_y, 5), np.pad(sr_y, 5))


def _tecogan_region(height: int, width: int) -> Region:
    """The largest central multiple of 32 that omits at least 16 pixels along each axis."""
    return _central(height, (height - 16) // 32 * 32), _central(width, (width - 16) // 32 * 32)


def _mrvsr_frame(margin: int) -> Callable[[int, int], Region]:
    """The largest central multiple of 32 without ``margin`` pixels at each edge."""

    def frame(height: int, width: int) -> Region:
        rows, columns = (_central(size, (size - 2 * margin) // 32 * 32) for size in (height, width))
        return rows, columns

    return frame


def _border(pixels: int) -> Callable[[int, int], Region]:
    return lambda height, width: (slice(pixels, height - pixels), slice(pixels, width - pixels))


def _central(size: int, inner: int) -> slice:
    if inner < 32:
        raise ValueError(f'frames of {size} pixels are too small for this protocol')
    start = (size - inner) // 2
    return slice(start, start + inner)


DEFAULT = Protocol('default', 'Y of 8-bit RGB, no border, all frames, SSIM of windows inside')

_RGB: dict[str, Any] = dict(y=_all_channels, ssim=_mean_ssim_of_channels)
_MRVSR: dict[str, Any] = dict(
    sr_y=lambda y: np.rint(np.clip(y, 16, 235)),
    quantize=_as_it_is,
    ssim=_mrvsr_ssim,
    region=_border(8),
    grey_is_y=True,
)

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        DEFAULT,
        Protocol(
            'unrounded',
            "as default, but Y of a network's output before rounding to 8-bit RGB",
            quantize=_as_it_is,
            sr_y=_clip,
        ),
        Protocol('basicsr', 'the same as default; LR by a Gaussian of sigma 1.6, not 1.5'),
        Protocol('basicsr_rgb', 'RGB instead of Y, as BasicSR scores REDS4', **_RGB),
        Protocol('mmagic', "as default, but a network's output is not rounded", quantize=_clamp),
        Protocol('mmagic_rgb', 'RGB, not rounded, as MMagic scores REDS4', quantize=_clamp, **_RGB),
        Protocol(
            'tecogan',
            'central multiple of 32, 2 frames dropped at each end, SSIM 7x7 with the range of SR',
            quantize=_truncate,
            y=_y_float64,
            ssim=_tecogan_ssim,
            region=_tecogan_region,
            drop=2,
        ),
        Protocol(
            'tecogan_pytorch', 'Y rounded, whole frames, all of them', y=_y_of_tecogan_pytorch
        ),
        Protocol(
            'mrvsr',
            "SR's Y clipped and rounded, multiple of 32, border 8, 3 frames dropped, SSIM 0-padded",
            frame=_mrvsr_frame(6),
            drop=3,
            **_MRVSR,
        ),
        Protocol(
            'mrvsr_vid4',
            'as mrvsr, but 2 frames dropped and 6 more pixels at each edge, as it scores Vid4',
            frame=_mrvsr_frame(0),
            drop=2,
            **_MRVSR,
        ),
        Protocol(
            'rlsp',
            "SR's Y rounded, GT's not, whole frames, Y as RLSP's code computes it",
            quantize=_as_it_is,
            y=_y_of_rlsp,
            sr_y=lambda y: np.rint(_clip(y)),
            grey_is_y=True,
        ),
        Protocol('lr', 'degraded SR against LR, without ground truth', against_lr=True),
        Protocol(
            'set5', 'Y rounded, border 4, as for single images', y=_y_rounded, region=_border(4)
        ),
    )
}
#: the protocols that plugins have added
OWN_PROTOCOLS: set[str] = set()


def register_protocol(protocol: Protocol) -> Protocol:
    """Registers a protocol by its name, for a grid's ``plugins``; returns it.

    Raises:
        UserError: This project has a protocol of that name.
    """
    if protocol.name in PROTOCOLS and protocol.name not in OWN_PROTOCOLS:
        fail(f'register_protocol: {protocol.name!r} is taken; choose another name')
    PROTOCOLS[protocol.name] = protocol
    OWN_PROTOCOLS.add(protocol.name)
    return protocol
