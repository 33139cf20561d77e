"""Plans epochs of TBPTT: the clips of each window in sequence."""

import heapq
from typing import Any

from harness.data import ClipIndex
from harness.training.plan import ClipPlan, EpochPlan, Planner, named_rng


class SequentialPlanner(Planner):
    """Plans epochs in which the clips of a window follow each other, starting at frame 0.

    A batch has ``batch_size`` slots. The entries of an epoch are distributed over the slots of all
    ranks, each to the slot with the fewest clips so far. Slot i of consecutive batches goes through
    its entries clip by clip. Frames after the last complete clip of a video are not used. The epoch
    ends when the first slot is finished; what remains in the others is not used either (a different
    part in each epoch).

    Args:
        args, kwargs: See :class:`Planner`.

    Attributes:
        both_ends: Whether clips follow each other backward from the last frame in every second
            epoch.
    """

    both_ends = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._first_iterations = [0]

    def first_iteration(self, epoch: int) -> int:
        while len(self._first_iterations) <= epoch:
            slots = self._deal(len(self._first_iterations) - 1)
            shortest = min(sum(map(self._clips_of, slot)) for slot in slots)
            self._first_iterations.append(self._first_iterations[-1] + shortest)
        return self._first_iterations[epoch]

    def epoch_of(self, iteration: int) -> int:
        epoch = 0
        while self.first_iteration(epoch + 1) <= iteration:
            epoch += 1
        return epoch

    def runs_backward(self, epoch: int) -> bool:
        """Whether the clips of an epoch follow each other backward from the ends of videos."""
        return self.both_ends and epoch % 2 == 1

    def plan(self, epoch: int) -> EpochPlan:
        first = self.rank * self.batch_size
        slots = self._deal(epoch)[first : first + self.batch_size]
        rng = named_rng(self.seed, 'clips', epoch, self.rank)
        entries: list[ClipIndex] = []
        chains: list[list[ClipPlan]] = []
        for slot in slots:
            chains.append([])
            for chosen in slot:
                entries.append(self._draw_entry(rng, int(self.all_entries[chosen])))
                chains[-1] += self._cut(entries, len(entries) - 1, self.runs_backward(epoch))
        count = self.first_iteration(epoch + 1) - self.first_iteration(epoch)
        return EpochPlan(entries, [[chain[i] for chain in chains] for i in range(count)])

    def _clips_of(self, chosen: int) -> int:
        return self.videos.lengths[self.all_entries[chosen]] // self.clip_length

    def _deal(self, epoch: int) -> list[list[int]]:
        """The entries of each slot of all ranks; the result is the same on every rank."""
        order = named_rng(self.seed, 'entries', epoch).permutation(len(self.all_entries))
        slots: list[list[int]] = [[] for _ in range(self.batch_size * self.world_size)]
        shortest_first = [(0, number) for number in range(len(slots))]
        for chosen in order:
            clips, number = heapq.heappop(shortest_first)
            slots[number].append(int(chosen))
            heapq.heappush(shortest_first, (clips + self._clips_of(chosen), number))
        return slots

    def _cut(self, entries: list[ClipIndex], entry: int, backward: bool) -> list[ClipPlan]:
        video, window = entries[entry].video, entries[entry].window
        last = entries[entry].length - self.clip_length
        step = self.clip_length
        starts = range(last, -1, -step) if backward else range(0, last + 1, step)
        return [
            ClipPlan(entry, number, ClipIndex(video, window, start, self.clip_length))
            for number, start in enumerate(starts)
        ]
