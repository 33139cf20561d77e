"""Reads losses one iteration late, so that the CPU never waits for the GPU."""

from typing import Any, NamedTuple

import torch
from torch import Tensor


class Scalars(NamedTuple):
    """The scalars of an iteration, on the CPU, and what the caller passed with them."""

    values: dict[str, Tensor]
    about: Any


class LateScalars:
    """Returns the scalars of the previous iteration while those of the current one are copied.

    On a CPU there is nothing to wait for, and each iteration gets its own scalars.

    Args:
        is_late: Whether to do so; None: if the scalars are on a GPU.
    """

    def __init__(self, is_late: bool | None = None) -> None:
        self._is_late = is_late
        self._pending: tuple[list[str], Tensor, Any, Any] | None = None

    def exchange(self, values: dict[str, Tensor], about: Any) -> Scalars | None:
        """Takes the scalars of an iteration, and returns those of the previous one, if any.

        Args:
            values: Name -> scalar tensor, all on one device.
            about: Anything to return together with them.
        """
        device = next(iter(values.values())).device
        is_late = device.type == 'cuda' if self._is_late is None else self._is_late
        if not is_late:
            return Scalars(values, about)
        before = self.rest()
        stacked = torch.stack([x.detach().float() for x in values.values()])
        copied = torch.empty_like(stacked, device='cpu')
        event: torch.cuda.Event | None = None
        if device.type == 'cuda':
            copied, event = copied.pin_memory(), torch.cuda.Event()
        copied.copy_(stacked, non_blocking=True)
        if event:
            event.record()
        self._pending = list(values), copied, event, about
        return before

    def rest(self) -> Scalars | None:
        """The scalars that have not been returned yet; waits for them."""
        if self._pending is None:
            return None
        names, copied, event, about = self._pending
        self._pending = None
        if event:
            event.synchronize()
        return Scalars(dict(zip(names, copied.unbind(), strict=True)), about)
