"""The base class of all training loops, for MMEngine's Runner, and RI-BPTT."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmagic.registry import HOOKS, LOOPS
from mmengine.dist import all_gather_object, all_reduce, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from torch.utils.data import DataLoader

from harness.clip_limits import Videos
from harness.errors import UserError
from harness.networks.model import RecurrentVSR
from harness.networks.recurrent import States
from harness.training.amplification_penalty import AmplificationPenalty
from harness.training.gradient_norm import GradientNorm
from harness.training.initial_state import InitialState, make_initial_state
from harness.training.late_scalars import LateScalars, Scalars
from harness.training.plan import ClipPlan, EpochPlan, Planner
from harness.training.timing import PartTimer


class DivergedError(UserError):
    """The loss or the states are no longer finite; going on would only spoil the checkpoints."""


def raise_together(problem: str | None) -> None:
    """Raises on all ranks if any of them has a problem, so that none waits for the others.

    Raises:
        DivergedError: Some ranks have a problem; the message has all of them.
    """
    problems = [p for p in all_gather_object(problem) if p]
    if problems:
        raise DivergedError('; '.join(problems))


def largest_rms(states: States) -> float:
    """The largest root mean square over the entries of ``states``; NaN if any entry has NaN."""
    squares = [x.float().square().mean() for state in states if state for x in state.values()]
    return float(torch.stack(squares).max().sqrt())


def unwrapped_model(runner: Runner) -> RecurrentVSR:
    """The model of a runner without distributed wrappers."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


