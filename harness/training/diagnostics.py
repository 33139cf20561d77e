"""Measures the size of hidden states and the growth of a perturbation during training."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from mmagic.registry import HOOKS
from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from harness.data import ClipIndex, Window
from harness.data.validation import ValidationVideo
from harness.errors import fail
from harness.evaluation.state_measures import perturbation_growth, state_norms
from harness.networks.recurrent import RecurrentNet, States, memory_of
from harness.training.loops import ClipTrainLoop
from harness.training.validation import write_table


class IntervalHook(Hook):
    """Measures every ``interval`` iterations, and writes one CSV file each time.

    Args:
        interval: Iterations between two measurements; None for subclasses that decide themselves.
    """

    folder = ''

    def __init__(self, interval: int | None) -> None:
        self.interval = interval

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        if not self.every_n_train_iters(runner, self.interval):
            return
        with torch.no_grad():
            shares = all_gather_object(self.measure(runner.train_loop))
        self.write(runner, [row for share in shares for row in share])

    def write(self, runner: Runner, rows: list[dict]) -> None:
        """Writes the table of this iteration, unless it is empty."""
        path = Path(runner.work_dir) / f'{self.folder}/iter_{runner.iter + 1}.csv'
        if rows:
            write_table(pd.DataFrame(rows), path)

    def measure(self, loop: ClipTrainLoop) -> list[dict]:
        """The rows of this rank's table."""
        raise NotImplementedError


class Pace:
    """Decides when to measure, so that measurements take at most a share of the training time.

    This holds for the next measurement, which is assumed to take as long as the last one, relative
    to the time since then, and for all measurements relative to the whole training.

    Args:
        share: The maximum ratio of measuring time to other time.
        begin: The start of the training in seconds.
    """

    #: the assumed duration of the first measurement in iterations
    first_guess = 4

    def __init__(self, share: float, begin: float) -> None:
        self.share = share
        self.begin = self.last_end = begin
        self.spent, self.cost = 0.0, 0.0

    def is_due(self, now: float, iterations: int) -> bool:
        """Whether there is time for a measurement.

        Args:
            now: The current time in seconds.
            iterations: The number of iterations so far.
        """
        trained = now - self.begin - self.spent
        cost = self.cost or self.first_guess * trained / iterations
        is_paid = cost <= self.share * (now - self.last_end)
        return is_paid and self.spent + cost <= self.share * trained

    def note(self, begin: float, end: float) -> None:
        """Records a measurement from ``begin`` to ``end`` (seconds)."""
        self.cost, self.last_end = end - begin, end
        self.spent += self.cost


class _Place(NamedTuple):
    """A window to measure on.

    Attributes:
        about: Its columns in the table.
        lrs: LR frames (1, T, 3, h, w) in [0, 1], from the first frame of a video on.
        boundaries: The boundaries at which the state is perturbed.
        span: The number of frames for which a perturbation is followed.
        length: The number of frames of the video.
    """

    about: dict
    lrs: Tensor
    boundaries: list[int]
    span: int
    length: int


