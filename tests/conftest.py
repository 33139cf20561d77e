"""Configuration of all tests."""

import signal

import pytest


def pytest_configure(config) -> None:
    """Makes Ctrl-C reach the tests' own commands, however the tests were started.

    Background processes of a shell inherit that SIGINT is ignored, those of ``nohup`` SIGHUP, too;
    commands that the tests start and interrupt would ignore it.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_runtest_setup(item) -> None:
    """Skips tests marked ``gpu`` if there is no GPU."""
    if item.get_closest_marker('gpu'):
        import torch

        if not torch.cuda.is_available():
            pytest.skip('no GPU that PyTorch can use')


def pytest_collection_modifyitems(items: list) -> None:
    """Runs files with slow tests first, so that no worker starts one when the others are done."""
    slow = {item.path for item in items if item.get_closest_marker('slow')}
    items.sort(key=lambda item: item.path not in slow)
