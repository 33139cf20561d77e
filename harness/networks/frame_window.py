"""Networks without recurrence that read a window of frames around each frame."""

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.networks.boundaries import sent
from harness.networks.recurrent import RecurrentNet, State, States, StateShapes, Unrolled
from harness.networks.stateless import map_frames
from harness.networks.surrounded import Surrounded, surround


class FrameWindowNet(RecurrentNet):
    """Super-resolves each frame from the frames t - radius, .., t + radius.

    The states hold the frames beyond the ends of a clip: ``lrs`` (radius, 3, H, W) are the
    ``radius`` LR frames before the boundary (forward state) or after it (backward state), in
    temporal order; ``known`` (radius,) is 1 for frames that exist and 0 beyond the video, so that
    the initial state is all zeros. The nearest existing frame replaces a missing one.
    """

    #: number of frames on each side of the current one
    radius = 1

    @property
    def look_ahead(self) -> int:  # type: ignore[override]
        return self.radius

    def super_resolve_centre(self, windows: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """SR frames (N, 3, 4H, 4W) for the middle of windows (N, 2 * radius + 1, 3, H, W).

        Also returns the network's further losses (see :class:`Unrolled`), used in training only.
        """
        raise NotImplementedError

    def state_shapes(self, height: int, width: int) -> tuple[StateShapes, StateShapes]:
        shapes = {'lrs': (self.radius, 3, height, width), 'known': (self.radius,)}
        return shapes, dict(shapes)

    def random_states(self, lrs: Tensor, std: float, rng: torch.Generator) -> States:
        """The initial states, as there is no memory to randomise."""
        return self.initial_states(lrs)

    def following(self, lrs: Tensor) -> State:
        """Backward state of a clip that the frames ``lrs`` (B, n, 3, H, W) follow, n <= radius.

        If n is smaller than ``radius``, the video ends after these frames.
        """
        missing = (0, 0) * 3 + (0, self.radius - lrs.size(1))
        known = lrs.new_ones(lrs.shape[:2])
        return {'lrs': F.pad(lrs, missing), 'known': F.pad(known, missing[-2:])}

    def unroll(
        self, lrs: Tensor, states: States | None = None, cond: Tensor | None = None
    ) -> Unrolled:
        around, radius = surround(lrs, states, self.radius), self.radius
        windows = _fill(around).unfold(1, 2 * radius + 1, 1).movedim(-1, 2)
        losses: dict[str, Tensor] = {}

        def centre(batch: Tensor) -> Tensor:
            srs, further = self.super_resolve_centre(batch)
            losses.update(further)
            return srs

        srs = map_frames(centre, windows, at_once=self.training)
        start = torch.zeros(len(lrs), 1, dtype=torch.long, device=lrs.device)
        after = States(around.before(start + lrs.size(1)), around.after(start))
        after = after.map(lambda x: x[:, 0])
        return Unrolled(srs, after, losses=losses if self.training else None)

    @torch.no_grad()
    def states_at(
        self,
        lrs: Tensor,
        starts: Tensor,
        ends: Tensor,
        cond: Tensor | None = None,
        lengths: Tensor | None = None,
        initial: States | None = None,
    ) -> States:
        around = surround(lrs, initial, self.radius, lengths)
        return States(around.before(sent(starts, lrs.device)), around.after(sent(ends, lrs.device)))


def _fill(around: Surrounded) -> Tensor:
    """Replaces each unknown frame beyond the ends by the nearest known one."""
    frames, known = around.frames, around.known
    count = frames.size(1)
    numbers = torch.arange(count, device=frames.device).expand(len(frames), -1)
    first = torch.where(known > 0, numbers, count).amin(1, keepdim=True)
    last = torch.where(known > 0, numbers, -1).amax(1, keepdim=True)
    nearest = numbers.clamp(first, last)
    return frames[torch.arange(len(frames), device=frames.device)[:, None], nearest]
