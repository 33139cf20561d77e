"""Named ways of scoring frames, since papers disagree on them.

Each gives the PSNR (dB) and SSIM that the toolbox named computes, to the precision of float32,
except that identical frames are capped at 100 dB instead of being infinite; in columns ``psnr_y``
and ``ssim_y``, of Y unless the name ends in ``_rgb``. Frames are 8-bit RGB; a network's unrounded
RGB in [0, 255] is taken too, and brought to what the toolbox scores. Means are over the frames of a
video, then over videos. What a toolbox does to make its LR frames is no part of scoring, but of
every comparison with its numbers (ours: Gaussian of sigma 1.5, phase 0, rounded to 8 bits).

``default``
    This project's default: RGB rounded, Y not, no border, all frames, the SSIM of MATLAB.
``unrounded``
    The same, but Y of the network's output, clipped to [0, 255] and not rounded: what networks
    that estimate Y alone (MRVSR, RLSP) estimate. By way of 8-bit RGB they lose up to 0.012 dB.
``basicsr``
    ``calculate_psnr`` and ``calculate_ssim`` with ``test_y_channel`` and ``crop_border=0``, as in
    BasicSR's settings for videos: the same as ``default``. Its settings for DUF cut off 8 pixels.
    LR of its Vimeo-90K and Vid4 (BD): sigma 1.6.
``basicsr_rgb``
    The same functions without ``test_y_channel``, as in BasicSR's settings for REDS4: one mean
    square of all channels, and the mean of their SSIMs.
``mmagic``
    ``PSNR`` and ``SSIM`` with ``convert_to='Y'``: the network's output is clamped, but not rounded.
    The same as ``default`` for images in files. LR as for BasicSR.
``mmagic_rgb``
    The same metrics without ``convert_to``, as in MMagic's settings for REDS4.
``tecogan``
    ``metrics.py`` of thunil/TecoGAN: frames 0, 1, T-2 and T-1 are dropped; of the rest the largest
    central multiple of 32 that leaves out 16 pixels is scored; SSIM is scikit-image's default
    (7x7 uniform window, sample covariance) with the range of the SR frame's Y as dynamic range; SR
    frames were truncated, not rounded, when they were saved. LR: not rounded to 8 bits; five
    mirrored frames go before the first.
``tecogan_pytorch``
    ``metric_calculator.py`` of skycrapers/TecoGAN-PyTorch: Y of both frames rounded (halves to
    even), whole frames, all of them. It computes no SSIM; here it is the default's of that Y. LR:
    sigma 1.5, 9 taps, not rounded (``bd_tecogan``).
``mrvsr``, ``mrvsr_vid4``
    ``run_network.py`` and ``aggregate_metrics.py`` of bjmch/MRVSR for its Quasi-Static Video Set
    and for Vid4: frames are cut to the largest central multiple of 32, on the former after 6
    pixels at each edge; SR's Y is clipped to [16, 235] and rounded, GT's is neither; 8 more pixels
    are left out at each edge; SSIM is padded with zeros; 3 (Vid4: 2) frames are dropped at each
    end. It saves Y as grey images, without the first and last frame: those are taken as they are.
    LR: blurred before the cut, sampled after it, rounded to 16 bits. Where the cut begins at a
    multiple of 4, as on Vid4 and on frames of 1280x720 and 1920x1080, that is phase 0, and their
    LR frames are ours, unrounded.
``rlsp``
    ``super_resolve.py`` and ``model.py`` of dariofuoli/RLSP: SR's Y is clipped to [0, 255] and
    rounded, GT's is not; the weights of Y are multiples of 1/256 and rounded to 6 digits; whole
    frames, all of them. Its code has no script for the paper's tables and no SSIM; here that is the
    default's. LR: ``bd_rlsp``.
``lr``
    No toolbox's, and without ground truth: the SR frame, degraded as the network's LR frames were,
    against the LR frame; Y of 8-bit RGB, no border, all frames. What is kept of LR, not quality:
    a network that diverges loses it.
``set5``
    The MATLAB scripts for single images since SRCNN (Dong et al., 2014): Y of both images rounded,
    4 pixels left out at each edge; bicubic interpolation has 28.42 dB on Set5 (RISTN, Table 1). LR:
    MATLAB's ``imresize``, BI here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from harness.errors import fail
from harness.evaluation.metrics import Y_WEIGHTS, mean_ssim, psnr, rgb_to_y, ssim

Region = tuple[slice, slice]  # rows, columns


def _whole(height: int, width: int) -> Region:
    return slice(0, height), slice(0, width)


def to_8_bits(sr: np.ndarray) -> np.ndarray:
    """An SR frame in [0, 255], clamped and rounded, as image files hold it."""
    return sr if sr.dtype == np.uint8 else np.rint(np.clip(sr, 0, 255)).astype(np.uint8)


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


@dataclass(frozen=True)
class Protocol:
    """How two frames become PSNR and SSIM.

    Attributes:
        name: what the command line calls it.
        about: what it does, in a line.
        quantize: brings SR frames that are not uint8 to what the toolbox scores.
        y: what is scored of an RGB frame: Y (H, W), or all channels (H, W, 3).
        sr_y: what is done to the Y of an SR frame; it may be all that the SR frame holds.
        ssim: mean SSIM of (Y of GT, Y of SR), or of all channels.
        frame: the part of a GT frame, given its height and width, that the toolbox has at all. SR
            frames may be of that size, or of GT's size and are cut then.
        region: the part of such a frame that is scored.
        drop: frames left out at each end of a video.
        grey_is_y: the toolbox writes Y as grey images.
        against_lr: SR is degraded and compared with LR, not with GT.
    """

    name: str
    about: str
    quantize: Callable[[np.ndarray], np.ndarray] = to_8_bits
    y: Callable[[np.ndarray], np.ndarray] = rgb_to_y
    sr_y: Callable[[np.ndarray], np.ndarray] = lambda y: y
    ssim: Callable[[np.ndarray, np.ndarray], float] = ssim
    frame: Callable[[int, int], Region] = _whole
    region: Callable[[int, int], Region] = _whole
    drop: int = 0
    grey_is_y: bool = False
    against_lr: bool = False

    @property
    def rounds(self) -> bool:
        """Whether it scores 8-bit RGB, so that a network's unrounded output makes no difference."""
        return self.quantize is to_8_bits

    def match(self, gt: np.ndarray, sr: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both frames cut to what the toolbox has of them, SR quantized.

        Args:
            gt: uint8 RGB (H, W, 3).
            sr: uint8 RGB, or float RGB in [0, 255], or Y alone (H, W) if ``grey_is_y``.

        Raises:
            ValueError: the sizes do not match, or SR is grey.
        """
        if sr.ndim == 2 and not self.grey_is_y:
            raise ValueError(
                'SR is grey and GT is not; if it holds Y, choose protocol mrvsr or rlsp'
            )
        frame = self.frame(*gt.shape[:2])
        cut = gt[frame]
        if sr.shape[:2] == gt.shape[:2]:
            sr = sr[frame]
        elif sr.shape[:2] != cut.shape[:2]:
            raise ValueError(f'GT is {size_text(gt)}, SR {size_text(sr)}')
        return cut, self.quantize(sr)

    def planes(self, gt: np.ndarray, sr: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Y (h, w), or RGB, of the scored parts of two frames that :meth:`match` has matched."""
        region = self.region(*gt.shape[:2])
        gt, sr = gt[region], sr[region]
        gt_y = self.y(gt)
        return gt_y, self.sr_y(sr.astype(gt_y.dtype) if sr.ndim == 2 else self.y(sr))

    def score(self, gt: np.ndarray, sr: np.ndarray) -> tuple[float, float]:
        """PSNR (dB) and SSIM of an SR frame; arguments and errors as for :meth:`match`."""
        planes = self.planes(*self.match(gt, sr))
        return psnr(*planes), self.ssim(*planes)


def size_text(image: np.ndarray) -> str:
    """WxH of an image."""
    return f'{image.shape[1]}x{image.shape[0]}'


def _y_float64(rgb: np.ndarray) -> np.ndarray:
    return rgb @ np.array(Y_WEIGHTS) + 16


def _y_of_tecogan_pytorch(rgb: np.ndarray) -> np.ndarray:
    return np.rint(_y_float64(rgb)).astype(np.float32)


def _y_of_rlsp(rgb: np.ndarray) -> np.ndarray:
    """The weights of ``myrgb2y``, Y of white is 235.0."""
    return rgb.astype(np.float32) @ np.float32([65.738, 129.057, 25.064]) / 256 + 16


def _y_rounded(rgb: np.ndarray) -> np.ndarray:
    """In whole numbers, so that halves are rounded up as MATLAB does."""
    thousandths = rgb.astype(np.int32) @ np.array([65481, 128553, 24966], np.int32)
    return ((thousandths + 127500) // 255000 + 16).astype(np.float32)


def _tecogan_ssim(gt_y: np.ndarray, sr_y: np.ndarray) -> float:
    """scikit-image's default; 0 / 0 in parts of GT without texture if SR has a single value."""
    with np.errstate(invalid='ignore', divide='ignore'):
        return mean_ssim(gt_y, sr_y, np.full((7, 1), 1 / 7), sr_y.max() - sr_y.min(), 49 / 48)


def _mrvsr_ssim(gt_y: np.ndarray, sr_y: np.ndarray) -> float:
    padded = (cv2.copyMakeBorder(y, 5, 5, 5, 5, cv2.BORDER_CONSTANT, value=0) for y in (gt_y, sr_y))
    return ssim(*padded)


def _tecogan_region(height: int, width: int) -> Region:
    """The largest central multiple of 32 that leaves at least 16 pixels out along each axis."""
    return _central(height, (height - 16) // 32 * 32), _central(width, (width - 16) // 32 * 32)


def _mrvsr_frame(margin: int) -> Callable[[int, int], Region]:
    """The largest central multiple of 32 without ``margin`` pixels at each edge."""

    def frame(height: int, width: int) -> Region:
        sizes = ((size, (size - 2 * margin) // 32 * 32) for size in (height, width))
        return tuple(_central(size, inner) for size, inner in sizes)

    return frame


def _border(pixels: int) -> Callable[[int, int], Region]:
    return lambda height, width: (slice(pixels, height - pixels), slice(pixels, width - pixels))


def _central(size: int, inner: int) -> slice:
    if inner < 32:
        raise ValueError(f'frames of {size} pixels are too small for this protocol')
    start = (size - inner) // 2
    return slice(start, start + inner)


DEFAULT = Protocol('default', 'Y of 8-bit RGB, no border, all frames, SSIM of windows inside')

_RGB = dict(y=_all_channels, ssim=_mean_ssim_of_channels)
_MRVSR = dict(
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
            "as default, but Y of a network's output, before it is rounded to 8-bit RGB",
            quantize=_as_it_is,
            sr_y=_clip,
        ),
        Protocol('basicsr', 'the same as default; LR by a Gaussian of sigma 1.6, not 1.5'),
        Protocol('basicsr_rgb', 'RGB in place of Y, as BasicSR scores REDS4', **_RGB),
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
            'as mrvsr, but 2 frames dropped and 6 pixels more at each edge, as it scores Vid4',
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
        Protocol('lr', 'SR, degraded again, against LR, without ground truth', against_lr=True),
        Protocol(
            'set5', 'Y rounded, border 4, as for single images', y=_y_rounded, region=_border(4)
        ),
    )
}
#: those of ``PROTOCOLS`` that plugins have added
OWN_PROTOCOLS: set[str] = set()


def register_protocol(protocol: Protocol) -> Protocol:
    """Adds a protocol under its name, for a grid's ``plugins``; returns it.

    Raises:
        UserError: the name is one of this project's.
    """
    if protocol.name in PROTOCOLS and protocol.name not in OWN_PROTOCOLS:
        fail(f'register_protocol: {protocol.name!r} is taken; choose another name')
    PROTOCOLS[protocol.name] = protocol
    OWN_PROTOCOLS.add(protocol.name)
    return protocol
