"""Setting the state of a unidirectional network back when it has gone astray."""

from collections import deque

import torch
from torch import Tensor

from harness.evaluation.state_measures import relative_distances
from harness.networks.recurrent import State, States, memory_of
from harness.runs.resets import Reset


class Guard:
    """Watches the state after each frame of one video; see :class:`harness.runs.resets.Reset`.

    Args:
        step: runs the network on one frame, (LR frame (1, 1, 3, H, W), states, frame number) ->
            states after it.
        reset: when the state is set back.
    """

    def __init__(self, step, reset: Reset):
        self.step = step
        self.reset = reset
        self.norm: float | None = None
        self.last = deque(maxlen=reset.every)

    def __call__(
        self, frame: Tensor, after: State | None, state: State, age: int
    ) -> tuple[State | None, int] | None:
        """The state to go on with and the number of frames that it has seen, or None to go on.

        Args:
            frame: the LR frame that the network has seen last (1, 1, 3, H, W).
            after: the backward state that it was given with it.
            state: the forward state it gave.
            age: how many frames this state has seen.
        """
        if self.reset.kind == 'norm':
            return self._check_norm(state, age)
        self.last.append((frame, after))
        return self._check_distance(state, age)

    def _check_norm(self, state, age):
        norm = torch.cat([x.flatten() for x in memory_of(state).values()]).square().mean().sqrt()
        if self.norm is None:
            self.norm = float(norm) if age == self.reset.every else None
        # also a norm that is no number
        elif not norm <= self.reset.amount * self.norm:
            return None, 0
        return None

    def _check_distance(self, state, age):
        every = self.reset.every
        if age % every or age == every:
            return None
        fresh = None
        for number, (frame, after) in enumerate(self.last):
            fresh = self.step(frame, States(fresh, after), number).forward
        distance = relative_distances(States(state), States(fresh))['forward']
        return None if distance.item() <= self.reset.amount else (fresh, every)
