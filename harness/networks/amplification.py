"""A penalty on the growth of small perturbations of the state over a clip.

A recurrence that amplifies a perturbation within the clips of its training goes on doing so beyond
them. Tanay et al. (Diagnosing and Preventing Instabilities in Recurrent Video Processing, TPAMI
2023, arXiv 2010.05099) diagnose instability by the response to perturbations and prevent it by
bounds on weights, which hold for every input (``lipschitz.py``). This is the soft form: the growth
itself, on the clips that are trained on.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from harness.networks.recurrent import RecurrentNet, State, States, memory_of


class Amplification(NamedTuple):
    """The penalty of one step.

    Attributes:
        weight: factor of the loss.
        seed: of the perturbation's direction.
        disturbance: norm of the perturbation relative to that of the state after the clip.
    """

    weight: float
    seed: int
    disturbance: float = 1e-3


def amplification_loss(
    net: RecurrentNet,
    lrs: Tensor,
    states: States | None,
    cond: Tensor | None,
    after: States,
    options: Amplification,
) -> Tensor:
    """Mean of log(1 + growth**2) over samples and directions, times the weight.

    The clip runs once more, from a disturbed state; the growth is the distance of the two states
    after T frames over that before them (for backward states, the other way round). A perturbation
    is white noise, most of which smooth recurrences forget, so that growths below 1 count as well;
    of large ones the logarithm counts, so that an unstable network gets no gradient beyond all
    bounds. Gradients flow through both runs.

    Args:
        net: the network, in training mode.
        lrs: LR clips (B, T, 3, H, W).
        states: at the clips' ends; None is the initial state.
        cond: their condition planes.
        after: what the plain run gave, with gradient.
        options: of the penalty.
    """
    rng = torch.Generator().manual_seed(options.seed)
    initial = net.initial_states(lrs)
    before = States(*(own or zero for own, zero in zip(states or States(), initial, strict=True)))
    disturbed, sizes = [], []
    for own, end in zip(before, after, strict=True):
        state, size = _disturb(own, end, options.disturbance, rng)
        disturbed.append(state)
        sizes.append(size)
    reached = net.unroll(lrs, States(*disturbed), cond).states
    growths = [
        (_vectors(mine) - _vectors(other)).norm(dim=1) / size
        for mine, other, size in zip(reached, after, sizes, strict=True)
        if size is not None
    ]
    return options.weight * torch.stack(growths).square().log1p().mean()


def _disturb(
    state: State | None, end: State | None, disturbance: float, rng: torch.Generator
) -> tuple:
    """A state with noise in its memory, and the norms (B,) of the noise; None without memory."""
    memory = memory_of(state)
    if not memory:
        return state, None
    changed, squares = dict(state), 0.0
    for key, x in memory.items():
        noise = torch.randn(x.shape, generator=rng).to(x, non_blocking=True)
        shape = (-1, *[1] * (x.ndim - 1))
        wanted = disturbance * end[key].detach().flatten(1).norm(dim=1)
        noise = noise * (wanted / noise.flatten(1).norm(dim=1)).view(shape)
        changed[key] = x + noise
        # what is left of it in the precision of the state
        squares = squares + (changed[key] - x).flatten(1).square().sum(1)
    return changed, squares.sqrt().clamp(min=torch.finfo(squares.dtype).tiny)


def _vectors(state: State) -> Tensor:
    """The memory (B, n)."""
    return torch.cat([x.flatten(1) for x in memory_of(state).values()], 1)
