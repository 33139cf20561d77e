"""Clips start from a pool of states that other clips left, as in neural cellular automata."""

import operator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from mmagic.registry import LOOPS
from mmengine.dist import all_gather_object, get_rank

from harness.data import ClipIndex
from harness.networks.recurrent import States, StateShapes
from harness.training.loops import ClipTrainLoop
from harness.training.plan import ClipPlan, EpochPlan, Planner, named_rng
from harness.training.state_bank import BankOptions, StateBank, check_fits, state_bytes


class GridPlanner(Planner):
    """Plans epochs of all clips of all windows, shuffled.

    Windows are drawn once for the whole training. A video is cut into clips from frame 0 on. Frames
    after the last complete clip are not used, nor are clips of an epoch that do not fill a batch (a
    different part in each epoch).

    Args:
        args, kwargs: See :class:`Planner`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = self.all_entries[self.rank :: self.world_size][: self.num_entries]
        rng = named_rng(self.seed, 'windows', self.rank)
        self.entries = [self._draw_entry(rng, int(video)) for video in mine]
        # all ranks have the same number of batches
        shares = [self.all_entries[r :: self.world_size] for r in range(self.world_size)]
        clips = [sum(map(self._clips_of, share[: self.num_entries])) for share in shares]
        self._iterations = max(min(clips) // self.batch_size, 1)

    def _clips_of(self, video: int) -> int:
        return self.videos.lengths[video] // self.clip_length

    def first_iteration(self, epoch: int) -> int:
        return epoch * self._iterations

    def epoch_of(self, iteration: int) -> int:
        return iteration // self._iterations

    def plan(self, epoch: int) -> EpochPlan:
        clips = [
            ClipPlan(entry, number, self._clip(entry, number))
            for entry, window in enumerate(self.entries)
            for number in range(self._clips_of(window.video))
        ]
        order = named_rng(self.seed, 'clips', epoch, self.rank).permutation(len(clips))
        size = self.batch_size
        # np.resize repeats clips if a training set has fewer than a batch needs
        order = np.resize(order, self._iterations * size).reshape(-1, size)
        return EpochPlan(self.entries, [[clips[i] for i in row] for row in order])

    def _clip(self, entry: int, number: int) -> ClipIndex:
        start = number * self.clip_length
        return self.entries[entry]._replace(start=start, length=self.clip_length, with_gt=True)


@LOOPS.register_module()
class PoolLoop(ClipTrainLoop):
    """Clips start from states that other clips have left in a pool.

    The final state of a clip is stored by window and boundary, as computed with the weights of that
    iteration. A clip that later starts at this boundary takes it from there, or starts from the
    initial state if nothing is stored yet. Clips come in random order, and there is no state pass.
    Backward branches work likewise in the other direction. After the sample pools of neural
    cellular automata (Mordvintsev et al., Distill 2020).

    Args:
        bank: Where the pool is stored, see :class:`BankOptions`; checkpoints contain all of it.
        args, kwargs: See :class:`ClipTrainLoop`.

    Raises:
        UserError: The pool does not fit in its place (when training begins).
    """

    fixed_windows = True
    needs_states = True
    planner_type = GridPlanner
    planner: GridPlanner

    def __init__(self, *args: Any, bank: dict | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.bank_options = BankOptions(**(bank or {})).check()
        self._of_all_ranks: list[States] = []

    @cached_property
    def pool(self) -> StateBank:
        """The states that clips have left; zeros (the initial state) where there are none yet."""
        folder = Path(self.bank_options.folder or self.runner.work_dir)
        check_fits(self.bank_bytes(), self.bank_options, self.device, folder)
        return StateBank(
            self._slots(), self._shapes(), self.device, self.bank_options, folder
        ).clear()

    def bank_bytes(self) -> int:
        """The size of this rank's pool in bytes."""
        return sum(self._slots()) * state_bytes(self._shapes(), self.bank_options.torch_dtype)

    def _slots(self) -> list[int]:
        return [entry.length // self.planner.clip_length + 1 for entry in self.planner.entries]

    def _shapes(self) -> tuple[StateShapes, StateShapes]:
        return self.model.generator.state_shapes(*[self.planner.crop_size] * 2)

    def states_for(self, batch: list[ClipPlan], data: dict) -> States | None:
        initial = super().states_for(batch, data) or States()
        forward, _ = self.pool.take([c.entry for c in batch], [c.repeat for c in batch])
        if not self.model.generator.bidirectional:
            return States(forward, initial.backward)
        _, backward = self.pool.take([c.entry for c in batch], [c.repeat + 1 for c in batch])
        return States(forward, backward)

    def after_step(self, batch: list[ClipPlan]) -> None:
        after = self.model.states_after
        for number, clip in enumerate(batch):
            own = after.map(operator.itemgetter(number))
            self.pool.put_one(clip.entry, clip.repeat + 1, States(own.forward))
            if self.model.generator.bidirectional:
                self.pool.put_one(clip.entry, clip.repeat, States(None, own.backward))

    def synchronize(self) -> None:
        """Collects the pools of all ranks on the rank that writes the checkpoint."""
        self._of_all_ranks = all_gather_object(tuple(self.pool.content()))

    def state_dict(self) -> dict:
        return dict(super().state_dict(), pool=self._of_all_ranks)

    def load_state_dict(self, state: dict) -> None:
        super().load_state_dict(state)
        pools = state.get('pool', [])
        if get_rank() < len(pools):
            self.pool.fill(States(*pools[get_rank()]))
