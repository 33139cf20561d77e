"""What every recurrent network here has in common: memory as an explicit input and output.

Shape legend: B batch, T frames of the input, R boundaries a video, C channels, H x W LR size.

A *state* is a dict of tensors, batch first. The forward state at boundary t is what the forward
recurrence carries from frame t-1 into frame t, the backward state at boundary t what the backward
recurrence carries from frame t into frame t-1. Both include the neighbouring LR frame where the
network computes optical flow (``lr``). The initial state is all zeros in every entry: a network
must treat it exactly as "no state", so that samples that start a video share a batch with others.

A network with *look-ahead* reads LR frames after the current one. Its backward state holds the LR
frames after the clip and nothing else, so that clips see across their end like any other network.
"""

from typing import NamedTuple, Optional, Union

import torch
from mmengine.model import BaseModule
from torch import Tensor

State = dict[str, Tensor]
StateShapes = dict[str, tuple[int, ...]]


class States(NamedTuple):
    """The states at the two ends of a clip.

    ``forward`` belongs to the boundary before the clip's first frame, ``backward`` to the one
    after its last frame. ``None`` is the initial state; unidirectional networks have no backward
    state.
    """

    forward: Optional[State] = None
    backward: Optional[State] = None

    def map(self, function) -> 'States':
        """Applies ``function`` to every tensor."""
        return States(
            *(d if d is None else {key: function(x) for key, x in d.items()} for d in self)
        )


class Unrolled(NamedTuple):
    """What one pass over a clip gives.

    ``frames`` (B, T, 3, 4H, 4W); ``states`` are the states for the neighbouring clips: the forward
    state after the last frame and the backward state before the first one; ``flows``
    (B, T-1, 2, H, W) is the LR optical flow from each frame to the one before it, in pixels, where
    the network learns it, else None; ``losses`` are further losses of the network beside the pixel
    loss, already weighted, under names that begin with ``loss_``.
    """

    frames: Tensor
    states: States
    flows: Optional[Tensor] = None
    losses: Optional[dict[str, Tensor]] = None


class RecurrentNet(BaseModule):
    """Interface of a recurrent network for x4 VSR."""

    #: whether a backward recurrence needs the whole video
    bidirectional = False
    #: LR frames after the current one that the network reads; they are its backward state
    look_ahead = 0

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        """Shapes (without batch) of the forward and the backward state for H x W LR frames."""
        raise NotImplementedError

    def unroll(
        self, lrs: Tensor, states: Optional[States] = None, cond: Optional[Tensor] = None
    ) -> Unrolled:
        """Super-resolves the clip ``lrs`` (B, T, 3, H, W) in [0, 1], starting from ``states``.

        ``cond`` (B, T, C, 1, 1) are further constant planes for each LR frame, for networks that
        were built with ``cond_channels=C``.
        """
        raise NotImplementedError

    def states_at(
        self,
        lrs: Tensor,
        starts: Tensor,
        ends: Tensor,
        cond: Optional[Tensor] = None,
        lengths: Optional[Tensor] = None,
        initial: Optional[States] = None,
    ) -> States:
        """States at chosen boundaries of whole videos, without gradient.

        Args:
            lrs: videos (B, T, 3, H, W).
            starts: (B, R) boundaries 0..T whose forward states are wanted.
            ends: (B, R) boundaries 0..T whose backward states are wanted; unused by networks
                without backward state.
            cond: as in :meth:`unroll`.
            lengths: (B,) frames of each video where they differ; what follows in ``lrs`` is
                padding and has no influence. None: all videos have T frames.
            initial: states at the two ends of the videos; None is the initial state.

        Returns:
            States whose tensors begin with (B, R).
        """
        raise NotImplementedError

    def forward(
        self,
        lrs: Tensor,
        states: Optional[States] = None,
        start: Union[int, Tensor] = 0,
        return_states: bool = False,
    ) -> Union[Tensor, tuple[Tensor, States]]:
        """SR frames (B, T, 3, 4H, 4W), as MMagic's networks give them; on request also states.

        ``start``, the number of the clip's first frame in its video, matters to frame-conditioned
        networks only.
        """
        unrolled = self.unroll(lrs, states, self.condition(lrs, start))
        return (unrolled.frames, unrolled.states) if return_states else unrolled.frames

    def condition(self, lrs: Tensor, start: Union[int, Tensor]) -> Optional[Tensor]:
        """The ``cond`` planes of a clip that starts at frame ``start``; None if unconditioned."""
        return None

    def initial_states(self, lrs: Tensor) -> States:
        """All-zero states that fit the clip ``lrs`` (B, T, 3, H, W)."""
        directions = self.state_shapes(*lrs.shape[-2:])
        zeros = [
            {key: lrs.new_zeros(lrs.size(0), *shape) for key, shape in shapes.items()} or None
            for shapes in directions
        ]
        return States(*zeros)

    def random_states(self, lrs: Tensor, std: float, rng: torch.Generator) -> States:
        """Normally distributed states for the ends of the videos ``lrs`` (B, T, 3, H, W).

        The neighbouring LR frame is the video's own first (last) one: no motion. What a network
        with look-ahead reads stays all zeros, since it is no memory.

        Args:
            lrs: videos, all of T frames.
            std: standard deviation of every recurrent entry.
            rng: a generator on the CPU.
        """
        forward, backward = self.initial_states(lrs)
        _randomize(forward, lrs[:, 0], std, rng)
        if self.bidirectional:
            _randomize(backward, lrs[:, -1], std, rng)
        return States(forward, backward)


