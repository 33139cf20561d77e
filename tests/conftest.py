"""What holds for all tests."""

import signal

import pytest


def pytest_configure(config) -> None:
    """Ctrl-C reaches the tests' own commands whoever started the tests.

    Background processes of a shell inherit that SIGINT is ignored, those of ``nohup`` SIGHUP, too;
    what these tests start and then interrupt would be deaf.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_runtest_setup(item) -> None:
    """Tests marked ``gpu`` are skipped where there is none."""
    if item.get_closest_marker('gpu'):
        import torch

        if not torch.cuda.is_available():
            pytest.skip('no GPU that PyTorch can use')


def pytest_collection_modifyitems(items: list) -> None:
    """Files with slow tests come first, so that no worker begins one when the others are done."""
    slow = {item.path for item in items if item.get_closest_marker('slow')}
    items.sort(key=lambda item: item.path not in slow)
