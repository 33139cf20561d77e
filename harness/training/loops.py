"""The skeleton of the clip training loops on MMEngine's Runner, and RI-BPTT."""

import math
from typing import Optional

import torch
from mmagic.registry import HOOKS, LOOPS
from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop

from harness.cli import UserError
from harness.networks.recurrent import States

from .plan import ClipPlan, EpochPlan, Planner, Videos
from .timing import PartTimer


class DivergedError(UserError):
    """Loss or states are no longer finite; training on would only spoil the checkpoints."""


class ClipTrainLoop(BaseLoop):
    """Trains on clips that a :class:`Planner` draws, counted in iterations.

    Its train dataloader needs ``sampler=dict(type='PlannedSampler')`` and
    ``collate_fn=dict(type='default_collate')``.

    Args:
        runner, dataloader: given by MMEngine.
        max_iters: optimizer steps.
        clip_length: frames l of a clip.
        crop_size: side of the square LR window.
        windows_per_video: windows of each video in an epoch.
        val_interval, val_begin: as in MMEngine's ``IterBasedTrainLoop``.
    """

    fixed_windows = False
    repeats = 1

    def __init__(
        self,
        runner,
        dataloader,
        max_iters: int,
        clip_length: int,
        crop_size: int,
        windows_per_video: int = 1,
        val_interval: int = 1000,
        val_begin: int = 1,
    ):
        super().__init__(runner, dataloader)
        self._max_iters = max_iters
        self._epoch = 0
        self._iter = 0
        self.val_interval = val_interval
        self.val_begin = val_begin
        self.stop_training = False  # MMEngine's EarlyStoppingHook sets it
        dataset = self.dataloader.dataset
        self.planner = Planner(
            Videos(dataset.lengths, dataset.lr_sizes),
            clip_length,
            crop_size,
            self.dataloader.batch_size,
            seed=runner.seed,
            repeats=self.repeats,
            windows_per_video=windows_per_video,
            fixed_windows=self.fixed_windows,
            rank=get_rank(),
            world_size=get_world_size(),
        )
        self.timer = PartTimer()
        runner.register_hook(LoopStateHook(), priority='VERY_LOW')

    @property
    def epoch(self) -> int:
        """Current epoch (0-based)."""
        return self._epoch

    @property
    def iter(self) -> int:
        """Iterations done."""
        return self._iter

    @property
    def max_epochs(self) -> int:
        """Epochs that are begun."""
        return self.planner.epoch_of(self._max_iters - 1) + 1

    @property
    def max_iters(self) -> int:
        """Iterations to do."""
        return self._max_iters

    @property
    def model(self):
        """The model without distributed wrappers."""
        model = self.runner.model
        return model.module if is_model_wrapper(model) else model

    def run(self) -> torch.nn.Module:
        """Launches training."""
        self.runner.call_hook('before_train')
        while self._iter < self._max_iters and not self.stop_training:
            self._epoch = self.planner.epoch_of(self._iter)
            self.run_epoch()
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_epoch(self) -> None:
        """Trains the current epoch from wherever in it the loop stands."""
        plan = self.planner.plan(self._epoch)
        done = self._iter - self.planner.first_iteration(self._epoch)
        batches = plan.batches[done : done + self._max_iters - self._iter]
        self.dataloader.sampler.plan = [clip.index for batch in batches for clip in batch]
        self.runner.call_hook('before_train_epoch')
        self.begin_epoch(plan)
        self.runner.model.train()
        samples = iter(self.dataloader)
        for batch in batches:
            with self.timer.part('load'):
                data = next(samples)
            self.run_iter(batch, data)
            if self.stop_training:
                break
        self.runner.call_hook('after_train_epoch')

    def begin_epoch(self, plan: EpochPlan) -> None:
        """Called before the first iteration of an epoch, also of a resumed one."""

    def states_for(self, batch: list[ClipPlan]) -> Optional[States]:
        """States from which the clips of a batch start; None is the initial state."""
        return None

    def run_iter(self, batch: list[ClipPlan], data: dict) -> None:
        """One optimizer step.

        Raises:
            DivergedError: the loss is not finite. No hook has seen this iteration then, so that
                the last checkpoint is from before.
        """
        self.runner.call_hook('before_train_iter', batch_idx=self._iter, data_batch=data)
        with self.timer.part('step'):
            data['states'] = self.states_for(batch)
            outputs = self.runner.model.train_step(data, optim_wrapper=self.runner.optim_wrapper)
        loss = outputs['loss'].item()
        if not math.isfinite(loss):
            videos = self.dataloader.dataset.videos
            clips = ', '.join(f'{videos[c.index.video].name}@{c.index.start}' for c in batch)
            raise DivergedError(f'loss is {loss} at iteration {self._iter + 1} (clips {clips})')
        self.runner.call_hook(
            'after_train_iter', batch_idx=self._iter, data_batch=data, outputs=outputs
        )
        self._iter += 1
        if (
            self.runner.val_loop is not None
            and self._iter >= self.val_begin
            and (self._iter % self.val_interval == 0 or self._iter == self._max_iters)
        ):
            self.runner.val_loop.run()
            self.runner.model.train()

    def state_dict(self) -> dict:
        """What a checkpoint must hold of the loop beside its iteration."""
        return dict(seconds=dict(self.timer.seconds))

    def load_state_dict(self, state: dict) -> None:
        """Takes over what :meth:`state_dict` gave."""
        self.timer.seconds = dict(state['seconds'])


@LOOPS.register_module()
class RIBPTTLoop(ClipTrainLoop):
    """Truncated RI-BPTT: random clips of random windows, started from the initial state (Fig. 5).

    The paper's "random" initialisation is the zero state, as in the networks it builds on.
    """


@HOOKS.register_module()
class LoopStateHook(Hook):
    """Carries the train loop's own state in checkpoints."""

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        checkpoint['train_loop'] = runner.train_loop.state_dict()

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        # with load_from alone a new training begins
        if runner.cfg.get('resume') and 'train_loop' in checkpoint:
            runner.train_loop.load_state_dict(checkpoint['train_loop'])
