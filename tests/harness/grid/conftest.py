"""Tests of grids leave the handlers of signals as they were."""

import signal

import pytest

from harness.exits import ENDING


@pytest.fixture(autouse=True)
def signal_handlers():
    """Handlers of a test end with it: pools of later tests end their workers by signal."""
    before = {number: signal.getsignal(number) for number in ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
