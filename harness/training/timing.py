"""Training time as the PI-BPTT paper defines it, in its parts."""

import time
from contextlib import contextmanager

import torch


class PartTimer:
    """Adds up the seconds spent in named parts of training.

    The paper's training time is the mean time per iteration including loading, plus the share of
    the feed-forward state pass, T_ff / N_it (Sec. VI-A): the sum of all parts over the iterations.
    """

    def __init__(self):
        self.seconds: dict[str, float] = {}

    @contextmanager
    def part(self, name: str):
        """Times the block; waits for the GPU so that work is booked where it was asked for."""
        begin = time.perf_counter()
        yield
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin

    def ms_per_iteration(self, iterations: int) -> dict[str, float]:
        """Milliseconds of each part (``<part>_ms``) and their sum (``ms_per_iteration``)."""
        parts = {f'{name}_ms': 1e3 * s / iterations for name, s in self.seconds.items()}
        return {'ms_per_iteration': sum(parts.values()), **parts}
