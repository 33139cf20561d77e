"""Truncated BPTT whose clips carry the state from one to the next."""

from typing import Optional

import torch
from mmagic.registry import LOOPS
from mmengine.dist import all_gather_object, get_rank

from harness.errors import UserError
from harness.networks.recurrent import State, States

from .loops import ClipTrainLoop
from .plan import ClipPlan
from .sequential_plan import SequentialPlanner


@LOOPS.register_module()
class TBPTTLoop(ClipTrainLoop):
    """The classical truncated BPTT.

    Within an epoch the clips of a window follow each other, and each starts from the detached
    forward state in which the one before ended, computed with the weights of that iteration. There
    is no further pass. Backward states, which would have to come from the future, are the initial
    state; what a network with look-ahead reads beyond a clip is no such state, and it gets that.

    Args: see :class:`ClipTrainLoop`.
    """

    fixed_windows = True
    needs_states = True
    planner_type = SequentialPlanner

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._carried: Optional[State] = None
        self._of_all_ranks: list[Optional[State]] = []

    def states_for(self, batch: list[ClipPlan], data: dict) -> Optional[States]:
        initial = super().states_for(batch, data)
        begins = torch.tensor([clip.index.start == 0 for clip in batch])
        if begins.all():
            return initial
        if self._carried is None:
            raise UserError(
                f'the checkpoint of iteration {self._iter} holds no states of the clips before it: '
                'TBPTTLoop did not save it. Resume another checkpoint, or start a new training '
                'from this one with load_from.'
            )
        initial, forward = initial or States(), {}
        for key, x in self._carried.items():
            first = initial.forward[key].to(x.device) if initial.forward else torch.zeros_like(x)
            mask = begins.to(x.device).view(-1, *[1] * (x.ndim - 1))
            forward[key] = torch.where(mask, first, x)
        return States(forward, initial.backward)

    def after_step(self) -> None:
        self._carried = self.model.states_after.forward

    def synchronize(self) -> None:
        """Brings the states of all ranks to the one that writes the checkpoint."""
        mine = None if self._carried is None else {k: x.cpu() for k, x in self._carried.items()}
        self._of_all_ranks = all_gather_object(mine)

    def state_dict(self) -> dict:
        return dict(super().state_dict(), carried=self._of_all_ranks)

    def load_state_dict(self, state: dict) -> None:
        super().load_state_dict(state)
        carried = state.get('carried', [])
        self._carried = carried[get_rank()] if get_rank() < len(carried) else None
