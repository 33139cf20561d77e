"""Resets the state of a unidirectional network when it has drifted off."""

from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

from harness.evaluation.state_measures import relative_distances
from harness.networks.recurrent import State, States, memory_of
from harness.runs.resets import Reset


class Guard:
    """Watches the state after each frame of one video; see :class:`harness.runs.resets.Reset`.

    Args:
        step: Runs the network on one frame: (LR frame (1, 1, 3, H, W), states, frame number) ->
            the states after it.
        reset: When to reset the state.
    """

    def __init__(self, step: Callable[[Tensor, States, int], States], reset: Reset) -> None:
        self.step = step
        self.reset = reset
        self.norm: float | None = None
        self.last: deque[tuple[Tensor, State | None]] = deque(maxlen=reset.every)

    def __call__(
        self, frame: Tensor, after: State | None, state: State, age: int
    ) -> tuple[State | None, int] | None:
        """Decides whether to reset the state after a frame.

        Args:
            frame: The last LR frame (1, 1, 3, H, W).
            after: The backward state that the network got with it.
            state: The forward state that the network returned.
            age: The number of frames that this state has seen.

        Returns:
            None to keep the state; otherwise the new state (None for the initial one) and the
            number of frames that it has seen.
        """
        if self.reset.kind == 'norm':
            return self._check_norm(state, age)
        self.last.append((frame, after))
        return self._check_distance(state, age)

    def _check_norm(self, state: State, age: int) -> tuple[State | None, int] | None:
        norm = torch.cat([x.flatten() for x in memory_of(state).values()]).square().mean().sqrt()
        if self.norm is None:
            self.norm = float(norm) if age == self.reset.every else None
        # true for NaN as well
        elif not norm <= self.reset.amount * self.norm:
            return None, 0
        return None

    def _check_distance(self, state: State, age: int) -> tuple[State | None, int] | None:
        every = self.reset.every
        if age % every or age == every:
            return None
        fresh: State | None = None
        for number, (frame, after) in enumerate(self.last):
            fresh = self.step(frame, States(fresh, after), number).forward
        distance = relative_distances(States(state), States(fresh))['forward']
        return None if distance.item() <= self.reset.amount else (fresh, every)
