"""Signals that end a program after clean-up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


class Ended(KeyboardInterrupt):
    """A signal ends the program as Ctrl-C does; the argument is its number."""


@contextmanager
def ending_signals() -> Iterator[None]:
    """Makes SIGTERM and SIGHUP remove partial output too, unless they are ignored (``nohup``)."""
    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) == signal.SIG_DFL]

    def end(number: int, frame: object) -> None:
        for other in numbers:
            # Further signals do not interrupt the clean-up.
            signal.signal(other, signal.SIG_IGN)
        raise Ended(number)

    for number in numbers:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
