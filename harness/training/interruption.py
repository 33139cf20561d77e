"""Ending in good order on a signal: a checkpoint first, so that nothing is lost."""

import signal

import torch
from mmengine.dist import all_reduce, barrier
from mmengine.hooks import Hook

from harness.exits import ENDING
from harness.training.checkpoints import ClipCheckpointHook


class Interrupted(Exception):
    """A signal asked this process to end; it may go on later where it was."""


class Interruption:
    """Remembers that one of :data:`~harness.exits.ENDING` has come.

    Listens from its creation on, which must be in the main thread.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        for number in ENDING:
            signal.signal(number, self._receive)

    def _receive(self, number, frame) -> None:
        self.received = signal.Signals(number)

    def check(self) -> None:
        """Raises where work may be broken off.

        Raises:
            Interrupted: a signal has come.
        """
        if self.received:
            raise Interrupted(f'interrupted by {self.received.name}')


class InterruptionHook(Hook):
    """Saves a checkpoint after the iteration in which a signal came to any rank, and ends training.

    Args:
        interruption: of this process.
    """

    priority = 'LOWEST'  # after the iteration's other hooks

    def __init__(self, interruption: Interruption) -> None:
        self.interruption = interruption

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if not self._any_rank(runner):
            return
        for hook in runner.hooks:
            if isinstance(hook, ClipCheckpointHook):
                hook.save_now(runner)
        barrier()  # torchrun ends all processes soon after the first, and one of them writes
        received = self.interruption.received
        name = received.name if received else 'a signal to another process'
        raise Interrupted(f'interrupted by {name} after iteration {runner.iter + 1}')

    def _any_rank(self, runner) -> bool:
        count = torch.tensor(
            float(self.interruption.received is not None), device=runner.train_loop.device
        )
        all_reduce(count)
        return bool(count.item())
