"""LPIPS worked by hand, with random weights of AlexNet, for we have no trained ones."""

from pathlib import Path

import lpips
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torchvision.models import alexnet

from harness.errors import UserError
from harness.evaluation import perceptual
from harness.evaluation.perceptual import Lpips, TemporalLpips
from harness.evaluation.scorer import metric_problems

WHOLE = slice(None), slice(None)
AFTER = (1, 4, 7, 9, 11)  # layers of AlexNet whose outputs are compared


@pytest.fixture(scope='module')
def alex():
    """AlexNet with random weights; those that LPIPS does not use are 0, and take no room."""
    with torch.device('meta'):
        net = alexnet(weights=None)
    net.features.to_empty(device='cpu')
    for parameter in net.features.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return net.eval().requires_grad_(False)


@pytest.fixture
def weights(alex, tmp_path, monkeypatch):
    """Puts them where PyTorch keeps downloaded ones."""
    state = {
        key: torch.zeros(1).expand(value.shape) if value.is_meta else value
        for key, value in alex.state_dict().items()
    }
    path = tmp_path / 'hub' / 'checkpoints' / 'alexnet-owt-7be5be79.pth'
    path.parent.mkdir(parents=True)
    torch.save(state, path)
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    perceptual._model.cache_clear()
    yield
    perceptual._model.cache_clear()


@pytest.fixture
def frames(photographs):
    """Three frames 72 x 80, and the same with noise."""
    gts = [photographs[0][100:172, 200 + 3 * t : 280 + 3 * t] for t in range(3)]
    rng = np.random.default_rng(0)
    srs = [np.clip(gt + rng.normal(0, 20, gt.shape), 0, 255).astype(np.uint8) for gt in gts]
    return gts, srs


def reference(net, image1, image2):
    """Zhang et al. (2018), Eq. 1: squared differences of normalized features, weighted."""
    file = Path(lpips.__file__).parent / 'weights' / 'v0.1' / 'alex.pth'
    lins = torch.load(file, map_location='cpu', weights_only=True)
    channel_weights = [lin.flatten() for lin in lins.values()]
    mean, deviation = torch.tensor([[-0.030, -0.088, -0.188], [0.458, 0.448, 0.450]])
    features = []
    for image in (image1, image2):
        x = (torch.tensor(image.copy()) / 255 * 2 - 1 - mean) / deviation
        x, found = x.permute(2, 0, 1)[None], []
        for number, layer in enumerate(net.features):
            x = layer(x)
            if number in AFTER:
                found.append(F.normalize(x.clone(), dim=1))
        features.append(found)
    layers = zip(*features, channel_weights, strict=True)
    return sum(float(((a - b) ** 2)[0].mean((1, 2)) @ w) for a, b, w in layers)


@pytest.mark.slow
def test_lpips(alex, weights, frames):
    region = slice(4, 70), slice(2, 75)
    for gt, sr in zip(*frames, strict=True):
        expected = reference(alex, gt[region], sr[region])
        assert Lpips()(gt, sr, region) == pytest.approx(expected, rel=1e-4)
        assert expected > 0
        assert Lpips()(gt, gt, region) == 0


@pytest.mark.slow
def test_tlp_compares_changes_from_frame_to_frame(alex, weights, frames):
    gts, srs = frames
    metric = TemporalLpips()
    found = [metric(gt, sr, WHOLE) for gt, sr in zip(gts, srs, strict=True)]
    assert np.isnan(found[0])
    for t in (1, 2):
        changes = [reference(alex, *images[t - 1 : t + 1]) for images in (gts, srs)]
        assert found[t] == pytest.approx(100 * abs(changes[0] - changes[1]), rel=1e-3)
        assert found[t] > 0


def test_weights_at_hand_are_no_problem(weights):
    assert metric_problems(['lpips', 'tlp', 'tof']) == []


def test_absent_weights_are_a_clear_line(tmp_path, monkeypatch, frames):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    perceptual._model.cache_clear()
    place = f'needs {tmp_path}/hub/checkpoints/alexnet-owt-7be5be79.pth'
    with pytest.raises(UserError, match=place):
        Lpips()(frames[0][0], frames[1][0], WHOLE)
    (problem,) = metric_problems(['psnr_y', 'tlp'])
    assert problem.startswith(f'tlp {place}')
    monkeypatch.delenv('TORCH_HOME')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert f'{tmp_path}/torch/hub' in perceptual.missing_weights()
