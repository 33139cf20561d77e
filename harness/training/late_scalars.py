"""Losses that the CPU reads one iteration late, so that it never waits for the GPU."""

from typing import Any, NamedTuple

import torch
from torch import Tensor


class Scalars(NamedTuple):
    """Scalars of an iteration: their values on the CPU, and what belongs to them."""

    values: dict[str, Tensor]
    about: Any


class LateScalars:
    """Hands out the scalars of the iteration before while those of the current one are copied.

    On a CPU there is nothing to wait for, and each iteration gets its own.

    Args:
        is_late: None: where the scalars are on a GPU.
    """

    def __init__(self, is_late: bool | None = None):
        self._is_late = is_late
        self._pending: tuple[list[str], Tensor, Any, Any] | None = None

    def exchange(self, values: dict[str, Tensor], about: Any) -> Scalars | None:
        """Takes the scalars of an iteration; gives those of the one before, if there is one.

        Args:
            values: name -> scalar tensor, all on one device.
            about: what belongs to the iteration.
        """
        device = next(iter(values.values())).device
        is_late = device.type == 'cuda' if self._is_late is None else self._is_late
        if not is_late:
            return Scalars(values, about)
        before = self.rest()
        stacked = torch.stack([x.detach().float() for x in values.values()])
        copied, event = torch.empty_like(stacked, device='cpu'), None
        if device.type == 'cuda':
            copied, event = copied.pin_memory(), torch.cuda.Event()
        copied.copy_(stacked, non_blocking=True)
        if event:
            event.record()
        self._pending = list(values), copied, event, about
        return before

    def rest(self) -> Scalars | None:
        """Those that have not been given out; waits for them."""
        if self._pending is None:
            return None
        names, copied, event, about = self._pending
        self._pending = None
        if event:
            event.synchronize()
        return Scalars(dict(zip(names, copied.unbind(), strict=True)), about)
