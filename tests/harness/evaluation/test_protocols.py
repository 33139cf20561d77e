"""Every protocol against its toolbox, where that is installed, or a second way to compute it."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmagic.evaluation.metrics import PSNR, SSIM
from skimage.color import rgb2ycbcr
from skimage.metrics import structural_similarity

from harness.evaluation.metrics import psnr as masked_psnr
from harness.evaluation.protocols import PROTOCOLS


@pytest.fixture(params=[(164, 214), (175, 226)], ids=str)
def pair(request, photographs):
    """A real frame and one that a network might give for it: unrounded, and out of range."""
    height, width = request.param
    gt = photographs[0][20 : 20 + height, 100 : 100 + width]
    noise = np.random.default_rng(0).normal(3, 12, gt.shape)
    sr = np.roll(gt, 1, axis=1) * 1.1 - 8 + noise
    assert sr.min() < -5 and sr.max() > 260
    return gt, sr


def as_file(sr):
    """What a PNG of the SR frame holds."""
    return np.rint(sr.clip(0, 255)).astype(np.uint8)


def psnr(y1, y2):
    return 10 * np.log10(255**2 / np.mean((y1.astype(float) - y2) ** 2))


def matlab_ssim(y1, y2):
    _, values = structural_similarity(
        y1,
        y2,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    return values[5:-5, 5:-5].mean()


def luma(rgb):
    """scikit-image takes 8 bits or [0, 1]."""
    return rgb2ycbcr(np.asarray(rgb, float) / 255)[..., 0]


def by_default(gt, sr):
    gt, sr = luma(gt), luma(as_file(sr))
    return psnr(gt, sr), matlab_ssim(gt, sr)


def by_default_unrounded(gt, sr):
    gt, sr = luma(gt), luma(sr).clip(0, 255)
    return psnr(gt, sr), matlab_ssim(gt, sr)


def by_basicsr_rgb(gt, sr):
    """One mean square of all channels; SSIM by channel."""
    sr = as_file(sr)
    return psnr(gt, sr), np.mean([matlab_ssim(gt[..., c], sr[..., c]) for c in range(3)])


def by_tecogan_pytorch(gt, sr):
    gt, sr = np.round(luma(gt)), np.round(luma(as_file(sr)))
    return psnr(gt, sr), matlab_ssim(gt, sr)


def by_rlsp(gt, sr):
    """SR's Y is an output of its own there; a network's RGB in its place is not rounded."""
    gt, sr = (np.sum(x * (np.array([65.738, 129.057, 25.064]) / 256), -1) + 16 for x in (gt, sr))
    sr = np.rint(sr.clip(0, 255))
    return psnr(gt, sr), matlab_ssim(gt, sr)


def by_mmagic(gt, sr, convert_to='Y'):
    """Its metrics as its evaluator calls them: BGR, channels first, clamped by the preprocessor."""
    tensors = (torch.from_numpy(x[..., ::-1].transpose(2, 0, 1).copy()) for x in (gt, sr))
    gt, sr = (x.float().clamp(0, 255) for x in tensors)
    found = []
    for metric in (PSNR(convert_to=convert_to), SSIM(convert_to=convert_to)):
        metric.process(None, [dict(output=dict(pred_img=sr), gt_img=gt)])
        found += metric.results[0].values()
    return tuple(found)


def by_tecogan(gt, sr):
    """Truncated to 8 bits, a multiple of 32 with 16 px to spare, 7x7 SSIM over SR's range."""

    def window(size):
        inner = size // 32 * 32
        while inner > size - 16:
            inner -= 32
        return slice((size - inner) // 2, (size - inner) // 2 + inner)

    region = window(gt.shape[0]), window(gt.shape[1])
    gt, sr = luma(gt)[region], luma(np.floor(sr.clip(0, 255)))[region]
    return psnr(gt, sr), structural_similarity(gt, sr, data_range=sr.max() - sr.min())


def by_mrvsr(gt, sr, margin):
    """By torch's convolution as it does, but in float64."""
    gt, sr = (x[margin : len(x) - margin, margin : x.shape[1] - margin] for x in (gt, sr))
    height, width = (size // 32 * 32 for size in gt.shape[:2])
    top, left = (gt.shape[0] - height) // 2, (gt.shape[1] - width) // 2
    gt, sr = (x[top : top + height, left : left + width] for x in (gt, sr))
    gt, sr = luma(gt), luma(sr)  # the network's output is Y: there is no RGB to clamp
    gt, sr = (torch.from_numpy(y)[None, None, 8:-8, 8:-8] for y in (gt, sr))
    sr = sr.clip(16, 235).round()
    mse = F.mse_loss(sr, gt)
    weights = torch.exp(-((torch.arange(11, dtype=torch.float64) - 5) ** 2) / (2 * 1.5**2))
    kernel = torch.outer(weights, weights)[None, None] / weights.sum() ** 2
    means = lambda image: F.conv2d(image, kernel, padding=5)  # noqa: E731
    x, y = sr / 255, gt / 255
    mu_x, mu_y = means(x), means(y)
    var_x, var_y = means(x * x) - mu_x**2, means(y * y) - mu_y**2
    covariance = means(x * y) - mu_x * mu_y
    top = (2 * mu_x * mu_y + 1e-4) * (2 * covariance + 9e-4)
    ssim = top / ((mu_x**2 + mu_y**2 + 1e-4) * (var_x + var_y + 9e-4))
    return (20 * torch.log10(255 / mse.sqrt())).item(), ssim.mean().item()


def by_set5(gt, sr):
    gt, sr = (np.floor(luma(x) + 0.5)[4:-4, 4:-4] for x in (gt, as_file(sr)))
    return psnr(gt, sr), matlab_ssim(gt, sr)


REFERENCES = dict(
    default=by_default,
    unrounded=by_default_unrounded,
    basicsr=by_default,
    basicsr_rgb=by_basicsr_rgb,
    mmagic=by_mmagic,
    mmagic_rgb=lambda gt, sr: by_mmagic(gt, sr, None),
    tecogan=by_tecogan,
    tecogan_pytorch=by_tecogan_pytorch,
    mrvsr=lambda gt, sr: by_mrvsr(gt, sr, 6),
    mrvsr_vid4=lambda gt, sr: by_mrvsr(gt, sr, 0),
    rlsp=by_rlsp,
    lr=by_default,  # of LR frames
    set5=by_set5,
)


def test_every_protocol_has_a_reference():
    assert REFERENCES.keys() == PROTOCOLS.keys()


@pytest.mark.parametrize('name', REFERENCES)
@pytest.mark.parametrize('rounded', [False, True], ids=['output', 'file'])
def test_scores_are_those_of_the_toolbox(pair, name, rounded):
    gt, sr = pair
    if rounded:
        sr = as_file(sr)
    found, expected = PROTOCOLS[name].score(gt, sr), REFERENCES[name](gt, sr.astype(float))
    assert found[0] == pytest.approx(expected[0], abs=1e-4)
    assert found[1] == pytest.approx(expected[1], abs=2e-6)


def test_protocols_differ_where_they_should(pair):
    gt, sr = pair
    scores = {name: protocol.score(gt, sr) for name, protocol in PROTOCOLS.items()}
    assert scores['default'] == pytest.approx(scores['basicsr'], abs=1e-6)
    psnrs = sorted(psnr_y for name, (psnr_y, _) in scores.items() if name not in ('basicsr', 'lr'))
    assert np.diff(psnrs).min() > 1e-4
    scores = {name: protocol.score(gt, as_file(sr)) for name, protocol in PROTOCOLS.items()}
    for one, other in (
        ('mmagic', 'default'),
        ('unrounded', 'default'),
        ('mmagic_rgb', 'basicsr_rgb'),
    ):
        assert scores[one] == pytest.approx(scores[other], abs=1e-6)


def test_y_images_of_mrvsr_are_scored_as_they_are(pair):
    """What it saves: Y, rounded, cut to a multiple of 32, one channel."""
    gt, sr = pair
    protocol = PROTOCOLS['mrvsr']
    frame = protocol.frame(*gt.shape[:2])
    saved = np.rint(luma(sr).clip(16, 235)).astype(np.uint8)[frame]
    assert saved.shape[0] % 32 == saved.shape[1] % 32 == 0
    assert protocol.score(gt, saved) == pytest.approx(protocol.score(gt, sr), abs=1e-5)
    with pytest.raises(ValueError, match='grey .* protocol mrvsr'):
        PROTOCOLS['default'].score(gt, saved)


def test_inside_of_a_mask_in_rgb(pair):
    gt, sr = pair[0], as_file(pair[1])
    mask = np.zeros(gt.shape[:2], np.uint8)
    mask[30:90, 40:] = 255
    inside = masked_psnr(*PROTOCOLS['basicsr_rgb'].planes(gt, sr), mask)
    assert inside == pytest.approx(psnr(gt[30:90, 40:], sr[30:90, 40:]), abs=1e-4)


@pytest.mark.parametrize(
    'name', [name for name in PROTOCOLS if 'mrvsr' not in name and name != 'rlsp']
)
def test_identical_frames(pair, name):
    """Not MRVSR's and RLSP's, which round SR's Y but not GT's."""
    gt = pair[0]
    assert PROTOCOLS[name].score(gt, gt) == pytest.approx((100, 1), abs=1e-9)


def test_a_black_frame(pair):
    """What a network that has diverged is shown as."""
    gt = pair[0]
    for protocol in PROTOCOLS.values():
        psnr_y, ssim_y = protocol.score(gt, np.zeros_like(gt))
        assert 0 < psnr_y < 20 and abs(ssim_y) < 0.3


def test_sizes_that_do_not_match(pair):
    gt, sr = pair
    sizes = f'GT is {gt.shape[1]}x{gt.shape[0]}, SR {gt.shape[1]}x{gt.shape[0] - 4}'
    for protocol in PROTOCOLS.values():
        with pytest.raises(ValueError, match=sizes):
            protocol.score(gt, as_file(sr)[4:])


@pytest.mark.parametrize('name', ['tecogan', 'mrvsr', 'mrvsr_vid4', 'set5'])
def test_frames_too_small_for_a_protocol(photographs, name):
    small = photographs[0][:18, :100]
    with pytest.raises(ValueError, match='too small|at least 11x11'):
        PROTOCOLS[name].score(small, small)
