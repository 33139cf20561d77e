"""Measures how outdated PI-BPTT's stored states become within an epoch."""

from typing import Any

import numpy as np
from mmagic.registry import HOOKS

from harness.data import ClipIndex
from harness.evaluation.state_measures import relative_distances
from harness.training.diagnostics import IntervalHook
from harness.training.loops import ClipTrainLoop
from harness.training.pi_loop import PIBPTTLoop
from harness.training.state_bank import BankOptions, StateBank


@HOOKS.register_module()
class StalenessHook(IntervalHook):
    """Measures how far PI's stored states are from those that the network would compute now.

    A stored state is as old as its epoch. The more repeats R, the longer it is used, which is the
    paper's explanation of why large R overfits. Rows of ``staleness/iter_<n>.csv``: video, start
    (the boundary), age (iterations since the state pass), R, direction, and ``distance``, the norm
    of the difference divided by the norm of the fresh state. Nothing is written if no stored states
    are in use.

    Args:
        interval: Iterations between two measurements.
        windows: The number of windows of the epoch to measure.
    """

    folder = 'staleness'

    def __init__(self, interval: int, windows: int = 4) -> None:
        super().__init__(interval)
        self.windows = windows

    def measure(self, loop: ClipTrainLoop) -> list[dict]:
        if not isinstance(loop, PIBPTTLoop) or loop.bank is None:
            return []
        plan = loop.plan
        clips = {
            (clip.entry, clip.index.start): clip
            for batch in plan.batches
            for clip in batch
            if clip.entry < self.windows and _has_states(plan.entries[clip.entry], clip.index)
        }
        by_entry = [
            [clip for clip in clips.values() if clip.entry == entry]
            for entry in range(min(self.windows, len(plan.entries)))
        ]
        by_entry = [chosen for chosen in by_entry if chosen]
        starts = [np.array([clip.index.start for clip in chosen]) for chosen in by_entry]
        fresh = self._fresh_states(loop, [plan.entries[c[0].entry] for c in by_entry], starts)
        age = loop.iter + 1 - loop.planner.first_iteration(loop.epoch)
        rows: list[dict[str, Any]] = []
        for number, chosen in enumerate(by_entry):
            stored = loop.bank.take([c.entry for c in chosen], loop.slots_of(chosen))
            now = fresh.take([number] * len(chosen), range(len(chosen)))
            for direction, distances in relative_distances(stored, now).items():
                rows += [
                    dict(
                        video=loop.dataloader.dataset.videos[clip.index.video].name,
                        start=clip.index.start,
                        age=age,
                        R=loop.repeats,
                        direction=direction,
                        distance=distance,
                    )
                    for clip, distance in zip(chosen, distances.tolist(), strict=True)
                ]
        return rows

    def _fresh_states(
        self, loop: PIBPTTLoop, entries: list[ClipIndex], starts: list[np.ndarray]
    ) -> StateBank:
        crop = loop.planner.crop_size
        bank = StateBank(
            [len(s) for s in starts],
            loop.model.generator.state_shapes(crop, crop),
            loop.device,
            BankOptions(),
            loop.bank_folder,
        )
        loop.pass_states(entries, starts, bank)
        return bank


def _has_states(window: ClipIndex, clip: ClipIndex) -> bool:
    """Whether a clip neither begins nor ends at an end of its window, as initial states do."""
    return 0 < clip.start < window.length - clip.length
