"""Truncated BPTT that carries the state from each clip to the next."""

from typing import Any

import torch
from mmagic.registry import LOOPS
from mmengine.dist import all_gather_object, get_rank

from harness.errors import UserError
from harness.networks.recurrent import State, States
from harness.training.loops import ClipTrainLoop
from harness.training.plan import ClipPlan
from harness.training.sequential_plan import SequentialPlanner


@LOOPS.register_module()
class TBPTTLoop(ClipTrainLoop):
    """The classical truncated BPTT (Williams and Peng, Neural Computation 1990).

    Within an epoch, the clips of a window follow each other. Each starts from the detached final
    state of the previous clip, computed with the weights of that iteration; there is no extra pass.
    Networks with look-ahead also get the LR frames that follow the clip.

    Only one direction can be carried: the forward state, while the backward branch starts every
    clip from the initial state. With ``both_ends``, networks with a backward branch run every
    second epoch from the last frame backward, carry the backward state there, and start the forward
    branch from the initial state. Each branch thus sees long histories in half of the epochs.

    Args:
        both_ends: See above; no effect without a backward branch.
        args, kwargs: See :class:`ClipTrainLoop`.
    """

    fixed_windows = True
    needs_states = True
    planner_type = SequentialPlanner
    planner: SequentialPlanner

    def __init__(self, *args: Any, both_ends: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.planner.both_ends = both_ends and self.model.generator.bidirectional
        self._carried: State | None = None
        self._of_all_ranks: list[State | None] = []

    @property
    def runs_backward(self) -> bool:
        """Whether the current epoch carries the backward state."""
        return self.planner.runs_backward(self._epoch)

    def states_for(self, batch: list[ClipPlan], data: dict) -> States | None:
        initial = super().states_for(batch, data)
        begins = torch.tensor([self._begins(clip) for clip in batch])
        if begins.all():
            return initial
        if self._carried is None:
            raise UserError(
                f'the checkpoint of iteration {self._iter} does not contain the states of the '
                'clips before it: TBPTTLoop did not save it. Resume another checkpoint, or start a '
                'new training from this one with load_from.'
            )
        initial, carried = initial or States(), {}
        own = initial.backward if self.runs_backward else initial.forward
        begins = begins.to(self.device, non_blocking=True)
        for key, x in self._carried.items():
            first = own[key].to(x.device, non_blocking=True) if own else torch.zeros_like(x)
            mask = begins.view(-1, *[1] * (x.ndim - 1))
            carried[key] = torch.where(mask, first, x)
        if self.runs_backward:
            return States(initial.forward, carried)
        return States(carried, initial.backward)

    def _begins(self, clip: ClipPlan) -> bool:
        """Whether a clip is the first one of its window."""
        if self.runs_backward:
            return clip.index.start + clip.index.length == self.plan.entries[clip.entry].length
        return clip.index.start == 0

    def after_step(self, batch: list[ClipPlan]) -> None:
        after = self.model.states_after
        self._carried = after.backward if self.runs_backward else after.forward

    def synchronize(self) -> None:
        """Collects the states of all ranks on the rank that writes the checkpoint."""
        mine = None if self._carried is None else {k: x.cpu() for k, x in self._carried.items()}
        self._of_all_ranks = all_gather_object(mine)

    def state_dict(self) -> dict:
        return dict(super().state_dict(), carried=self._of_all_ranks)

    def load_state_dict(self, state: dict) -> None:
        super().load_state_dict(state)
        carried = state.get('carried', [])
        self._carried = carried[get_rank()] if get_rank() < len(carried) else None
