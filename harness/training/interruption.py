"""Ends training gracefully on a signal: saves a checkpoint first, so that nothing is lost."""

import signal
from types import FrameType
from typing import Any

import torch
from mmengine.dist import all_reduce, barrier
from mmengine.hooks import Hook
from mmengine.runner import Runner

from harness.exits import ENDING
from harness.training.checkpoints import ClipCheckpointHook


class Interrupted(Exception):
    """A signal asked this process to end; it can resume later."""


class Interruption:
    """Records that a signal of :data:`~harness.exits.ENDING` was received.

    Its creation, which must be in the main thread, installs the signal handlers.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        for number in ENDING:
            signal.signal(number, self._receive)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number)

    def check(self) -> None:
        """Call it where work may be interrupted.

        Raises:
            Interrupted: A signal was received.
        """
        if self.received:
            raise Interrupted(f'interrupted by {self.received.name}')


class InterruptionHook(Hook):
    """Saves a checkpoint and ends training after the iteration in which any rank got a signal.

    Args:
        interruption: Records the signals of this process.
    """

    priority = 'LOWEST'  # after the iteration's other hooks

    def __init__(self, interruption: Interruption) -> None:
        self.interruption = interruption

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        if not self._any_rank(runner):
            return
        for hook in runner.hooks:
            if isinstance(hook, ClipCheckpointHook):
                hook.save_now(runner)
        barrier()  # soon after the first process ends, torchrun ends the others; one still writes
        received = self.interruption.received
        name = received.name if received else 'a signal to another process'
        raise Interrupted(f'interrupted by {name} after iteration {runner.iter + 1}')

    def _any_rank(self, runner: Runner) -> bool:
        count = torch.tensor(
            float(self.interruption.received is not None), device=runner.train_loop.device
        )
        all_reduce(count)
        return bool(count.item())
