"""Measures training time as the PI-BPTT paper defines it, by parts."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch


class PartTimer:
    """Adds up the seconds spent in named parts of training.

    The paper's training time is the mean time per iteration, including loading, plus the share of
    the feed-forward state pass, T_ff / N_it (Sec. VI-A): the sum of all parts divided by the number
    of iterations.

    On a GPU, timing does not wait: events mark the parts in its queue, and their times are read
    after it has passed them. Loading then counts only while the GPU waits for it.

    Args:
        make_event: Creates events like ``torch.cuda.Event``; None: use the CPU's clock, or CUDA
            events if there is a GPU.
    """

    def __init__(self, make_event: Callable[[], Any] | None = None) -> None:
        if make_event is None and torch.cuda.is_available():
            make_event = _gpu_event
        self._make_event = make_event
        self._seconds: dict[str, float] = {}
        self._passed: deque[tuple] = deque()  # (name, begin, end) in the order of the queue

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Times the block."""
        if self._make_event is None:
            seconds = time.perf_counter()
            yield
            self._add(name, time.perf_counter() - seconds)
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
        """Part -> seconds; waits for parts that are still in the GPU's queue."""
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
        """The milliseconds of each part (``<part>_ms``) and their sum (``ms_per_iteration``)."""
        parts = {f'{name}_ms': 1e3 * s / iterations for name, s in self.seconds.items()}
        return {'ms_per_iteration': sum(parts.values()), **parts}


def _gpu_event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)
