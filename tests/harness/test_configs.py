"""Reading configs."""

import codecs

import pytest
from mmengine.config import Config
from mmengine.hub import get_config

from harness.config_errors import check_model
from harness.configs import load_config
from harness.errors import UserError

OFFICIAL = 'mmagic::basicvsr/basicvsr_2xb4_reds4.py'


def test_a_byte_order_mark_is_no_part_of_a_config(tmp_path):
    """Editors on Windows write it, into files that others name in ``_base_`` as well."""
    for name, text in (('base.py', 'a = 1'), ('config.py', "_base_ = 'base.py'\nb = 'ü'")):
        (tmp_path / name).write_bytes(codecs.BOM_UTF8 + text.encode())
    cfg = load_config(str(tmp_path / 'config.py'))
    assert (cfg.a, cfg.b) == (1, 'ü')


def test_configs_that_inherit_from_mmagic(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(f"_base_ = ['{OFFICIAL}']\ntrain_cfg = dict(max_iters=5)\n")
    cfg = load_config(str(path))
    assert cfg.train_cfg.max_iters == 5
    assert cfg.model.generator == get_config(OFFICIAL).model.generator


def test_models_of_mmagic_are_refused():
    """Their networks hide their states, and their loops are others."""
    for model, said in (
        (get_config(OFFICIAL).model, "BasicVSR is MMagic's own"),
        ({}, 'has no type'),
    ):
        with pytest.raises(
            UserError, match=f"^model: {said}; this harness takes dict.type='Recurr"
        ):
            check_model(Config(dict(model=model)))
    check_model(Config(dict(model=dict(type='RecurrentVSR'))))
    check_model(Config(dict(model=dict(type='OfSomebodysOwn'))))  # what it is, building says


def test_configs_may_use_the_standard_library(tmp_path):
    """Wherever Python is installed; frozen modules such as ``os`` as well."""
    path = tmp_path / 'config.py'
    path.write_text('import os\nfrom pathlib import Path\na = [str(Path("b").parent), os.sep]\n')
    assert load_config(str(path)).a == ['.', '/']
