"""Networks without states: image networks and networks that need the whole video at once."""

from collections.abc import Callable

import torch
from torch import Tensor

from harness.errors import fail
from harness.networks.recurrent import RecurrentNet, States, StateShapes, Unrolled


class StatelessNet(RecurrentNet):
    """A network that starts every clip afresh; subclasses implement :meth:`super_resolve` only.

    Image networks treat each frame on its own; whole-video networks are ``bidirectional``.
    """

    has_states = False

    def super_resolve(self, lrs: Tensor) -> Tensor:
        """SR frames (B, T, 3, 4H, 4W) of the clip (B, T, 3, H, W) in [0, 1]."""
        raise NotImplementedError

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        return {}, {}

    def unroll(
        self, lrs: Tensor, states: States | None = None, cond: Tensor | None = None
    ) -> Unrolled:
        return Unrolled(self.super_resolve(lrs), States())

    def states_at(
        self,
        lrs: Tensor,
        starts: Tensor,
        ends: Tensor,
        cond: Tensor | None = None,
        lengths: Tensor | None = None,
        initial: States | None = None,
    ) -> States:
        """Raises :class:`~harness.errors.UserError`."""
        fail(f'{type(self).__name__} provides no states; train it with RI')


def map_frames(function: Callable[[Tensor], Tensor], frames: Tensor, at_once: bool) -> Tensor:
    """Applies a function of (B, ...) to every frame of (B, T, ...).

    With ``at_once`` all frames form one batch, for speed in training; otherwise they are processed
    one by one, so that memory does not grow with the video.
    """
    if at_once:
        return function(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
    return torch.stack([function(frame) for frame in frames.unbind(1)], 1)
