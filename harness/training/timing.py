"""Training time as the PI-BPTT paper defines it, in its parts."""

import time
from collections import deque
from contextlib import contextmanager

import torch


class PartTimer:
    """Adds up the seconds spent in named parts of training.

    The paper's training time is the mean time per iteration including loading, plus the share of
    the feed-forward state pass, T_ff / N_it (Sec. VI-A): the sum of all parts over the iterations.

    On a GPU nothing is waited for: events mark the parts in its queue, and their times are read
    when it has come by them. Loading that the GPU does not wait for takes no time then.

    Args:
        make_event: makes events like ``torch.cuda.Event``; None: the CPU's clock is read.
    """

    def __init__(self, make_event=None):
        if make_event is None and torch.cuda.is_available():
            make_event = _gpu_event
        self._make_event = make_event
        self._seconds: dict[str, float] = {}
        self._passed: deque[tuple] = deque()  # (name, begin, end) in the order of the queue

    @contextmanager
    def part(self, name: str):
        """Times the block."""
        if self._make_event is None:
            begin = time.perf_counter()
            yield
            self._add(name, time.perf_counter() - begin)
            return
        begin, end = self._make_event(), self._make_event()
        begin.record()
        yield
        end.record()
        self._passed.append((name, begin, end))
        while self._passed and self._passed[0][2].query():
            self._read()

    @property
    def seconds(self) -> dict[str, float]:
        """Part -> seconds; waits for what is still in the queue of the GPU."""
        while self._passed:
            self._passed[0][2].synchronize()
            self._read()
        return self._seconds

    @seconds.setter
    def seconds(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds

    def _read(self) -> None:
        name, begin, end = self._passed.popleft()
        self._add(name, begin.elapsed_time(end) / 1e3)

    def _add(self, name: str, seconds: float) -> None:
        self._seconds[name] = self._seconds.get(name, 0.0) + seconds

    def ms_per_iteration(self, iterations: int) -> dict[str, float]:
        """Milliseconds of each part (``<part>_ms``) and their sum (``ms_per_iteration``)."""
        parts = {f'{name}_ms': 1e3 * s / iterations for name, s in self.seconds.items()}
        return {'ms_per_iteration': sum(parts.values()), **parts}


def _gpu_event():
    return torch.cuda.Event(enable_timing=True)