def _randomize(state, neighbour, std, rng):
    for key, x in (state or {}).items():
        if key == 'lr':
            x.copy_(neighbour)
        else:
            x.copy_(std * torch.randn(x.shape, generator=rng))


class UnidirectionalNet(RecurrentNet):
    """A network that needs past frames only and is written as one step per frame."""

    #: frames whose flow is computed in one batch, so that memory does not grow with the video
    chunk = 16

    def prepare(self, lrs: Tensor, previous_lr: Optional[Tensor]) -> tuple[Tensor, ...]:
        """What can be computed for all frames at once; each result is (B, T, ...).

        ``previous_lr`` (B, 3, H, W) is None when the clip starts from the initial state.
        """
        raise NotImplementedError

    def step(
        self, lr: Tensor, prepared: tuple[Tensor, ...], state: State, cond: Optional[Tensor]
    ) -> tuple[Tensor, State]:
        """One frame: LR (B, 3, H, W) and the state before it -> SR and the state after it."""
        raise NotImplementedError

    def _steps(self, lrs, state, cond, prepared):
        for i in range(lrs.size(1)):
            at_i = tuple(x[:, i] for x in prepared)
            frame, state = self.step(lrs[:, i], at_i, state, None if cond is None else cond[:, i])
            yield frame, state

    def unroll(self, lrs, states=None, cond=None):
        state = None if states is None else states.forward
        prepared = self.prepare(lrs, None if state is None else state['lr'])
        if state is None:
            state = self.initial_states(lrs).forward
        frames = []
        for frame, after in self._steps(lrs, state, cond, prepared):  # noqa: B007
            frames.append(frame)
        return Unrolled(torch.stack(frames, 1), States(after), self.learned_flows(prepared))

    def learned_flows(self, prepared: tuple[Tensor, ...]) -> Optional[Tensor]:
        """The flows (B, T-1, 2, H, W) among ``prepared`` that a loss can train, or None."""
        return None

    @torch.no_grad()
    def states_at(self, lrs, starts, ends, cond=None, lengths=None, initial=None):
        last = starts.amax(1)
        order = last.argsort(descending=True)  # videos that need no more frames drop off the end
        lrs, starts, last = lrs[order], starts[order], last[order]
        cond = None if cond is None else cond[order]
        state = self.initial_states(lrs).forward
        if initial is not None:
            state = {key: x[order] for key, x in initial.forward.items()}
        at_zero = starts == 0
        kept = {
            k: x[:, None] * at_zero.view(*starts.shape, *[1] * (x.ndim - 1))
            for k, x in state.items()
        }
        for begin in range(0, int(last.max()), self.chunk):
            active = int((last > begin).sum())
            stop = min(begin + self.chunk, int(last[0]))
            clip = lrs[:active, begin:stop]
            state = {key: x[:active] for key, x in state.items()}
            carried = begin > 0 or initial is not None
            prepared = self.prepare(clip, state['lr'] if carried else None)
            clip_cond = None if cond is None else cond[:active, begin:stop]
            steps = self._steps(clip, state, clip_cond, prepared)
            for boundary, (_, state) in enumerate(steps, begin + 1):
                videos, repeats = torch.nonzero(starts[:active] == boundary, as_tuple=True)
                for key, x in state.items():
                    kept[key][videos, repeats] = x[videos]
        return States({key: x[order.argsort()] for key, x in kept.items()})
