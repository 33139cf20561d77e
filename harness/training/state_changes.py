"""Changes stored states before clips start from them: variants, controls, regularizers of PI."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from harness.data import ClipIndex
from harness.errors import fail
from harness.networks.recurrent import State, States, memory_of
from harness.training.initial_state import torch_rng

SOURCES = ('own', 'other', 'noise')


class StateChanges(NamedTuple):
    """Changes to the states of a batch; LR frames in them are not changed.

    Attributes:
        p_initial: The probability that a clip starts from the initial state instead, as in RI. This
            mixture of RI and PI also trains the first frames of videos.
        states_from: ``'own'``, or a control: ``'other'``, the memory of another video at any of its
            boundaries; ``'noise'``, a Gaussian with the mean and variance that each channel has in
            the bank. The controls tell whether it matters that the states are a video's own
            (unexplored-states hypothesis, arXiv 2507.02782).
        state_noise: The standard deviation of Gaussian noise that is added to the memory, relative
            to each sample's root mean square, so that training also sees states around those to
            which it leads (after DAgger, Ross et al., AISTATS 2011; for recurrent VSR,
            arXiv 2506.01350).
        state_dropout: The probability that an element of the memory is set to 0; the others are
            scaled up accordingly.
    """

    p_initial: float = 0.0
    states_from: str = 'own'
    state_noise: float = 0.0
    state_dropout: float = 0.0

    def check(self) -> 'StateChanges':
        """Returns itself.

        Raises:
            UserError: A value is invalid.
        """
        if self.states_from not in SOURCES:
            fail(f'train_cfg.states_from: {self.states_from!r} is not one of {", ".join(SOURCES)}')
        for key, top in (('p_initial', 1), ('state_dropout', 1), ('state_noise', float('inf'))):
            value = getattr(self, key)
            if not isinstance(value, (int, float)) or not 0 <= value < top:
                fail(f'train_cfg.{key}: {value!r} is not a number in [0, {top})')
        return self


def other_entries(entries: list[ClipIndex], rng: np.random.Generator) -> list[int]:
    """Draws for each entry one of another video.

    Raises:
        UserError: There is only one video.
    """
    videos = np.array([entry.video for entry in entries])
    others = [np.flatnonzero(videos != video) for video in videos]
    if not all(map(len, others)):
        fail("train_cfg.states_from: 'other' needs entries of two videos in an epoch")
    return [int(rng.choice(chosen)) for chosen in others]


def with_memory(states: States, memory: States) -> States:
    """``states`` with their memory replaced by that of ``memory``; LR frames are kept."""
    return States(
        *(own and {**own, **memory_of(new)} for own, new in zip(states, memory, strict=True))
    )


def noise_like(moments: tuple[dict, dict], states: States, rng: torch.Generator) -> States:
    """``states`` with their memory drawn from Gaussians, see :meth:`StateBank.moments`."""

    def draw(own: State | None, moments: dict) -> State | None:
        drawn = {}
        for key, x in memory_of(own).items():
            mean, std = (m.to(x.device, non_blocking=True) for m in moments[key])
            drawn[key] = mean + std * _normal(x, rng)
        return own and {**own, **drawn}

    return States(*(draw(own, m) for own, m in zip(states, moments, strict=True)))


def change(
    states: States, changes: StateChanges, seed: int, *numbers: int, keep_backward: bool = False
) -> States:
    """Applies noise, dropout and the replacement by the initial state to a batch of states.

    Args:
        states: Tensors (B, ...).
        changes: The changes.
        seed, numbers: Determine the draws.
        keep_backward: Whether the backward state holds LR frames after the clip, not memory.
    """
    rng = torch_rng(seed, 'state_changes', *numbers)
    if changes.state_noise or changes.state_dropout:
        states = States(*(_disturbed(d, changes, rng) for d in states))
    if not changes.p_initial:
        return states
    size = len(next(x for d in states for x in (d or {}).values()))
    kept = torch.rand(size, generator=rng) >= changes.p_initial

    def mask(x: Tensor) -> Tensor:
        return x * kept.to(x.device, non_blocking=True).view(-1, *[1] * (x.ndim - 1))

    masked = states.map(mask)
    return States(masked.forward, states.backward if keep_backward else masked.backward)


def _disturbed(state: State | None, changes: StateChanges, rng: torch.Generator) -> State | None:
    disturbed = {}
    for key, x in memory_of(state).items():
        if changes.state_noise:
            rms = x.flatten(1).square().mean(1).sqrt().view(-1, *[1] * (x.ndim - 1))
            x = x + changes.state_noise * rms * _normal(x, rng)
        if changes.state_dropout:
            left = torch.rand(x.shape, generator=rng) >= changes.state_dropout
            x = x * left.to(x.device, non_blocking=True) / (1 - changes.state_dropout)
        disturbed[key] = x
    return state and {**state, **disturbed}


def _normal(x: Tensor, rng: torch.Generator) -> Tensor:
    return torch.randn(x.shape, generator=rng).to(x.device, non_blocking=True)
