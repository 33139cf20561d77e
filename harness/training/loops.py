"""The skeleton of the clip training loops on MMEngine's Runner, and RI-BPTT."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmagic.registry import HOOKS, LOOPS
from mmengine.dist import all_gather_object, all_reduce, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop
from torch import nn

from harness.clip_limits import Videos
from harness.errors import UserError
from harness.networks.recurrent import States
from harness.training.amplification_penalty import AmplificationPenalty
from harness.training.initial_state import InitialState, make_initial_state
from harness.training.late_scalars import LateScalars, Scalars
from harness.training.plan import ClipPlan, EpochPlan, Planner
from harness.training.timing import PartTimer


class DivergedError(UserError):
    """Loss or states are no longer finite; training on would only spoil the checkpoints."""


def raise_together(problem: str | None) -> None:
    """Raises on all ranks if any of them has a problem, so that none waits for the others.

    Raises:
        DivergedError: with the problems of all ranks.
    """
    problems = [p for p in all_gather_object(problem) if p]
    if problems:
        raise DivergedError('; '.join(problems))


def largest_rms(states: States) -> float:
    """Largest root mean square of the entries of ``states``; NaN if any is."""
    squares = [x.float().square().mean() for state in states if state for x in state.values()]
    return float(torch.stack(squares).max().sqrt())


def unwrapped_model(runner) -> nn.Module:
    """The model of a runner without distributed wrappers."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


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
        init_state: None for the initial state of all zeros (and so in evaluation), or
            ``dict(type='normal', std=...)`` for normally distributed states where a video begins
            (and, backward, ends).
        amplification_weight: weight of the penalty on the growth of a small random perturbation of
            the state over the clip (see :mod:`harness.networks.amplification`), one more forward
            pass of each step; 0 leaves it out.
        val_interval, val_begin: as in MMEngine's ``IterBasedTrainLoop``.
    """

    planner_type = Planner
    #: whether clips start in the middle of videos
    needs_states = False
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
        init_state: dict | None = None,
        amplification_weight: float = 0.0,
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
        if self.needs_states and not self.model.generator.has_states:
            raise UserError(
                f'{type(self.model.generator).__name__} gives no states to start clips from, as '
                f'{type(self).__name__} must: train it with RI'
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
        self.plan: EpochPlan | None = None  # of the current epoch
        self.timer = PartTimer()
        self._late = LateScalars()
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
        return unwrapped_model(self.runner)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @property
    def look_ahead(self) -> int:
        """LR frames that are read after each clip: those that the network sees beyond its end."""
        return self.model.generator.look_ahead

    def run(self) -> torch.nn.Module:
        """Launches training."""
        self.runner.call_hook('before_train')
        if self._iter:
            self._validate_if_due()  # the checkpoint of an iteration is from before its validation
        while self._iter < self._max_iters and not self.stop_training:
            self._epoch = self.planner.epoch_of(self._iter)
            self.run_epoch()
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_epoch(self) -> None:
        """Trains the current epoch from wherever in it the loop stands."""
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
        """What is left of the current epoch."""
        done = self._iter - self.planner.first_iteration(self._epoch)
        return self.plan.batches[done : done + self._max_iters - self._iter]

    def begin_epoch(self) -> None:
        """Called before the first iteration of an epoch, also of a resumed one."""

    def states_for(self, batch: list[ClipPlan], data: dict) -> States | None:
        """States from which the clips of a batch start; None is the initial state.

        A network with look-ahead gets the LR frames that follow the clips.
        """
        net, states = self.model.generator, None
        if self.init_state is not None:
            states = self.init_state.draw(net, data['inputs'].float() / 255, self._iter)
        if 'following' in data:
            forward = states and states.forward
            states = States(forward, net.following(data.pop('following').float() / 255))
        return states

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """The model in eval mode, without gradient, with training's autocast."""
        self.model.eval()
        # the optimizer wrapper has the autocast
        with torch.no_grad(), self.runner.optim_wrapper.optim_context(self.model):
            yield
        self.model.train()

    def before_step(self, batch: list[ClipPlan]) -> None:
        """Called before each optimizer step."""

    def after_step(self, batch: list[ClipPlan]) -> None:
        """Called after each optimizer step."""

    def run_iter(self, batch: list[ClipPlan], data: dict) -> None:
        """One optimizer step.

        Raises:
            DivergedError: the loss is not finite; on a GPU, that of the iteration before. No
                checkpoint has been written since.
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

    def _read_losses(self, outputs: dict, batch, states) -> dict:
        """The losses on the CPU, checked; on a GPU those of the iteration before, see LateScalars.

        The first iteration has none there.
        """
        bad = torch.logical_not(outputs['loss'].detach().isfinite()).float()
        all_reduce(bad)
        read = self._late.exchange(dict(outputs, bad=bad), (self._iter, batch, states))
        return self._checked(read)

    def _checked(self, read: Scalars | None) -> dict:
        if read is None:
            return {}
        losses = dict(read.values)
        if losses.pop('bad').item():
            self._fail(losses['loss'], *read.about)
        return losses

    def check_losses(self) -> None:
        """Checks what has not been read yet; before anything is made of the weights."""
        self._checked(self._late.rest())

    def _fail(self, loss: torch.Tensor, iteration: int, batch, states) -> None:
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
        """What a checkpoint must hold of the loop beside its iteration."""
        return dict(seconds=dict(self.timer.seconds))

    def load_state_dict(self, state: dict) -> None:
        """Takes over what :meth:`state_dict` gave."""
        self.timer.seconds = dict(state['seconds'])


@LOOPS.register_module()
class RIBPTTLoop(ClipTrainLoop):
    """Truncated RI-BPTT: random clips of random windows, started from the initial state (Fig. 5).

    The paper calls the initial state random; by default it is zero, as in the networks it builds
    on (see ``init_state``).
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
