"""GPUs that PyTorch cannot use, pretended."""

import logging

import pytest
import torch

from harness import gpus


@pytest.fixture(autouse=True)
def driver(tmp_path, monkeypatch):
    """A machine whose driver knows two GPUs."""
    for name in ('0000:01:00.0', '0000:02:00.0'):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(gpus, '_DRIVER', tmp_path)
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    return tmp_path


def test_a_driver_that_is_too_old():
    assert gpus.unusable_gpus().endswith('cannot use the 2 GPU(s) of this machine')


@pytest.mark.parametrize('hidden', ['', '-1'])
def test_hidden_gpus_are_meant_not_to_be_used(monkeypatch, hidden):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', hidden)
    assert gpus.unusable_gpus() is None


def test_no_gpus(monkeypatch, driver):
    monkeypatch.setattr(gpus, '_DRIVER', driver / 'absent')
    assert gpus.unusable_gpus() is None


@pytest.mark.parametrize('capability, works', [((7, 0), False), ((7, 5), True), ((12, 0), True)])
def test_gpus_that_no_code_was_built_for(monkeypatch, capability, works):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda: capability)
    monkeypatch.setattr(torch.cuda, 'get_arch_list', lambda: ['sm_75', 'sm_90a', 'compute_120'])
    monkeypatch.setattr(torch.cuda, 'get_device_name', lambda: 'Tesla V100')
    found = gpus.unusable_gpus()
    assert found is None if works else found.endswith('has no code for Tesla V100 (sm_70)')


def test_the_warning_comes_once(monkeypatch):
    gpus.warn_of_unusable_gpus.cache_clear()
    said = []
    monkeypatch.setattr(gpus, 'print_log', lambda *args: said.append(args))
    for _ in range(2):
        gpus.warn_of_unusable_gpus()
    ((text, _, level),) = said
    assert 'cannot use the 2 GPU(s)' in text and 'docs/faq.md' in text and level == logging.WARNING
    gpus.warn_of_unusable_gpus.cache_clear()
