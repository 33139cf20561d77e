"""A penalty on the growth of small perturbations of the state over a clip.

A recurrence that amplifies a perturbation within training clips continues to do so beyond them.
Tanay et al. (Diagnosing and Preventing Instabilities in Recurrent Video Processing, TPAMI 2023,
arXiv 2010.05099) diagnose instability by the response to perturbations and prevent it by bounds on
weights, which hold for every input (``lipschitz.py``). This module is a soft alternative: it
penalises the growth itself, on the training clips.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from harness.networks.recurrent import RecurrentNet, State, States, memory_of


class Amplification(NamedTuple):
    """The penalty of one step.

    Attributes:
        weight: Factor of the loss.
        seed: Seed of the perturbation's direction.
        disturbance: Norm of the perturbation relative to the norm of the state after the clip.
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

    The clip is processed once more, from a perturbed state; the growth is the distance between the
    two states after T frames, divided by their distance before them (in the branch's own order).
    The perturbation is white noise, most of which smooth recurrences forget, so that growths below
    1 count as well; the logarithm keeps the gradient of an unstable network bounded. Gradients flow
    through both runs.

    Args:
        net: The network, in training mode.
        lrs: LR clips (B, T, 3, H, W).
        states: States at the clips' ends; None is the initial state.
        cond: Condition planes of the clips.
        after: States after the unperturbed run, with gradient.
        options: Options of the penalty.
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
) -> tuple[State | None, Tensor | None]:
    """A state with noise in its memory, and the norms (B,) of the noise; None without memory."""
    memory = memory_of(state)
    if state is None or end is None or not memory:
        return state, None
    changed, squares = dict(state), torch.zeros(())
    for key, x in memory.items():
        noise = torch.randn(x.shape, generator=rng).to(x, non_blocking=True)
        shape = (-1, *[1] * (x.ndim - 1))
        wanted = disturbance * end[key].detach().flatten(1).norm(dim=1)
        noise = noise * (wanted / noise.flatten(1).norm(dim=1)).view(shape)
        changed[key] = x + noise
        # the noise that remains in the precision of the state
        squares = squares + (changed[key] - x).flatten(1).square().sum(1)
    return changed, squares.sqrt().clamp(min=torch.finfo(squares.dtype).tiny)


def _vectors(state: State | None) -> Tensor:
    """The memory as vectors (B, n)."""
    return torch.cat([x.flatten(1) for x in memory_of(state).values()], 1)
