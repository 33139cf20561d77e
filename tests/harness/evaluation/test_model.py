"""Loading trained weights, also those of MMagic's own model."""

import pytest
import torch
from mmagic.registry import MODELS
from mmengine.config import Config

from harness.errors import UserError
from harness.evaluation.model import learns, load_model

SMALL = dict(mid_channels=8, num_blocks=1)
CPU = torch.device('cpu')


def config(**generator):
    net = dict(type='StatefulBasicVSRNet', **SMALL) | generator
    return Config(dict(model=dict(type='RecurrentVSR', generator=net)))


@pytest.mark.slow
def test_a_checkpoint_of_mmagic_loads_and_gives_its_frames(tmp_path, real_clip):
    theirs = MODELS.build(
        dict(
            type='BasicVSR',
            generator=dict(type='BasicVSRNet', **SMALL),
            pixel_loss=dict(type='CharbonnierLoss'),
            train_cfg=dict(fix_iter=5),
            data_preprocessor=MODELS.build(dict(type='DataPreprocessor')),
        )
    )
    assert 'step_counter' in theirs.state_dict()
    torch.save(dict(state_dict=theirs.state_dict(), meta={}), tmp_path / 'basicvsr.pth')
    ours = load_model(config(), tmp_path / 'basicvsr.pth', CPU)
    lrs = real_clip(5, 64, 64, batch=1)
    with torch.no_grad():
        assert torch.equal(ours(lrs), theirs.generator.eval()(lrs))


def test_a_checkpoint_of_another_size_is_refused(tmp_path):
    model = load_model(config(), None, CPU)
    torch.save(dict(state_dict=model.state_dict(), meta={}), tmp_path / 'small.pth')
    with pytest.raises(RuntimeError, match='size mismatch'):
        load_model(config(mid_channels=16), tmp_path / 'small.pth', CPU)


def test_models_of_unknown_types_are_refused(tmp_path):
    with pytest.raises(UserError, match='^config None model: KeyError: NoSuchNet is not in the '):
        load_model(config(type='NoSuchNet'), None, CPU)


def test_which_networks_learn():
    assert learns(load_model(config(), None, CPU))
    bicubic = Config(dict(model=dict(type='RecurrentVSR', generator=dict(type='BicubicUpsampler'))))
    assert not learns(load_model(bicubic, None, CPU))
