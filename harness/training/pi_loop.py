"""PI-BPTT (Mori and Ukita, Sec. IV-A): clips start from the states to which whole videos lead.

In pseudo-code, for N windows per epoch, clips of l frames and R clips per window::

    for each epoch:
        # what to train on is drawn first, from seed and epoch alone (plan.py)
        for n in 1..N:
            window[n] = random spatial window of a video, T[n] frames, randomly flipped
            for r in 1..R:
                start[n, r] = uniform in 0..T[n] - l
        # state pass: one inference over the LR windows, without gradient (state_pass.py)
        for n in 1..N:
            for r in 1..R:
                bank[n, r].forward = state at boundary start[n, r]
                bank[n, r].backward = state at boundary start[n, r] + l  # bidirectional networks
        # N * R / B iterations; what does not fill a batch is carried over to the next epoch
        for each batch of B clips (n, r) of different windows:
            states = bank[n, r], changed by p_initial, states_from, state_noise, state_dropout
            sr = network(LR frames start[n, r]..start[n, r] + l - 1 of window[n], states)
            loss = loss(sr, GT frames); backpropagate through these l frames; optimizer step

The bank belongs to the weights at the start of the epoch and is not updated within it. A network
with look-ahead has no backward state; the bank then holds the LR frames after the clip. Epochs that
start before ``warmup_iters`` skip the state pass, and their clips start from the initial state.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmagic.registry import LOOPS
from mmengine.dist import get_rank

from harness.clip_limits import bank_slots
from harness.data import ClipIndex
from harness.errors import UserError
from harness.formats import bytes_text
from harness.networks.recurrent import States
from harness.training.initial_state import torch_rng
from harness.training.loops import ClipTrainLoop, raise_together
from harness.training.plan import ClipPlan, named_rng
from harness.training.state_bank import BankOptions, StateBank, check_fits, state_bytes
from harness.training.state_changes import (
    StateChanges,
    change,
    noise_like,
    other_entries,
    with_memory,
)
from harness.training.state_pass import StatePass


@LOOPS.register_module()
class PIBPTTLoop(ClipTrainLoop):
    """Truncated PI-BPTT (Fig. 6); see the pseudo-code above.

    Args:
        repeats: R, the clips per window and epoch that reuse one state pass.
        states: ``'used'`` stores the R states of each window that its clips start from. ``'all'``
            stores those of all boundaries 0..T-l, as in the original variant that the paper argues
            against; this gives the same weights with far more memory.
        bank: Where states are stored, see :class:`BankOptions`.
        state_pass_batch: The number of windows that go through the state pass together.
        warmup_iters: Clips start from the initial state (as in RI) until the first epoch that
            starts at this iteration or later. Without a warm-up, a freshly initialised network that
            amplifies its own state can overflow over a whole video.
        max_state_norm: The run fails if the root mean square of a state is larger. Large finite
            states are allowed: by training on them, with clipped gradients, PI-BPTT repairs a
            recurrence that has become unstable for some video.
        p_initial, states_from, state_noise, state_dropout: Changes to the states before clips start
            from them, see :class:`StateChanges`.
        args, kwargs: See :class:`ClipTrainLoop`.

    Raises:
        UserError: The bank does not fit in its place, or an option is invalid.
    """

    fixed_windows = True
    needs_states = True

    def __init__(
        self,
        *args: Any,
        repeats: int,
        states: str = 'used',
        bank: dict | None = None,
        state_pass_batch: int = 16,
        warmup_iters: int = 0,
        max_state_norm: float = 1e18,
        p_initial: float = 0.0,
        states_from: str = 'own',
        state_noise: float = 0.0,
        state_dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        self.repeats = repeats
        self.changes = StateChanges(p_initial, states_from, state_noise, state_dropout).check()
        super().__init__(*args, **kwargs)
        if states not in ('used', 'all'):
            raise UserError(f"train_cfg.states: {states!r} is neither 'used' nor 'all'")
        self.keeps_all = states == 'all'
        self.warmup_iters = warmup_iters
        self.max_state_norm = max_state_norm
        self.bank: StateBank | None = None
        self.bank_options = BankOptions(**(bank or {})).check()
        self.state_pass = StatePass(
            self.dataloader.dataset,
            self.planner.clip_length,
            state_pass_batch,
            self.dataloader.num_workers,
            self.dataloader.persistent_workers,
            self.dataloader.pin_memory,
        )
        self._epoch_weights: dict | None = None
        self._others: list[int] = []  # for each entry, one of another video
        self._moments: tuple[dict, dict] = ({}, {})  # see StateBank.moments

    @property
    def bank_folder(self) -> Path:
        """The folder of a disk bank."""
        return Path(self.bank_options.folder or self.runner.work_dir)

    @property
    def has_bank(self) -> bool:
        """Whether the clips of the current epoch start from stored states."""
        return self.planner.first_iteration(self._epoch) >= self.warmup_iters

    @property
    def look_ahead(self) -> int:
        return 0 if self.has_bank else super().look_ahead  # the bank has these frames

    def run(self) -> torch.nn.Module:
        self._check_bank_fits()
        return super().run()

    def _check_bank_fits(self) -> None:
        """Checks the size of the bank, R * N * state bytes of both directions."""
        size = self.bank_bytes()
        self.runner.logger.info(
            f'hidden-state bank: {bytes_text(size)} per epoch on {self.bank_options.place} '
            f'({self.bank_options.dtype})'
        )
        check_fits(size, self.bank_options, self.device, self.bank_folder)

    def bank_bytes(self) -> int:
        """The size in bytes of the largest epoch's bank on this rank."""
        planner = self.planner
        slots = bank_slots(
            planner.videos.lengths,
            planner.clip_length,
            planner.batch_size,
            planner.windows_per_video,
            planner.world_size,
            self.repeats,
            self.keeps_all,
        )
        return slots * self.slot_bytes

    @property
    def slot_bytes(self) -> int:
        """The size in bytes of the states at one boundary of a window."""
        crop = self.planner.crop_size
        shapes = self.model.generator.state_shapes(crop, crop)
        return state_bytes(shapes, self.bank_options.torch_dtype)

    def begin_epoch(self) -> None:
        first = self.planner.first_iteration(self._epoch)
        resumed = self._iter > first
        if resumed and self._epoch_weights is None:
            raise UserError(
                f'the checkpoint of iteration {self._iter} lies inside an epoch, but does not '
                "contain the weights of the epoch's start: PIBPTTLoop did not save it. Resume "
                'another checkpoint, or start a new training from this one with load_from.'
            )
        if not resumed:
            self._epoch_weights = _copy(self.model.generator.state_dict())
        self.bank = None  # frees its memory for the next one
        if self.has_bank:
            with self.timer.part('state_pass'):
                self._fill_bank(restore_weights=resumed)

    def _fill_bank(self, restore_weights: bool) -> None:
        """Computes the states with the weights at the start of the epoch."""
        starts = self.boundaries()
        crop = self.planner.crop_size
        generator = self.model.generator
        bank = self.bank = StateBank(
            [len(s) for s in starts],
            generator.state_shapes(crop, crop),
            self.device,
            self.bank_options,
            self.bank_folder,
        )
        current = _copy(generator.state_dict()) if restore_weights else None
        if restore_weights:
            generator.load_state_dict(self._epoch_weights)
        self.pass_states(self.plan.entries, starts, bank)
        if restore_weights:
            generator.load_state_dict(current)
        self._check_states(bank)
        if self.changes.states_from == 'other':
            rng = named_rng(self.planner.seed, 'other_entries', self._epoch, get_rank())
            self._others = other_entries(self.plan.entries, rng)
        elif self.changes.states_from == 'noise':
            self._moments = bank.moments()

    def pass_states(
        self, entries: list[ClipIndex], starts: list[np.ndarray], bank: StateBank
    ) -> None:
        """Fills ``bank`` with the current network's states at ``starts`` of each entry."""
        with self.evaluating():
            self.state_pass.run(
                self.model.generator,
                self.model.data_preprocessor,
                entries,
                starts,
                bank,
                self._initial_states_of_entry if self.init_state else None,
                lambda: self.runner.call_hook('after_state_pass_batch'),
            )

    def _initial_states_of_entry(self, entry: int, lrs: torch.Tensor) -> States:
        assert self.init_state is not None
        return self.init_state.draw(self.model.generator, lrs, self._epoch, entry)

    def boundaries(self) -> list[np.ndarray]:
        """For each entry, the boundaries whose states are stored, by slot."""
        if self.keeps_all:
            return [np.arange(e.length - self.planner.clip_length + 1) for e in self.plan.entries]
        return self.plan.boundaries()

    def _check_states(self, bank: StateBank) -> None:
        norms = bank.norms()
        self.runner.message_hub.update_scalar('train/state_norm', max(norms.values()))
        exploded = [e for e, norm in norms.items() if not norm <= self.max_state_norm]  # NaN too
        problem = None
        if exploded:
            video = self.dataloader.dataset.videos[self.plan.entries[exploded[0]].video].name
            problem = (
                f'the hidden states of video {video} explode (RMS {norms[exploded[0]]:.3g}, '
                f'limit {self.max_state_norm:g}) in the state pass before iteration '
                f'{self._iter + 1}. A longer warmup_iters, gradient clipping or a lower learning '
                'rate may help.'
            )
        raise_together(problem)

    def slots_of(self, batch: list[ClipPlan]) -> list[int]:
        """The bank's slot of each clip."""
        return [c.index.start if self.keeps_all else c.repeat for c in batch]

    def states_for(self, batch: list[ClipPlan], data: dict) -> States | None:
        if self.bank is None:
            return super().states_for(batch, data)
        entries, slots = [c.entry for c in batch], self.slots_of(batch)
        states = self.bank.take(entries, slots)
        numbers = (self._iter, get_rank())
        if self.changes.states_from == 'other':
            others = [self._others[entry] for entry in entries]
            theirs = [
                slot % self.bank.slots(other) for other, slot in zip(others, slots, strict=True)
            ]  # they may have fewer slots
            states = with_memory(states, self.bank.take(others, theirs))
        elif self.changes.states_from == 'noise':
            rng = torch_rng(self.planner.seed, 'states_from', *numbers)
            states = noise_like(self._moments, states, rng)
        is_look_ahead = not self.model.generator.bidirectional
        seed = self.planner.seed
        return change(states, self.changes, seed, *numbers, keep_backward=is_look_ahead)

    def state_dict(self) -> dict:
        inside = self._iter + 1 < self.planner.first_iteration(self._epoch + 1)
        return dict(super().state_dict(), epoch_weights=self._epoch_weights if inside else None)

    def load_state_dict(self, state: dict) -> None:
        super().load_state_dict(state)
        self._epoch_weights = state.get('epoch_weights')


def _copy(weights: dict) -> dict:
    """Copies weights, because state_dict() shares its memory with the network."""
    return {key: value.detach().clone() for key, value in weights.items()}
