"""MMagic's modules are imported when they are asked for; the networks of ours are by now."""

import importlib.util
import sys
from types import ModuleType

import pytest
from mmagic.registry import DATASETS, METRICS, MODELS, TRANSFORMS
from mmengine.registry import MODELS as ALL_MODELS

from harness import mmagic_on_demand
from harness.errors import UserError


def test_packages_have_the_names_that_their_init_imports():
    import mmagic.models
    from mmagic.models import BaseEditModel, DataPreprocessor, L1Loss
    from mmagic.models.archs import PixelShufflePack
    from mmagic.models.editors import EDSRNet

    assert BaseEditModel.__module__ == 'mmagic.models.base_models.base_edit_model'
    assert DataPreprocessor is MODELS.get('DataPreprocessor')
    assert L1Loss is MODELS.get('L1Loss')  # mmagic.models has all names of its losses and editors
    assert mmagic.models.EDSRNet is EDSRNet is MODELS.get('EDSRNet')
    assert {'PixelShufflePack', 'VGG16'} <= set(sys.modules['mmagic.models.archs'].__all__)
    assert PixelShufflePack.__module__ == 'mmagic.models.archs.upsample'
    with pytest.raises(ImportError, match='EDSRNett'):
        from mmagic.models.editors import EDSRNett  # noqa: F401


@pytest.mark.parametrize(
    ('registry', 'name', 'module'),
    [
        (MODELS, 'mmagic.SRCNNNet', 'mmagic.models.editors.srcnn.srcnn_net'),
        (ALL_MODELS, 'mmagic.RRDBNet', 'mmagic.models.editors.esrgan.rrdb_net'),
        (MODELS, 'PConv', 'mmagic.models.editors.pconv.partial_conv'),  # name='PConv'
        (MODELS, 'Deconv', 'torch.nn.modules.conv'),
        (METRICS, 'MS_SSIM', 'mmagic.evaluation.metrics.ms_ssim'),
        (METRICS, 'FID-Full', 'mmagic.evaluation.metrics.fid'),  # two names
        (METRICS, 'FID', 'mmagic.evaluation.metrics.fid'),
        (DATASETS, 'BasicFramesDataset', 'mmagic.datasets.basic_frames_dataset'),
        (TRANSFORMS, 'Resize', 'mmagic.datasets.transforms.aug_shape'),  # mmcv has one as well
        (TRANSFORMS, 'LoadAnnotations', 'mmcv.transforms.loading'),  # only mmcv has
    ],
)
def test_types_of_configs_are_found(registry, name, module):
    assert registry.get(name).__module__ == module


def test_unknown_types_are_unknown():
    assert MODELS.get('SRCNNNett') is None
    with pytest.raises(TypeError, match='must be a str'):
        MODELS.get(3)


def test_what_a_module_needs_is_said_and_then_found(monkeypatch):
    monkeypatch.setitem(sys.modules, 'einops', None)  # as if it was not installed
    with pytest.raises(UserError) as error:
        MODELS.get('Restormer')
    assert str(error.value) == (
        "Restormer: MMagic's mmagic.models.editors.restormer.restormer_net needs einops, which is "
        "not installed: pip install 'einops'"
    )
    einops = ModuleType('einops')
    einops.rearrange = None
    monkeypatch.setitem(sys.modules, 'einops', einops)
    assert MODELS.get('Restormer').__name__ == 'Restormer'


def test_newer_versions_than_mmagic_works_with_are_kept_out(monkeypatch):
    monkeypatch.setitem(sys.modules, 'diffusers', None)
    with pytest.raises(UserError, match="needs diffusers, .*: pip install 'diffusers<0.25' 'tr"):
        MODELS.get('ViCo')


def test_mmagic_is_not_installed(monkeypatch):
    finders = [f for f in sys.meta_path if not isinstance(f, mmagic_on_demand._Finder)]
    assert len(finders) == len(sys.meta_path) - 1
    monkeypatch.setattr(sys, 'meta_path', finders)
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(UserError, match='^MMagic is not installed: pip install --no-deps '):
        mmagic_on_demand.install()
    assert sys.meta_path == finders
