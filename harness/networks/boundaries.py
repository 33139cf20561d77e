"""Boundaries of videos, which stay on the CPU: reading them from a GPU would wait for it."""

from typing import Any

import torch
from torch import Tensor


def on_cpu(*numbers: Tensor | None) -> list[Any]:
    """Boundaries and lengths on the CPU, where they usually are already; None stays None."""
    return [None if x is None else x.cpu() for x in numbers]


def sent(numbers: Tensor, device: torch.device) -> Tensor:
    """A few numbers from the CPU on ``device``, without waiting for its queue."""
    return numbers.to(device, non_blocking=True)


def wanted_at(boundaries: Tensor, device: torch.device) -> dict[int, tuple[Tensor, Tensor]]:
    """Boundary -> the indices of videos and repeats, on ``device``, that need its state.

    Args:
        boundaries: (B, R), on the CPU.
        device: Where the states are; all indices go there in one copy.
    """
    order = boundaries.flatten().argsort(stable=True)
    numbers, counts = boundaries.flatten()[order].unique_consecutive(return_counts=True)
    places = torch.stack([order // boundaries.size(1), order % boundaries.size(1)])
    parts = sent(places, device).split(counts.tolist(), 1)
    return {
        number: (part[0], part[1]) for number, part in zip(numbers.tolist(), parts, strict=True)
    }
