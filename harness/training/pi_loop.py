"""PI-BPTT (Mori and Ukita, Sec. IV-A): clips start from the state the whole video leads to."""

from typing import Optional

import numpy as np
import torch
from mmagic.registry import LOOPS
from torch.utils.data import DataLoader, default_collate

from harness.data import ClipIndex, PlannedSampler
from harness.networks.recurrent import States

from .loops import ClipTrainLoop, DivergedError
from .plan import ClipPlan, EpochPlan
from .state_bank import StateBank


@LOOPS.register_module()
class PIBPTTLoop(ClipTrainLoop):
    """Truncated PI-BPTT (Fig. 6).

    Each epoch draws one window for each entry and the start frames of all its R clips, passes the
    windows once through the network without gradient, keeps the states at just those boundaries
    (in both directions for bidirectional networks), and trains R clips of each entry from them.

    Args:
        repeats: R, clips per entry and epoch that reuse one state pass.
        state_pass_batch: windows that go through the state pass together.
        warmup_iters: begin with the initial state (as in RI) until the first epoch that starts at
            this iteration or later. A freshly initialised network that amplifies its own state can
            overflow over a whole video.
        kwargs: see :class:`ClipTrainLoop`.
    """

    fixed_windows = True

    def __init__(
        self, *args, repeats: int, state_pass_batch: int = 16, warmup_iters: int = 0, **kwargs
    ):
        self.repeats = repeats
        super().__init__(*args, **kwargs)
        self.warmup_iters = warmup_iters
        self.bank: Optional[StateBank] = None
        self.state_pass_batch = state_pass_batch
        self._epoch_weights: Optional[dict] = None
        self.window_loader = DataLoader(
            self.dataloader.dataset,
            batch_sampler=PlannedSampler(),
            num_workers=self.dataloader.num_workers,
            collate_fn=default_collate,
        )

    def begin_epoch(self, plan: EpochPlan) -> None:
        first = self.planner.first_iteration(self._epoch)
        resumed = self._iter > first
        if resumed and self._epoch_weights is None:
            raise RuntimeError(
                f'the checkpoint of iteration {self._iter} lies inside an epoch, but holds no '
                'weights of its start: PIBPTTLoop did not save it. Resume another checkpoint, or '
                'start a new training from this one with load_from.'
            )
        if not resumed:
            self._epoch_weights = _copy(self.model.generator.state_dict())
        self.bank = None
        if first >= self.warmup_iters:
            with self.timer.part('state_pass'):
                self._pass_states(plan, restore_weights=resumed)

    def _pass_states(self, plan: EpochPlan, restore_weights: bool) -> None:
        """Fills the bank with the weights that the epoch began with."""
        generator = self.model.generator
        if not restore_weights:
            return self.fill_bank(plan)
        current = _copy(generator.state_dict())
        generator.load_state_dict(self._epoch_weights)
        self.fill_bank(plan)
        generator.load_state_dict(current)

    @torch.no_grad()
    def fill_bank(self, plan: EpochPlan) -> None:
        """Passes the windows through the network and keeps the states that the plan needs.

        Raises:
            DivergedError: a state is not finite.
        """
        starts = _start_frames(plan)
        ends = [s + self.planner.clip_length for s in starts]
        groups = self._group(plan.entries, starts)
        self.window_loader.batch_sampler.plan = [
            [self._needed(plan.entries[e], max(starts[i].max() for i in group)) for e in group]
            for group in groups
        ]
        self.bank = StateBank()
        self.model.eval()  # batch norm must neither use nor update batch statistics here
        for group, data in zip(groups, self.window_loader, strict=True):
            data = self.model.data_preprocessor(data)
            lrs = data['inputs']
            boundaries = [_pad([b[e] for e in group]).to(lrs.device) for b in (starts, ends)]
            cond = self.model.generator.condition(lrs, 0, data['length'])
            states = self.model.generator.states_at(lrs, *boundaries, cond)
            for i, entry in enumerate(group):
                self.bank.put(entry, states.map(lambda x, i=i: x[i]))
        self.model.train()
        self._check_states(plan)

    def _group(self, entries: list[ClipIndex], starts: list[np.ndarray]) -> list[list[int]]:
        """Entries that go through the pass together: equally long videos, similar last starts."""
        order = sorted(range(len(entries)), key=lambda e: (entries[e].length, starts[e].max()))
        groups: list[list[int]] = []
        for e in order:
            group = groups[-1] if groups else None
            if (
                group is None
                or len(group) == self.state_pass_batch
                or entries[group[0]].length != entries[e].length
            ):
                groups.append([e])
            else:
                group.append(e)
        return groups

    def _needed(self, entry: ClipIndex, last_start: int) -> ClipIndex:
        """The frames of a window that lead to the states: all of them if time runs both ways."""
        if self.model.generator.bidirectional:
            return entry
        return entry._replace(length=max(int(last_start), 1))

    def _check_states(self, plan: EpochPlan) -> None:
        norms = self.bank.norms()
        self.runner.message_hub.update_scalar('train/state_norm', max(norms.values()))
        for entry, norm in norms.items():
            if not np.isfinite(norm):
                video = self.dataloader.dataset.videos[plan.entries[entry].video].name
                raise DivergedError(
                    f'the hidden states of video {video} overflow (RMS {norm}) in the state pass '
                    f'before iteration {self._iter + 1}. A longer warmup_iters, gradient clipping '
                    'or a lower learning rate may help.'
                )

    def states_for(self, batch: list[ClipPlan]) -> Optional[States]:
        if self.bank is None:
            return None
        return self.bank.take([c.entry for c in batch], [c.repeat for c in batch])

    def state_dict(self) -> dict:
        return dict(super().state_dict(), epoch_weights=self._epoch_weights)

    def load_state_dict(self, state: dict) -> None:
        super().load_state_dict(state)
        self._epoch_weights = state.get('epoch_weights')


def _copy(weights: dict) -> dict:
    """state_dict() shares its memory with the network."""
    return {key: value.detach().clone() for key, value in weights.items()}


def _start_frames(plan: EpochPlan) -> list[np.ndarray]:
    """The start frames of each entry's clips, by repeat."""
    starts: list[list[int]] = [[] for _ in plan.entries]
    for batch in plan.batches:
        for clip in batch:
            starts[clip.entry].append(clip.index.start)
    return [np.array(s or [0]) for s in starts]


def _pad(boundaries: list[np.ndarray]) -> torch.Tensor:
    """(B, R) boundaries; entries with fewer clips repeat their last one."""
    longest = max(len(b) for b in boundaries)
    padded = [np.pad(b, (0, longest - len(b)), mode='edge') for b in boundaries]
    return torch.from_numpy(np.stack(padded))
