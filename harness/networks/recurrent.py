"""The interface of all networks: memory is an explicit input and output.

Shapes: B batch, T frames of the input, R boundaries per video, C channels, H x W LR size.

A *state* is a dict of tensors, batch first. The forward state at boundary t is what the forward
recurrence carries from frame t-1 into frame t, the backward state at boundary t what the backward
recurrence carries from frame t into frame t-1. Both include the neighbouring LR frame (``lr``) if
the network computes optical flow. The initial state is zero in every entry. A network must treat it
exactly like "no state", so that clips at the start of a video can share a batch with others.

A network with *look-ahead* reads the LR frame after the current one. Its backward state holds the
LR frame that follows the clip and nothing else (see ``look_ahead.py``). At the end of a video the
last frame is repeated. Such a network streams with a delay of one frame: once frame t+1 has
arrived, frame t passes through the network with the backward state ``net.following(frame t+1)``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import torch
from mmengine.model import BaseModule
from torch import Tensor

from harness.networks.look_ahead import State, beside

Entry = TypeVar('Entry')
StateShapes = dict[str, tuple[int, ...]]
#: State entries that are not memory: the neighbouring LR frames, whether they exist, and the
#: position of the next frame in a periodic schedule, such as IconVSR's keyframes
OBSERVED = ('lr', 'lrs', 'known', 'phase')


def memory_of(state: Mapping[str, Entry] | None) -> dict[str, Entry]:
    """The entries of a state (or of its shapes) that the recurrence has computed."""
    return {key: x for key, x in (state or {}).items() if key not in OBSERVED}


class States(NamedTuple):
    """The states at the two ends of a clip.

    ``forward`` is the state at the boundary before the clip's first frame, ``backward`` the one at
    the boundary after its last frame. ``None`` is the initial state; unidirectional networks
    without look-ahead have no backward state.
    """

    forward: State | None = None
    backward: State | None = None

    def map(self, function: Callable[[Tensor], Tensor]) -> 'States':
        """Applies ``function`` to every tensor."""
        return States(
            *(d if d is None else {key: function(x) for key, x in d.items()} for d in self)
        )


class Unrolled(NamedTuple):
    """The result of one pass over a clip.

    Attributes:
        frames: SR frames (B, T, 3, 4H, 4W).
        states: States for the neighbouring clips: the forward state after the last frame and the
            backward state before the first one.
        flows: LR optical flow (B, T-1, 2, H, W) from each frame to the one before it, in pixels;
            None unless the network learns it.
        losses: Further losses of the network, already weighted, under names that begin with
            ``loss_``; only in training.
        outputs: Further outputs (B, T, ...), whose ground truth
            :meth:`RecurrentNet.further_targets` computes; only in training.
    """

    frames: Tensor
    states: States
    flows: Tensor | None = None
    losses: dict[str, Tensor] | None = None
    outputs: dict[str, Tensor] | None = None


class Sweep(NamedTuple):
    """One pass over a video in one direction; a bidirectional network is a chain of sweeps.

    A video of any length passes through a sweep clip by clip, from the last clip to the first if
    ``backward``. ``run(lrs, stored, state, cond)`` takes

    - the clip ``lrs`` (B, T, 3, H, W) and its ``cond`` planes as in :meth:`RecurrentNet.unroll`,
    - ``stored``: the output of each earlier sweep of the chain for these T frames,
    - ``state``: the state returned for the previous clip, None for the first clip,

    and returns one tensor (B, ...) for each frame, in the video's order, and the state after the
    clip. The last sweep of a chain runs forward and returns SR frames (B, 3, 4H, 4W).
    """

    backward: bool
    run: Callable[
        [Tensor, Sequence[Sequence[Tensor]], State | None, Tensor | None],
        tuple[Sequence[Tensor], State],
    ]


class RecurrentNet(BaseModule):
    """Interface of a recurrent network for x4 VSR."""

    #: whether there is a backward recurrence, which needs the whole video
    bidirectional = False
    #: number of LR frames after the current one that the network reads; they are its backward state
    look_ahead = 0
    #: whether a clip can start from a state in the middle of a video. False: the network has no
    #: memory (image networks) or does not expose it (whole-video networks) and can be trained with
    #: RI only
    has_states = True

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        """Shapes (without batch) of the forward and the backward state for H x W LR frames."""
        raise NotImplementedError

    def unroll(
        self, lrs: Tensor, states: States | None = None, cond: Tensor | None = None
    ) -> Unrolled:
        """Super-resolves the clip ``lrs`` (B, T, 3, H, W) in [0, 1], starting from ``states``.

        ``cond`` (B, T, C, 1, 1) are additional constant planes for each LR frame, for networks
        built with ``cond_channels=C``; or (B, T, 2C, 1, 1), first the planes of the forward and
        then those of the backward recurrence (see :func:`branch_cond`).
        """
        raise NotImplementedError

    def sweeps(self) -> list[Sweep]:
        """A bidirectional network as a chain of passes, so that long videos need not fit in memory.

        The chain computes the same frames as :meth:`unroll` on the whole video. An empty list means
        that inference needs the whole video at once. Unidirectional networks need no chain.
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
            lrs: Videos (B, T, 3, H, W).
            starts: (B, R) boundaries 0..T whose forward states are wanted. Like ``ends`` and
                ``lengths`` they should be on the CPU: reading them from a GPU waits for it.
            ends: (B, R) boundaries 0..T whose backward states are wanted; ignored by networks
                without a backward state.
            cond: As in :meth:`unroll`.
            lengths: (B,) number of frames of each video; later frames in ``lrs`` are padding and
                have no influence. None: all videos have T frames.
            initial: States at the two ends of the videos; None is the initial state.

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
        """SR frames (B, T, 3, 4H, 4W), like MMagic's networks; with ``return_states`` also states.

        Only frame-conditioned networks use ``start``, the number of the clip's first frame in its
        video, and ``length``, the number of frames of the whole video (None: unknown).
        """
        unrolled = self.unroll(lrs, states, self.condition(lrs, start, length))
        return (unrolled.frames, unrolled.states) if return_states else unrolled.frames

    def condition(
        self, lrs: Tensor, start: int | Tensor, length: int | Tensor | None = None
    ) -> Tensor | None:
        """The ``cond`` planes of a clip that starts at frame ``start``; None if unconditioned."""
        return None

    def further_targets(self, gts: Tensor) -> dict[str, Tensor]:
        """The ground truth of the further outputs (see :class:`Unrolled`), under the same names.

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

        Only for networks with look-ahead. n is at most ``look_ahead``; if it is smaller, the video
        ends after these frames.
        """
        return beside(lrs[:, 0]) if lrs.size(1) else None

    def random_states(self, lrs: Tensor, std: float, rng: torch.Generator) -> States:
        """Normally distributed states for the ends of the videos ``lrs`` (B, T, 3, H, W).

        The neighbouring LR frame is the video's own first (last) frame, which means no motion. The
        frames that a network with look-ahead reads stay zero, since they are not memory.

        Args:
            lrs: Videos, all of T frames.
            std: Standard deviation of every recurrent entry.
            rng: A generator on the CPU.
        """
        forward, backward = self.initial_states(lrs)
        _randomize(forward, lrs[:, 0], std, rng)
        if self.bidirectional:
            _randomize(backward, lrs[:, -1], std, rng)
        return States(forward, backward)


def branch_cond(cond: Tensor | None, channels: int, backward: bool) -> Tensor | None:
    """The planes (B, T, channels, 1, 1) of one direction; both may share one set of planes."""
    if cond is None:
        return None
    return cond[:, :, -channels:] if backward else cond[:, :, :channels]


def _randomize(state: State | None, neighbour: Tensor, std: float, rng: torch.Generator) -> None:
    for key, x in (state or {}).items():
        if key == 'lr':
            x.copy_(neighbour)
        elif key == 'lrs':
            x.copy_(neighbour[:, None])
        elif key == 'known':
            x.fill_(1)
        elif key != 'phase':
            x.copy_(std * torch.randn(x.shape, generator=rng))
