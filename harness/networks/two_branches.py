"""Bidirectional networks with two independent branches, one forward and one backward."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.utils import parametrize

from harness.networks.boundaries import on_cpu, sent, wanted_at
from harness.networks.recurrent import RecurrentNet, State, States


class TwoBranchNet(RecurrentNet):
    """A network whose branches read LR frames only, not each other.

    Subclasses implement :meth:`walk`.
    """

    bidirectional = True

    def walk(
        self, lrs: Tensor, state: State | None, cond: Tensor | None, backward: bool
    ) -> Iterator[tuple[int, State]]:
        """Yields each frame's number and the branch's state after it, in the branch's own order.

        ``state`` is the state at the end of the clip ``lrs`` (B, T, 3, H, W) at which the branch
        starts; None is the initial state.
        """
        raise NotImplementedError

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
        forward, backward = initial or States()
        starts, ends, lengths = on_cpu(starts, ends, lengths)
        kept = self._branch_states(lrs, starts, cond, forward, backward=False)
        if lengths is not None:
            ends = ends + (lrs.size(1) - lengths)[:, None]
            lengths = sent(lengths, lrs.device)
            lrs, cond = (
                align_ends(lrs, lengths),
                None if cond is None else align_ends(cond, lengths),
            )
        return States(kept, self._branch_states(lrs, ends, cond, backward, backward=True))

    def _branch_states(
        self,
        lrs: Tensor,
        boundaries: Tensor,
        cond: Tensor | None,
        state: State | None,
        backward: bool,
    ) -> State:
        """States (B, R, ...) of one branch at ``boundaries``; it stops at the last of them."""
        frames = lrs.size(1)
        low, high = (int(boundaries.min()), frames) if backward else (0, int(boundaries.max()))
        outer = state if state is not None else self.initial_states(lrs).forward or {}
        wanted = wanted_at(boundaries, lrs.device)
        outermost = sent(boundaries == (frames if backward else 0), lrs.device)
        kept = {
            key: x[:, None] * outermost.view(*outermost.shape, *[1] * (x.ndim - 1))
            for key, x in outer.items()
        }
        if low == high:
            return kept
        clip_cond = None if cond is None else cond[:, low:high]
        for i, after in self.walk(lrs[:, low:high], state, clip_cond, backward):
            boundary = low + i if backward else low + i + 1
            if boundary in wanted:
                videos, repeats = wanted[boundary]
                for key, x in after.items():
                    kept[key][videos, repeats] = x[videos]
        return kept


def align_ends(videos: Tensor, lengths: Tensor) -> Tensor:
    """Moves the padding of (B, T, ...) videos from their ends to their beginnings."""
    shift = videos.size(1) - lengths[:, None]
    frames = (torch.arange(videos.size(1), device=videos.device) - shift).clamp(min=0)
    return videos[torch.arange(len(videos), device=videos.device)[:, None], frames]
