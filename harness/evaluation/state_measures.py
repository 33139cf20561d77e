"""Measures of hidden states: their size, their distance, and the growth of a perturbation."""

import zlib

import torch
from torch import Tensor

from harness.networks.recurrent import RecurrentNet, State, States, memory_of

DIRECTIONS = ('forward', 'backward')


def relative_distances(states: States, reference: States) -> dict[str, Tensor]:
    """Direction -> distances (B,) of states (B, ...), relative to the norm of the reference."""
    distances = {}
    for direction, mine, other in zip(DIRECTIONS, states, reference, strict=True):
        if memory_of(mine):
            a, b = _vectors(mine, 1), _vectors(other, 1)
            distances[direction] = (a - b).norm(dim=1) / b.norm(dim=1)
    return distances


def state_norms(states: States) -> dict[str, Tensor]:
    """Direction -> root mean squares (B, R) of the memory in states (B, R, ...)."""
    return {
        direction: _vectors(state, 2).square().mean(2).sqrt()
        for direction, state in zip(DIRECTIONS, states, strict=True)
        if memory_of(state)
    }


def _vectors(state: State | None, batch_dims: int) -> Tensor:
    """The memory in a state as vectors (..., n)."""
    return torch.cat([x.flatten(batch_dims) for x in memory_of(state).values()], batch_dims)


def perturbation_growth(
    net: RecurrentNet, clip: Tensor, states: States, cond: Tensor | None, disturbance: float
) -> dict[str, Tensor]:
    """How much a small perturbation of the states at a clip's ends grows within the clip.

    Args:
        net: The network in eval mode.
        clip: LR frames (1, T, 3, H, W).
        states: The states at its two ends.
        cond: The clip's condition planes.
        disturbance: The norm of the perturbation relative to that of the state.

    Returns:
        Direction -> norms (T,) of the difference after 1..T frames, relative to the perturbation.
    """
    disturbed = _disturb(states, disturbance)
    both = States(
        *(
            a and b and {key: torch.cat([a[key], b[key]]) for key in a}
            for a, b in zip(states, disturbed, strict=True)
        )
    )
    total = clip.size(1)
    every = torch.arange(total + 1).expand(2, -1)
    twice = clip.expand(2, *clip.shape[1:])
    after = net.states_at(
        twice, every, every, None if cond is None else cond.expand(2, *cond.shape[1:]), None, both
    )
    growth = {}
    for direction, state in zip(DIRECTIONS, after, strict=True):
        if memory_of(state):
            pair = _vectors(state, 2)
            difference = (pair[1] - pair[0]).norm(dim=1)
            if direction == 'backward':
                difference = difference.flip(0)
            growth[direction] = difference[1:] / difference[0]
    return growth


def _disturb(states: States, disturbance: float) -> States:
    rng = torch.Generator().manual_seed(zlib.crc32(b'disturbance'))
    disturbed = []
    for state in states:
        changed = dict(state or {})
        for key, x in memory_of(state).items():
            noise = torch.randn(x.shape, generator=rng).to(x)
            changed[key] = x + noise * (disturbance * x.norm() / noise.norm())
        disturbed.append(changed or None)
    return States(*disturbed)