@HOOKS.register_module()
class StateDiagnosticsHook(IntervalHook):
    """Measures the size of the states and the growth of a perturbation, as signs of instability.

    Rows of ``states/iter_<n>.csv``: kind, video, direction, ``quantity``, ``boundary``, ``frames``
    and ``value``, where the quantity is

    - ``norm``: the root mean square of the state at the boundary (``frames`` is 0),
    - ``growth``: the state at the boundary is perturbed slightly; this is the norm of the
      difference between the resulting and the original states ``frames`` frames later (earlier,
      for the backward direction), divided by the norm of the perturbation. If it is above 1 and
      growing, the recurrence amplifies.

    With ``interval``, both are measured on a window in the middle of each moving and static
    validation video. Without it (the default in ``default_runtime.py``), they are measured in runs
    without validation, on windows in the middle of the two longest training videos: the state after
    the first l frames (the clip length) is perturbed and followed for 3 l frames; kind is
    ``train``. This takes at most ``share`` of the training time, see :class:`Pace`. Neither
    weights nor random draws are affected.

    Args:
        interval: Iterations between two measurements; None measures training windows.
        crop_size: The side of the window in LR pixels on validation videos; training windows have
            the crop size of the training.
        boundaries: The number of perturbed boundaries of a validation video, equally spaced.
        frames: The number of frames for which a perturbation is followed on a validation video.
        disturbance: The norm of the perturbation relative to that of the state.
        share: The maximum share of the training time, for training windows.

    Raises:
        UserError: ``interval`` is set, but there are no validation videos.
    """

    folder = 'states'
    #: maximum number of measurements on training windows
    most = 200

    def __init__(
        self,
        interval: int | None = None,
        crop_size: int = 64,
        boundaries: int = 3,
        frames: int = 15,
        disturbance: float = 1e-3,
        share: float = 0.02,
    ) -> None:
        super().__init__(interval)
        self.crop_size = crop_size
        self.boundaries = boundaries
        self.frames = frames
        self.disturbance = disturbance
        self.share = share
        self._places: list[_Place] | None = None
        self._is_on = True

    def before_train(self, runner: Runner) -> None:
        if self.interval is not None and runner.val_loop is None:
            fail(
                'StateDiagnosticsHook with interval needs validation videos: set val_dataloader, '
                'or omit interval to use training windows'
            )
        net = runner.train_loop.model.generator
        shapes = net.state_shapes(8, 8) if net.has_states else ({}, {})
        self._is_on = any(map(memory_of, shapes))
        self._pace, self._first = Pace(self.share, time.perf_counter()), runner.iter

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        if self.interval is not None:
            super().after_train_iter(runner, batch_idx, data_batch, outputs)
        elif self._is_on and runner.val_loop is None and is_main_process() and self._is_due(runner):
            self._measure_windows(runner)

    def _is_due(self, runner: Runner) -> bool:
        done = runner.iter + 1
        is_candidate = done % max(1, runner.max_iters // self.most) == 0
        return is_candidate and self._pace.is_due(time.perf_counter(), done - self._first)

    def _measure_windows(self, runner: Runner) -> None:
        begin = time.perf_counter()
        loop = runner.train_loop
        net = loop.model.generator.eval()
        with torch.no_grad():
            self._places = self._places or list(self._training_windows(loop))
            rows = [row for place in self._places for row in self._rows(net, place)]
        net.train()
        self.write(runner, rows)
        self._pace.note(begin, time.perf_counter())

    def _training_windows(self, loop: ClipTrainLoop) -> Iterator[_Place]:
        """Windows in the middle of the two longest videos, of at most 5 clip lengths."""
        dataset = loop.dataloader.dataset
        length, crop = loop.planner.clip_length, loop.planner.crop_size
        by_length = sorted(range(len(dataset.lengths)), key=lambda v: -dataset.lengths[v])
        for video in by_length[:2]:
            frames = min(5 * length, dataset.lengths[video])
            height, width = dataset.lr_sizes[video]
            window = Window((height - crop) // 2, (width - crop) // 2, crop, crop)
            sample = dataset[ClipIndex(video, window, 0, frames, with_gt=False)]
            span = min(3 * length, frames - 2)
            yield _Place(
                dict(kind='train', video=dataset.videos[video].name),
                loop.model.data_preprocessor(sample)['inputs'][None],
                [min(length, frames - 1 - span)] if span > 0 else [],
                span,
                dataset.lengths[video],
            )

    def measure(self, loop: ClipTrainLoop) -> list[dict]:
        dataset = loop.runner.val_loop.dataloader.dataset
        net = loop.model.generator.eval()
        rows: list[dict] = []
        for number in range(loop.planner.rank, len(dataset), loop.planner.world_size):
            rows += self._rows(net, self._place(dataset[number]['video'], loop.device))
        net.train()
        return rows

    def _place(self, video: ValidationVideo, device: torch.device) -> _Place:
        lrs = self._window(video).to(device)
        total = lrs.size(1)
        span = min(self.frames, total - 2)
        # without the ends of the video, where the state is zero
        spaced = np.linspace(1, total - 1 - span, self.boundaries).round().astype(int)
        boundaries = sorted(set(spaced.tolist())) if span > 0 else []
        return _Place(dict(kind=video.kind, video=video.name), lrs, boundaries, span, total)

    def _window(self, video: ValidationVideo) -> Tensor:
        """The window in the middle of all frames, (1, T, 3, h, w) in [0, 1]."""
        frames = np.stack(list(video.read(video.lr_kind)))
        height, width = (min(self.crop_size, size) for size in frames.shape[1:3])
        top, left = (frames.shape[1] - height) // 2, (frames.shape[2] - width) // 2
        frames = frames[:, top : top + height, left : left + width].transpose(0, 3, 1, 2)
        return torch.from_numpy(np.ascontiguousarray(frames))[None] / 255

    def _rows(self, net: RecurrentNet, place: _Place) -> Iterator[dict]:
        lrs, span = place.lrs, place.span
        every = torch.arange(lrs.size(1) + 1)[None]
        states = net.states_at(lrs, every, every, net.condition(lrs, 0, place.length))
        for direction, norms in state_norms(states).items():
            for boundary, norm in enumerate(norms[0].tolist()):
                yield dict(
                    place.about,
                    direction=direction,
                    quantity='norm',
                    boundary=boundary,
                    frames=0,
                    value=norm,
                )
        for boundary in place.boundaries:
            around = States(
                _at(states, boundary).forward,
                _at(states, boundary + span).backward,
            )
            clip = lrs[:, boundary : boundary + span]
            cond = net.condition(clip, boundary, place.length)
            grown = perturbation_growth(net, clip, around, cond, self.disturbance)
            for direction, values in grown.items():
                at = boundary if direction == 'forward' else boundary + span
                for frames, value in enumerate(values.tolist(), 1):
                    yield dict(
                        place.about,
                        direction=direction,
                        quantity='growth',
                        boundary=at,
                        frames=frames,
                        value=value,
                    )


def _at(states: States, boundary: int) -> States:
    """The states (B, ...) at one of the boundaries of (B, R, ...)."""
    return states.map(lambda x: x[:, boundary])
