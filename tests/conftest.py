"""What all tests share."""

import signal

import pytest


@pytest.fixture
def default_signals():
    """Signals do to this process, and to those it starts, what they do where none is ignored.

    ``nohup``, cron and background jobs of a shell have some ignored, which children inherit.
    """
    heard = dict.fromkeys((signal.SIGHUP, signal.SIGTERM), signal.SIG_DFL)
    heard[signal.SIGINT] = signal.default_int_handler
    before = {number: signal.signal(number, handler) for number, handler in heard.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
