"""The cure, from published weights to new ones."""

from pathlib import Path

import pandas as pd
import pytest
import torch
from mmagic.registry import MODELS

from harness import cure

CONFIG = """
_base_ = '{repository}/mm_configs/frvsr/frvsr_rr_quickstart.py'
model = dict(generator=dict(mid_channels=4, num_blocks=1))
train_dataloader = dict(num_workers=0, persistent_workers=False)
"""
REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = ['--iterations', '3', '--clip-length', '3', '--crop', '12', '--R', '2']
SHORT = ['--held-out', '1', '--frames', '5', '--window', '12x10']


@pytest.fixture
def files(tmp_path):
    """A config file and weights that fit it."""
    from harness.configs import load_config

    config, weights = tmp_path / 'net.py', tmp_path / 'net.pth'
    config.write_text(CONFIG.format(repository=REPOSITORY))
    torch.manual_seed(0)
    model = MODELS.build(load_config(str(config)).model)
    torch.save(dict(state_dict=model.state_dict()), weights)
    return config, weights


def call(files, *argv):
    return cure.main([*map(str, files), *map(str, argv)])


@pytest.mark.slow
def test_cure(files, real_set, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    argv = ['--data', real_set.root, '--output', 'cured.pth', *SMALL, *SHORT]
    assert call(files, *argv) == 0
    work_dir = tmp_path / 'work_dirs/cure_cured'
    before, after = (torch.load(path)['state_dict'] for path in (files[1], tmp_path / 'cured.pth'))
    assert before.keys() == after.keys()
    assert any((before[key] != after[key]).any() for key in before)
    assert (work_dir / 'report/index.html').is_file()
    # of the video that is held out: 24 frames, and a still of 5; before, after and bicubic
    tables = sorted(work_dir.glob('runs/*/frames_*.csv'))
    assert [len(pd.read_csv(path)) for path in tables] == [24, 5] * 3
    assert set(pd.read_csv(tables[0]).video) == {'chelsea'}

    with pytest.raises(SystemExit, match='cured.pth: exists'):
        call(files, *argv)
    (tmp_path / 'cured.pth').unlink()
    assert call(files, *argv) == 0  # nothing is trained again
    again = torch.load(tmp_path / 'cured.pth')['state_dict']
    assert all((again[key] == after[key]).all() for key in after)


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (['--held-out', '3'], '--held-out 3: leaves none of the 3 videos of'),
        (['--output', 'weights'], '--output weights: give a file that ends in .pth'),
        (['--cfg-options', 'lr_kind=lr_bi'], 'lr_bi'),
        (['--data', 'nowhere'], 'nowhere'),
    ],
)
def test_what_cannot_be_cured(files, real_set, tmp_path, monkeypatch, argv, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=message) as caught:
        call(files, '--data', real_set.root, '--output', 'cured.pth', *argv)
    assert '\n' not in str(caught.value)
