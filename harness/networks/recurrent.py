"""What every recurrent network here has in common: memory as an explicit input and output.

Shape legend: B batch, T frames of the input, R boundaries a video, C channels, H x W LR size.

A *state* is a dict of tensors, batch first. The forward state at boundary t is what the forward
recurrence carries from frame t-1 into frame t, the backward state at boundary t what the backward
recurrence carries from frame t into frame t-1. Both include the neighbouring LR frame where the
network computes optical flow (``lr``). The initial state is all zeros in every entry: a network
must treat it exactly as "no state", so that samples that start a video share a batch with others.

A network with *look-ahead* reads the LR frame after the current one. Its backward state holds the
LR frame that follows the clip and nothing else (see ``look_ahead.py``), so that clips see across
their end like any other network's. Where no frame follows, the last one is repeated. Such a network
streams with one frame of delay: when frame t+1 has come, frame t goes through the network with the
backward state ``net.following(frames t+1, ...)``.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from mmengine.model import BaseModule
from torch import Tensor

from harness.networks.look_ahead import State, beside

StateShapes = dict[str, tuple[int, ...]]
#: entries of a state that are no memory: the neighbouring LR frames, whether they exist, and where
#: in a rhythm of the network's the next frame falls
OBSERVED = ('lr', 'lrs', 'known', 'phase')


def memory_of(state: State | None) -> State:
    """The entries of a state that the recurrence has computed."""
    return {key: x for key, x in (state or {}).items() if key not in OBSERVED}


class States(NamedTuple):
    """The states at the two ends of a clip.

    ``forward`` belongs to the boundary before the clip's first frame, ``backward`` to the one
    after its last frame. ``None`` is the initial state; unidirectional networks have no backward
    state.
    """

    forward: State | None = None
    backward: State | None = None

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
    loss, already weighted, under names that begin with ``loss_``; ``outputs`` are further outputs
    (B, T, ...) that :meth:`RecurrentNet.further_targets` has the ground truth of. Networks in
    evaluation give neither.
    """

    frames: Tensor
    states: States
    flows: Tensor | None = None
    losses: dict[str, Tensor] | None = None
    outputs: dict[str, Tensor] | None = None


class Sweep(NamedTuple):
    """One pass over a video in one direction; bidirectional networks are a chain of them.

    A video of any length passes through it clip by clip, if ``backward`` from the last clip to the
    first. ``run(lrs, stored, state, cond)`` takes

    - the clip ``lrs`` (B, T, 3, H, W) and its ``cond`` planes as in :meth:`RecurrentNet.unroll`,
    - ``stored``: from each earlier sweep of the chain what it gave for these T frames,
    - ``state``: what it returned for the clip before, None for the first one,

    and returns one tensor (B, ...) for each frame, in the video's order, and the state after the
    clip. The last sweep of a chain runs forwards and gives SR frames (B, 3, 4H, 4W).
    """

    backward: bool
    run: Callable[
        [Tensor, Sequence[Sequence[Tensor]], State | None, Tensor | None],
        tuple[Sequence[Tensor], State],
    ]


class RecurrentNet(BaseModule):
    """Interface of a recurrent network for x4 VSR."""

    #: whether a backward recurrence needs the whole video
    bidirectional = False
    #: LR frames after the current one that the network reads (0 or 1); they are its backward state
    look_ahead = 0
    #: whether clips can start from the state in the middle of a video. False: there is no memory
    #: (image networks) or it cannot be taken out (whole-video networks); such a network can be
    #: trained with RI only
    has_states = True

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        """Shapes (without batch) of the forward and the backward state for H x W LR frames."""
        raise NotImplementedError

    def unroll(
        self, lrs: Tensor, states: States | None = None, cond: Tensor | None = None
    ) -> Unrolled:
        """Super-resolves the clip ``lrs`` (B, T, 3, H, W) in [0, 1], starting from ``states``.

        ``cond`` (B, T, C, 1, 1) are further constant planes for each LR frame, for networks that
        were built with ``cond_channels=C``; or (B, T, 2C, 1, 1), those of the forward and those of
        the backward recurrence (see :func:`branch_cond`).
        """
        raise NotImplementedError

    def sweeps(self) -> list[Sweep]:
        """A bidirectional network as a chain of passes, so that long videos need not fit in memory.

        The chain gives the frames of :meth:`unroll` on the whole video. Empty: inference needs the
        whole video at once. Unidirectional networks need no chain.
        """
        return []

    def states_at(
        self,
        lrs: Tensor,
        starts: Tensor,
        ends: Tensor,
        cond: Tensor | None = None,
        lengths: Tensor | None = None,
        initial: States | None = None,
    ) -> States:
        """States at chosen boundaries of whole videos, without gradient.

        Args:
            lrs: videos (B, T, 3, H, W).
            starts: (B, R) boundaries 0..T whose forward states are wanted, on the CPU as ``ends``
                and ``lengths``: to read them from a device is to wait for it.
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
        states: States | None = None,
        start: int | Tensor = 0,
        return_states: bool = False,
        length: int | Tensor | None = None,
    ) -> Tensor | tuple[Tensor, States]:
        """SR frames (B, T, 3, 4H, 4W), as MMagic's networks give them; on request also states.

        ``start``, the number of the clip's first frame in its video, and ``length``, the number of
        frames of the whole video (None: unknown), matter to frame-conditioned networks only.
        """
        unrolled = self.unroll(lrs, states, self.condition(lrs, start, length))
        return (unrolled.frames, unrolled.states) if return_states else unrolled.frames

    def condition(
        self, lrs: Tensor, start: int | Tensor, length: int | Tensor | None = None
    ) -> Tensor | None:
        """The ``cond`` planes of a clip that starts at frame ``start``; None if unconditioned."""
        return None

    def further_targets(self, gts: Tensor) -> dict[str, Tensor]:
        """What the further outputs should be (see :class:`Unrolled`), by the names of those.

        Args:
            gts: HR clips (B, T, 3, 4H, 4W) in [0, 1].
        """
        return {}

    def initial_states(self, lrs: Tensor) -> States:
        """All-zero states that fit the clip ``lrs`` (B, T, 3, H, W)."""
        directions = self.state_shapes(*lrs.shape[-2:])
        zeros = [
            {key: lrs.new_zeros(lrs.size(0), *shape) for key, shape in shapes.items()} or None
            for shapes in directions
        ]
        return States(*zeros)

    def following(self, lrs: Tensor) -> State | None:
        """Backward state of a clip that the LR frames ``lrs`` (B, n, 3, H, W) follow.

        For networks with look-ahead only. ``n`` is at most ``look_ahead``; fewer mean that the
        video ends after them.
        """
        return beside(lrs[:, 0]) if lrs.size(1) else None

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


def branch_cond(cond: Tensor | None, channels: int, backward: bool) -> Tensor | None:
    """The planes (B, T, channels, 1, 1) of one direction; ``cond`` may be the same for both."""
    if cond is None:
        return None
    return cond[:, :, -channels:] if backward else cond[:, :, :channels]


def _randomize(state: State | None, neighbour: Tensor, std: float, rng: torch.Generator):
    for key, x in (state or {}).items():
        if key == 'lr':
            x.copy_(neighbour)
        elif key == 'lrs':
            x.copy_(neighbour[:, None])
        elif key == 'known':
            x.fill_(1)
        elif key != 'phase':
            x.copy_(std * torch.randn(x.shape, generator=rng))
