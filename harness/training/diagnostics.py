"""The size of hidden states and the growth of a perturbation, as training goes on."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from mmagic.registry import HOOKS
from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from torch import Tensor

from harness.data.validation import ValidationVideo
from harness.errors import UserError
from harness.evaluation.state_measures import perturbation_growth, state_norms
from harness.networks.recurrent import RecurrentNet, States

from .loops import ClipTrainLoop
from .validation import write_table


class IntervalHook(Hook):
    """Measures every ``interval`` iterations and writes one CSV file each time."""

    folder = ''

    def __init__(self, interval: int):
        self.interval = interval

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if not self.every_n_train_iters(runner, self.interval):
            return
        with torch.no_grad():
            shares = all_gather_object(self.measure(runner.train_loop))
        table = pd.DataFrame([row for share in shares for row in share])
        path = Path(runner.work_dir) / f'{self.folder}/iter_{runner.iter + 1}.csv'
        if len(table):
            write_table(table, path)

    def measure(self, loop: ClipTrainLoop) -> list[dict]:
        """Rows of this rank's table."""
        raise NotImplementedError


@HOOKS.register_module()
class StateDiagnosticsHook(IntervalHook):
    """Size of the states and growth of a perturbation on the validation videos.

    Both on a window in the middle of each moving and static validation video. Rows of
    ``states/iter_<n>.csv``: kind, video, direction, ``quantity``, ``boundary``, ``frames`` and
    ``value``, where the quantity is

    - ``norm``: root mean square of the state at the boundary (``frames`` is 0),
    - ``growth``: norm of the difference between the states ``frames`` frames after the boundary
      (before it, for the backward direction) that follow from the state there and from a slightly
      disturbed one, relative to the disturbance. Above 1 and growing: the recurrence amplifies.

    Args:
        interval: iterations between two measurements.
        crop_size: side of the window in LR pixels.
        boundaries: perturbed boundaries of a video, equally spaced.
        frames: for which a perturbation is followed.
        disturbance: norm of the perturbation relative to the state's.
    """

    folder = 'states'

    def __init__(
        self,
        interval: int,
        crop_size: int = 64,
        boundaries: int = 3,
        frames: int = 15,
        disturbance: float = 1e-3,
    ):
        super().__init__(interval)
        self.crop_size = crop_size
        self.boundaries = boundaries
        self.frames = frames
        self.disturbance = disturbance

    def before_train(self, runner) -> None:
        if runner.val_loop is None:
            raise UserError('StateDiagnosticsHook needs validation videos: set val_dataloader')

    def measure(self, loop):
        dataset = loop.runner.val_loop.dataloader.dataset
        net = loop.model.generator.eval()
        rows = []
        for number in range(loop.planner.rank, len(dataset), loop.planner.world_size):
            video = dataset[number]['video']
            about = dict(kind=video.kind, video=video.name)
            lrs = self._window(video).to(loop.device)
            rows += [dict(about, **row) for row in self._rows(net, lrs)]
        net.train()
        return rows

    def _window(self, video: ValidationVideo) -> Tensor:
        """The middle of each frame, (1, T, 3, h, w) in [0, 1]."""
        frames = np.stack(list(video.read(video.lr_kind)))
        height, width = (min(self.crop_size, size) for size in frames.shape[1:3])
        top, left = (frames.shape[1] - height) // 2, (frames.shape[2] - width) // 2
        frames = frames[:, top : top + height, left : left + width].transpose(0, 3, 1, 2)
        return torch.from_numpy(np.ascontiguousarray(frames))[None] / 255

    def _rows(self, net: RecurrentNet, lrs: Tensor) -> Iterator[dict]:
        total = lrs.size(1)
        every = torch.arange(total + 1)[None]
        states = net.states_at(lrs, every, every, net.condition(lrs, 0, total))
        for direction, norms in state_norms(states).items():
            for boundary, norm in enumerate(norms[0].tolist()):
                yield dict(
                    direction=direction, quantity='norm', boundary=boundary, frames=0, value=norm
                )
        span = min(self.frames, total - 2)
        if span < 1:
            return
        # not at the ends of the video, where the state is zero
        spaced = np.linspace(1, total - 1 - span, self.boundaries).round().astype(int)
        for boundary in sorted(set(spaced.tolist())):
            around = States(
                states.map(lambda x, t=boundary: x[:, t]).forward,
                states.map(lambda x, t=boundary + span: x[:, t]).backward,
            )
            clip = lrs[:, boundary : boundary + span]
            cond = net.condition(clip, boundary, total)
            grown = perturbation_growth(net, clip, around, cond, self.disturbance)
            for direction, values in grown.items():
                at = boundary if direction == 'forward' else boundary + span
                for frames, value in enumerate(values.tolist(), 1):
                    yield dict(
                        direction=direction,
                        quantity='growth',
                        boundary=at,
                        frames=frames,
                        value=value,
                    )
