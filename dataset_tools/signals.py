"""Signals that end a program in good order."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


class Ended(KeyboardInterrupt):
    """A signal, whose number it holds, ends the program as Ctrl-C does."""


@contextmanager
def ending_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP remove what is half-made, too, unless they are ignored (``nohup``)."""
    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) == signal.SIG_DFL]

    def end(number: int, frame: object) -> None:
        for other in numbers:
            # Tidying up is not interrupted in its turn.
            signal.signal(other, signal.SIG_IGN)
        raise Ended(number)

    for number in numbers:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
