"""Every config names things that exist and build."""

from pathlib import Path

import pytest
import torch
from mmagic.registry import DATASETS, HOOKS, LOOPS, MODELS
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS, DefaultScope

import harness.data
import harness.networks.zoo  # noqa: F401  (fill the registries)
from harness.training.hooks import FreezeFlowHook

FOLDER = Path(__file__).resolve().parents[2] / 'mm_configs'
CONFIGS = sorted(path for path in FOLDER.glob('[!_g]*/*.py'))
BASELINES = {
    'rdn/rdn_paper.py': 22_271_107,
    'vespcn/vespcn_paper.py': 93_992,
    'brcn/brcn_paper.py': 42_561,
    'toflow/toflow_paper.py': 1_405_899,
    'vsrnet/vsrnet_paper.py': 272_577,
    'stcn/stcn_paper.py': 1_956_993,
    'spmc/spmc_paper.py': 1_722_161,
    'liu2018/liu2018_paper.py': 369_550,
    'lapsrn/lapsrn_paper.py': 814_242,
    'drcn/drcn_paper.py': 1_775_121,
    'dsrn/dsrn_paper.py': 1_256_707,
    'basicvsr_pp/basicvsr_pp_paper.py': 7_322_927,
    'iconvsr/iconvsr_paper.py': 8_711_375,
    'animesr/animesr_paper.py': 1_495_376,
    'realviformer/realviformer_paper.py': 5_817_593,
    'rrn/rrn_paper.py': 3_364_400,
    'rrn/rrn_small_paper.py': 1_888_560,
    'rsdn/rsdn_paper.py': 6_180_236,
    'realbasicvsr/realbasicvsr_paper.py': 6_294_834,
    'bicubic/bicubic_bd.py': 0,
    'bicubic/bicubic_bi.py': 0,
}


@pytest.fixture(autouse=True)
def mmagic_scope():
    with DefaultScope.overwrite_default_scope('mmagic'):
        yield


@pytest.mark.slow
@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_builds(path):
    cfg = Config.fromfile(path)
    model = MODELS.build(cfg.model)
    if 'train_cfg' not in cfg:
        return
    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    for scheduler in cfg.param_scheduler:
        PARAM_SCHEDULERS.build(dict(scheduler, optimizer=optim_wrapper.optimizer))
    assert LOOPS.get(cfg.train_cfg.type)
    assert DATASETS.get(cfg.train_dataloader.dataset.type)
    for hook in cfg.get('custom_hooks', []):
        built = HOOKS.build(hook)
        if isinstance(built, FreezeFlowHook):
            assert any(built.name in name for name, _ in model.named_parameters())


@pytest.mark.parametrize('name, parameters', BASELINES.items())
def test_parameters_of_the_baselines(name, parameters):
    model = MODELS.build(Config.fromfile(FOLDER / name).model)
    assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.slow
@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_evaluated_on_the_lr_frames_it_is_made_for(path):
    """Grids and harness/test.py go by the config, and know BD where it says nothing."""
    cfg = Config.fromfile(path)
    evaluated = cfg.get('lr_kind', 'lr_bd')
    for loader in ('train_dataloader', 'val_dataloader'):
        if loader in cfg:
            assert cfg[loader].dataset.lr_kind == evaluated
    degradation = getattr(MODELS.build(cfg.model).generator, 'degradation', None)
    if degradation:
        assert f'lr_{degradation}' == evaluated


@pytest.mark.slow
def test_checkpoints_of_mmagic_load():
    """MMagic's models call the network ``generator`` too."""
    for ours, theirs in (
        ('rdn/rdn_paper.py', dict(type='RDNNet', in_channels=3, out_channels=3)),
        ('toflow/toflow_paper.py', dict(type='TOFlowVSRNet', adapt_official_weights=True)),
        ('basicvsr_pp/basicvsr_pp_paper.py', dict(type='BasicVSRPlusPlusNet')),
        ('realbasicvsr/realbasicvsr_paper.py', dict(type='RealBasicVSRNet')),
        ('iconvsr/iconvsr_paper.py', dict(type='IconVSRNet', padding=3)),
    ):
        checkpoint = {f'generator.{k}': v for k, v in MODELS.build(theirs).state_dict().items()}
        checkpoint['step_counter'] = torch.zeros(1)  # of BasicVSR and its successors
        MODELS.build(Config.fromfile(FOLDER / ours).model).load_state_dict(checkpoint, strict=True)