class ClipTrainLoop(BaseLoop):
    """Trains on clips that a :class:`Planner` draws; progress is counted in iterations.

    The train dataloader needs ``sampler=dict(type='PlannedSampler')`` and
    ``collate_fn=dict(type='default_collate')``.

    Args:
        runner, dataloader: Passed by MMEngine.
        max_iters: The number of optimizer steps.
        clip_length: The frames l of a clip.
        crop_size: The side of the square window in LR pixels.
        windows_per_video: Windows per video and epoch.
        init_state: None for an initial state of all zeros, as in evaluation; or
            ``dict(type='normal', std=...)`` for normally distributed states where a video begins
            (and, for backward states, ends).
        amplification_weight: The weight of a penalty on the growth of a small random perturbation
            of the state over the clip (see :mod:`harness.networks.amplification`), which costs one
            more forward pass per step; 0 disables it.
        val_interval, val_begin: As in MMEngine's ``IterBasedTrainLoop``.
    """

    planner_type: type[Planner] = Planner
    #: whether clips start from states in the middle of videos
    needs_states = False
    #: whether all clips of an entry share its window
    fixed_windows = False
    #: clips per entry and epoch, R
    repeats = 1
    #: the plan of the current epoch; set when the epoch starts
    plan: EpochPlan

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        max_iters: int,
        clip_length: int,
        crop_size: int,
        windows_per_video: int = 1,
        init_state: dict | None = None,
        amplification_weight: float = 0.0,
        val_interval: int = 1000,
        val_begin: int = 1,
    ) -> None:
        super().__init__(runner, dataloader)
        self._max_iters = max_iters
        self._epoch = 0
        self._iter = 0
        self.val_interval = val_interval
        self.val_begin = val_begin
        self.stop_training = False  # MMEngine's EarlyStoppingHook sets it
        if self.needs_states and not self.model.generator.has_states:
            raise UserError(
                f'{type(self.model.generator).__name__} provides no states, from which '
                f'{type(self).__name__} must start clips: train it with RI'
            )
        dataset = self.dataloader.dataset
        self.planner = self.planner_type(
            Videos(dataset.lengths, dataset.lr_sizes, [v.name for v in dataset.videos]),
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
        self.init_state: InitialState | None = make_initial_state(
            init_state, runner.seed, get_rank()
        )
        self.penalty = AmplificationPenalty(amplification_weight, self.model.generator)
        self.timer = PartTimer()
        self._late = LateScalars()
        self._gradient_norm = GradientNorm()
        runner.register_hook(LoopStateHook(), priority='VERY_LOW')

    @property
    def epoch(self) -> int:
        """The current epoch (0-based)."""
        return self._epoch

    @property
    def iter(self) -> int:
        """The number of finished iterations."""
        return self._iter

    @property
    def max_epochs(self) -> int:
        """The number of epochs, including the last, incomplete one."""
        return self.planner.epoch_of(self._max_iters - 1) + 1

    @property
    def max_iters(self) -> int:
        """The total number of iterations."""
        return self._max_iters

    @property
    def model(self) -> RecurrentVSR:
        """The model without distributed wrappers."""
        return unwrapped_model(self.runner)

    @property
    def device(self) -> torch.device:
        """The device of the model."""
        return next(self.model.parameters()).device

    @property
    def look_ahead(self) -> int:
        """The number of LR frames to read after each clip, which the network needs."""
        return self.model.generator.look_ahead

    def run(self) -> torch.nn.Module:
        """Trains until ``max_iters``; returns the model."""
        self._gradient_norm.watch(self.runner.optim_wrapper)
        self.runner.call_hook('before_train')
        if self._iter:
            self._validate_if_due()  # checkpoints are written before validation
        while self._iter < self._max_iters and not self.stop_training:
            self._epoch = self.planner.epoch_of(self._iter)
            self.run_epoch()
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_epoch(self) -> None:
        """Trains the rest of the current epoch."""
        self.plan = self.planner.plan(self._epoch)
        batches = self.batches_to_do()
        ahead = self.look_ahead
        self.dataloader.sampler.plan = [
            clip.index._replace(look_ahead=ahead) for batch in batches for clip in batch
        ]
        self.runner.call_hook('before_train_epoch')
        self.begin_epoch()
        self.runner.model.train()
        samples = iter(self.dataloader)
        for batch in batches:
            with self.timer.part('load'):
                data = next(samples)
            self.run_iter(batch, data)
            if self.stop_training:
                break
        self.check_losses()
        self.runner.call_hook('after_train_epoch')

    def batches_to_do(self) -> list[list[ClipPlan]]:
        """The remaining batches of the current epoch."""
        done = self._iter - self.planner.first_iteration(self._epoch)
        return self.plan.batches[done : done + self._max_iters - self._iter]

    def begin_epoch(self) -> None:
        """Called before the first iteration of an epoch, including a resumed one."""

    def states_for(self, batch: list[ClipPlan], data: dict) -> States | None:
        """The states from which the clips of a batch start.

        Args:
            batch: The clips.
            data: Their sample; ``following`` is removed from it.

        Returns:
            Tensors (B, ...); None for the initial state. For networks with look-ahead, the backward
            state holds the LR frames that follow the clips.
        """
        net = self.model.generator
        states: States | None = None
        if self.init_state is not None:
            states = self.init_state.draw(net, data['inputs'].float() / 255, self._iter)
        if 'following' in data:
            forward = states.forward if states else None
            states = States(forward, net.following(data.pop('following').float() / 255))
        return states

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Sets the model to eval mode without gradients, but with the autocast of training."""
        self.model.eval()
        # the optimizer wrapper controls autocast
        with torch.no_grad(), self.runner.optim_wrapper.optim_context(self.model):
            yield
        self.model.train()

    def before_step(self, batch: list[ClipPlan]) -> None:
        """Called before each optimizer step."""

    def after_step(self, batch: list[ClipPlan]) -> None:
        """Called after each optimizer step."""

    def run_iter(self, batch: list[ClipPlan], data: dict) -> None:
        """Does one optimizer step.

        Raises:
            DivergedError: The loss is not finite; on a GPU, that of the previous iteration. No
                checkpoint has been written since then.
        """
        self.runner.call_hook('before_train_iter', batch_idx=self._iter, data_batch=data)
        self.before_step(batch)
        with self.timer.part('step'):
            data['states'] = self.states_for(batch, data)
            data |= self.penalty.of_step(self.runner, self.planner.seed, self._iter)
            outputs = self.runner.model.train_step(data, optim_wrapper=self.runner.optim_wrapper)
            self.after_step(batch)
            outputs = self._read_losses(outputs, batch, data['states'])
        self.runner.call_hook(
            'after_train_iter', batch_idx=self._iter, data_batch=data, outputs=outputs
        )
        self._iter += 1
        self._validate_if_due()

    def _validate_if_due(self) -> None:
        if (
            self.runner.val_loop is not None
            and self._iter >= self.val_begin
            and (self._iter % self.val_interval == 0 or self._iter == self._max_iters)
        ):
            self.check_losses()
            self.runner.val_loop.run()
            self.runner.model.train()

    def _read_losses(self, outputs: dict, batch: list[ClipPlan], states: States | None) -> dict:
        """The losses and the gradient's norm on the CPU, checked.

        On a GPU these are the losses of the previous iteration (see :class:`LateScalars`), and none
        in the first one.
        """
        bad = torch.logical_not(outputs['loss'].detach().isfinite()).float()
        all_reduce(bad)
        scalars = dict(self._gradient_norm.take(), **outputs, bad=bad)
        read = self._late.exchange(scalars, (self._iter, batch, states))
        return self._checked(read)

    def _checked(self, read: Scalars | None) -> dict:
        if read is None:
            return {}
        losses = dict(read.values)
        if losses.pop('bad').item():
            self._fail(losses['loss'], *read.about)
        return losses

    def check_losses(self) -> None:
        """Checks losses that have not been read yet; called before the weights are used."""
        self._checked(self._late.rest())

    def _fail(
        self, loss: torch.Tensor, iteration: int, batch: list[ClipPlan], states: States | None
    ) -> None:
        videos = self.dataloader.dataset.videos
        clips = ', '.join(f'{videos[c.index.video].name}@{c.index.start}' for c in batch)
        norm = f'; RMS of their states {largest_rms(states):.3g}' if states else ''
        diverged = not math.isfinite(loss.item())
        raise_together(
            f'loss is {loss.item()} at iteration {iteration + 1} (clips {clips}{norm})'
            if diverged
            else None
        )

    def synchronize(self) -> None:
        """Called on all ranks before one of them writes a checkpoint."""

    def state_dict(self) -> dict:
        """The state of the loop that a checkpoint must contain, besides the iteration."""
        return dict(seconds=dict(self.timer.seconds))

    def load_state_dict(self, state: dict) -> None:
        """Restores what :meth:`state_dict` returned."""
        self.timer.seconds = dict(state['seconds'])


@LOOPS.register_module()
class RIBPTTLoop(ClipTrainLoop):
    """Truncated RI-BPTT: random clips of random windows, started from the initial state (Fig. 5).

    The paper calls the initial state random; here it is zero by default, as in the networks that
    the paper builds on (see ``init_state``).
    """


@HOOKS.register_module()
class LoopStateHook(Hook):
    """Saves the train loop's own state in checkpoints."""

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        checkpoint['train_loop'] = runner.train_loop.state_dict()

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        # load_from alone starts a new training
        if runner.cfg.get('resume') and 'train_loop' in checkpoint:
            runner.train_loop.load_state_dict(checkpoint['train_loop'])
