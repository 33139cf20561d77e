"""Burn-in: each clip starts from the state to which the frames before it lead."""

from collections.abc import Iterator
from typing import Any

import torch
from mmagic.registry import LOOPS

from harness.clip_limits import is_count
from harness.data import ClipIndex, prefetch
from harness.errors import fail
from harness.networks.recurrent import States
from harness.training.loops import ClipTrainLoop
from harness.training.plan import ClipPlan
from harness.training.state_pass import plan_windows, window_loader


@LOOPS.register_module()
class BurnInLoop(ClipTrainLoop):
    """An alternative to stored states, after R2D2 (Kapturowski et al., ICLR 2019).

    Clips are random as in RI. Before each step, the ``burn_in`` frames before its clips run through
    the network, without gradient and **with the current weights**, from the initial state; the
    clips start from the resulting states. For networks with a backward branch, the frames after the
    clips run backward as well. Near the ends of a video there are fewer frames, or none. States
    thus always belong to the current weights, but cover at most ``burn_in`` frames.

    Args:
        burn_in: K, the number of frames to run before each clip.
        args, kwargs: See :class:`ClipTrainLoop`.

    Raises:
        UserError: ``burn_in`` is not a positive whole number.
    """

    needs_states = True

    def __init__(self, *args: Any, burn_in: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_count(burn_in):
            fail(f'train_cfg.burn_in: {burn_in!r} is not a positive whole number')
        self.burn_in = burn_in
        self._loader = window_loader(
            self.dataloader.dataset,
            self.dataloader.num_workers,
            self.dataloader.persistent_workers,
            self.dataloader.pin_memory,
        )
        self._windows: Iterator[dict] = iter(())
        self._states = States()

    @property
    def look_ahead(self) -> int:
        return 0  # the windows have these frames

    def begin_epoch(self) -> None:
        plan_windows(
            self._loader,
            [[self._window(clip.index) for clip in batch] for batch in self.batches_to_do()],
        )
        self._windows = iter(prefetch(self._loader))

    def _window(self, clip: ClipIndex) -> ClipIndex:
        """The LR frames of a clip and those before and after it that determine its states."""
        net, frames = self.model.generator, self.planner.videos.lengths[clip.video]
        start, stop = max(clip.start - self.burn_in, 0), clip.start + clip.length
        behind = self.burn_in if net.bidirectional else net.look_ahead
        stop = min(stop + behind, frames)
        return clip._replace(start=start, length=stop - start, with_gt=False)

    def frames_run(self, clip: ClipIndex) -> int:
        """The number of frames that run without gradient for a clip, in both directions."""
        window = self._window(clip)
        behind = window.start + window.length - clip.start - clip.length
        return clip.start - window.start + (behind if self.model.generator.bidirectional else 0)

    def before_step(self, batch: list[ClipPlan]) -> None:
        with self.timer.part('load'):
            windows = next(self._windows)
        with self.timer.part('burn_in'), self.evaluating():
            self._states = self._run(batch, windows)

    def _run(self, batch: list[ClipPlan], data: dict) -> States:
        net, lengths = self.model.generator, data.pop('lengths')  # they stay on the CPU
        data = self.model.data_preprocessor(data)
        lrs = data['inputs']
        begins = [min(clip.index.start, self.burn_in) for clip in batch]
        begin = torch.tensor(begins)[:, None]
        initial = self.init_state.draw(net, lrs, self._iter) if self.init_state else None
        states = net.states_at(
            lrs,
            begin,
            begin + self.planner.clip_length,
            net.condition(lrs, data['start'], data['length']),
            lengths,
            initial,
        )
        return states.map(lambda x: x[:, 0])

    def states_for(self, batch: list[ClipPlan], data: dict) -> States | None:
        return self._states
