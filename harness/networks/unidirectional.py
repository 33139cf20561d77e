"""Networks whose recurrence runs forward only; shapes as in ``recurrent.py``."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.utils import parametrize

from harness.networks.boundaries import on_cpu, sent, wanted_at
from harness.networks.look_ahead import State, frames_after, states_after
from harness.networks.recurrent import RecurrentNet, States, Unrolled


class UnidirectionalNet(RecurrentNet):
    """A network whose recurrence runs forward only, written as one step per frame."""

    #: number of frames that a state pass prepares in one batch, so that memory does not grow with T
    chunk = 16

    def prepare(
        self, lrs: Tensor, state: State | None, following: Tensor | None
    ) -> tuple[Tensor, ...]:
        """Computes what needs no memory for all frames at once; each result is (B, T, ...).

        Args:
            lrs: LR clips (B, T, 3, H, W).
            state: The forward state; None when the clip starts from the initial state.
            following: The LR frame after each frame, (B, T, 3, H, W), for networks with
                look-ahead, else None.
        """
        raise NotImplementedError

    def step(
        self, lr: Tensor, prepared: tuple[Tensor, ...], state: State, cond: Tensor | None
    ) -> tuple[Tensor, State]:
        """One frame: LR frame (B, 3, H, W) and state before it -> SR frame and state after it."""
        raise NotImplementedError

    def advance(
        self, lr: Tensor, prepared: tuple[Tensor, ...], state: State, cond: Tensor | None
    ) -> State:
        """The state of :meth:`step`; override it if the state costs less than the SR frame."""
        return self.step(lr, prepared, state, cond)[1]

    @parametrize.cached()
    def unroll(
        self, lrs: Tensor, states: States | None = None, cond: Tensor | None = None
    ) -> Unrolled:
        state, after = states or States()
        following = frames_after(lrs, after, _whole(lrs)) if self.look_ahead else None
        prepared = self.prepare(lrs, state, following)
        if state is None:
            state = self.initial_states(lrs).forward or {}
        frames, further = [], []
        for lr, at, planes in _by_frame(lrs, prepared, cond):
            frame, state = self.step(lr, at, state, planes)
            frames.append(frame)
            further.append(self.further_outputs(state) if self.training else {})
        backward = self.following(lrs[:, :1]) if self.look_ahead else None
        flows = self.learned_flows(prepared)
        outputs = {key: torch.stack([x[key] for x in further], 1) for key in further[0]}
        states = States(state, backward)
        return Unrolled(torch.stack(frames, 1), states, flows, outputs=outputs or None)

    def further_outputs(self, state: State) -> dict[str, Tensor]:
        """Further outputs (B, ...) of a frame (see :class:`Unrolled`), from the state after it."""
        return {}

    def learned_flows(self, prepared: tuple[Tensor, ...]) -> Tensor | None:
        """The flows (B, T-1, 2, H, W) in ``prepared`` that a loss can train, or None."""
        return None

    @torch.no_grad()
    @parametrize.cached()
    def states_at(
        self,
        lrs: Tensor,
        starts: Tensor,
        ends: Tensor,
        cond: Tensor | None = None,
        lengths: Tensor | None = None,
        initial: States | None = None,
    ) -> States:
        (starts,) = on_cpu(starts)
        lengths = _whole(lrs) if lengths is None else sent(lengths, lrs.device)
        initial = initial or States()
        forward = self._forward_states(lrs, starts, cond, lengths, initial)
        if not self.look_ahead:
            return States(forward)
        return States(forward, states_after(lrs, sent(ends, lrs.device), lengths, initial.backward))

    def _forward_states(
        self, lrs: Tensor, starts: Tensor, cond: Tensor | None, lengths: Tensor, initial: States
    ) -> State:
        last = starts.amax(1)
        order = last.argsort(descending=True)  # so that finished videos drop off the batch's end
        starts, last, back = starts[order], last[order], sent(order.argsort(), lrs.device)
        order = sent(order, lrs.device)
        lrs, lengths = lrs[order], lengths[order]
        cond = None if cond is None else cond[order]
        state, after = initial.map(lambda x: x[order])
        carried = state is not None
        if state is None:
            state = self.initial_states(lrs).forward or {}
        wanted, at_zero = wanted_at(starts, lrs.device), sent(starts == 0, lrs.device)
        kept = {
            k: x[:, None] * at_zero.view(*starts.shape, *[1] * (x.ndim - 1))
            for k, x in state.items()
        }
        for begin in range(0, int(last.max()), self.chunk):
            active = int((last > begin).sum())
            stop = min(begin + self.chunk, int(last[0]))
            clip = lrs[:active, begin:stop]
            state = {key: x[:active] for key, x in state.items()}
            following = None
            if self.look_ahead:
                following = frames_after(lrs, after, lengths, begin, stop)[:active]
            prepared = self.prepare(clip, state if carried or begin else None, following)
            clip_cond = None if cond is None else cond[:active, begin:stop]
            for boundary, (lr, at, planes) in enumerate(
                _by_frame(clip, prepared, clip_cond), begin + 1
            ):
                state = self.advance(lr, at, state, planes)
                if boundary in wanted:
                    videos, repeats = wanted[boundary]
                    for key, x in state.items():
                        kept[key][videos, repeats] = x[videos]
        return {key: x[back] for key, x in kept.items()}


def _by_frame(
    lrs: Tensor, prepared: tuple[Tensor, ...], cond: Tensor | None
) -> Iterator[tuple[Tensor, tuple[Tensor, ...], Tensor | None]]:
    """Yields each frame's LR frame, prepared tensors and condition planes."""
    for i in range(lrs.size(1)):
        yield lrs[:, i], tuple(x[:, i] for x in prepared), None if cond is None else cond[:, i]


def _whole(lrs: Tensor) -> Tensor:
    """Lengths (B,) of videos without padding."""
    return torch.full((lrs.size(0),), lrs.size(1), device=lrs.device)
