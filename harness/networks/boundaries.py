"""Boundaries of videos, which the CPU knows: a device that had to tell them would be waited for."""

import torch
from torch import Tensor


def on_cpu(*numbers: Tensor | None) -> list[Tensor | None]:
    """Boundaries and lengths on the CPU, where they should have stayed."""
    return [None if x is None else x.cpu() for x in numbers]


def sent(numbers: Tensor, device: torch.device) -> Tensor:
    """Few numbers of the CPU, on a device whose queue need not be empty first."""
    return numbers.to(device, non_blocking=True)


def wanted_at(boundaries: Tensor, device: torch.device) -> dict[int, tuple[Tensor, Tensor]]:
    """Boundary -> the numbers of videos and repeats, on ``device``, that ask for its state.

    Args:
        boundaries: (B, R), on the CPU.
        device: where the states are; all numbers go there in one copy.
    """
    order = boundaries.flatten().argsort(stable=True)
    numbers, counts = boundaries.flatten()[order].unique_consecutive(return_counts=True)
    places = torch.stack([order // boundaries.size(1), order % boundaries.size(1)])
    parts = sent(places, device).split(counts.tolist(), 1)
    return {number: tuple(part) for number, part in zip(numbers.tolist(), parts, strict=True)}
