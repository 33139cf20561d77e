"""Measures a few iterations and frames of a run, in a separate process with torch and MMagic.

It measures a real training on a part of the training set: the first frames of some videos. Only a
temporary folder is written to.
"""

import copy
import math
import resource
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmagic.registry import DATASETS
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from dataset_tools.manifest import Video, VideoSet
from harness.data import ClipIndex, VideoClipDataset
from harness.evaluation.evaluate import evaluate_set
from harness.evaluation.model import default_device, load_model
from harness.grid.forecast.estimate import EvaluationCost, TrainingCost, megapixels
from harness.runs.files import redirect_output
from harness.training.burn_in_loop import BurnInLoop
from harness.training.pi_loop import PIBPTTLoop
from harness.training.run import device_name, train

#: minimum number of frames of a state pass or burn-in besides those of a clip, on a CPU
PASS_FRAMES = 16
#: minimum number of steps and seconds to time after the first step
STEPS, SECONDS = 5, 3.0
#: seconds after which one step is enough
TOO_LONG = 30.0


def measure_training(cfg: Config, slot: int, threads: int) -> TrainingCost:
    """Measures a few training iterations.

    Args:
        cfg: The resolved config of a run.
        slot: The number of the worker, which selects its GPU if there are several.
        threads: The number of CPU threads.
    """
    _use(slot * cfg.get('nproc', 1), threads)
    with tempfile.TemporaryDirectory(prefix='plan-') as folder:
        redirect_output(Path(folder) / 'log.txt')
        clock = StepClock(Path(folder))
        train(_cut_short(cfg, folder), [clock])
        return clock.result()


def _cut_short(cfg: Config, work_dir: str) -> Config:
    """The same training on a part of the set, without anything that does not happen every step."""
    cfg = copy.deepcopy(cfg)
    options, loading = cfg.train_cfg, cfg.train_dataloader
    windows = max(loading.batch_size, options.get('state_pass_batch', 16))
    beside = max(PASS_FRAMES, 2 * options.get('burn_in', 0))
    loading.dataset.update(
        type='MeasuredClips',
        count=math.ceil(windows / options.get('windows_per_video', 1)),
        frames=None if torch.cuda.is_available() else options.clip_length + beside,
    )
    loading.update(num_workers=0, persistent_workers=False)
    if 'repeats' in options:
        options.update(repeats=1, warmup_iters=0)
        options.setdefault('bank', {}).pop('folder', None)
    for key in ('val_cfg', 'val_dataloader', 'val_evaluator', 'visualizer'):
        cfg.pop(key, None)
    # other hooks work at intervals or, such as those that freeze weights, only at the beginning
    hooks = cfg.get('custom_hooks', ())
    cfg.custom_hooks = [hook for hook in hooks if hook.get('type') == 'PartialLoadHook']
    cfg.default_hooks = dict(cfg.get('default_hooks', {}), checkpoint=None)
    cfg.default_hooks.pop('state_diagnostics', None)
    cfg.work_dir, cfg.experiment_name = work_dir, Path(work_dir).name
    return cfg


@DATASETS.register_module()
class MeasuredClips(VideoClipDataset):
    """The first frames of some videos of a training set; measures how long loading takes.

    Args:
        count: The number of videos.
        frames: The number of frames of each; None for all.
        kwargs: As for :class:`VideoClipDataset`.
    """

    def __init__(self, count: int, frames: int | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.videos = self.videos[:: max(1, len(self.videos) // count)][:count]
        self.frames = frames
        self.seconds = {True: 0.0, False: 0.0}  # of clips, of windows without GT
        self.loaded = {True: 0, False: 0}  # their frames
        self.spent = 0.0  # total for windows
        self.decoding, self.pixels = 0.0, 0  # seconds and pixels read into the cache

    @property
    def lengths(self) -> list[int]:
        return [min(frames, self.frames or frames) for frames in super().lengths]

    def read(self, kind: str, video: int, frame: int) -> np.ndarray:
        is_new = self._cache is not None and (kind, video, frame) not in self._cache
        begin = time.perf_counter()
        image = super().read(kind, video, frame)
        if is_new:
            self.decoding += time.perf_counter() - begin
            self.pixels += image.shape[0] * image.shape[1]
        return image

    def __getitem__(self, index: ClipIndex) -> dict:
        called = time.perf_counter()
        if self._cache is not None:
            super().__getitem__(index)  # fills the cache, which later epochs find full
        begin = time.perf_counter()
        sample = super().__getitem__(index)
        end = time.perf_counter()
        self.seconds[index.with_gt] += end - begin
        self.loaded[index.with_gt] += index.length
        self.spent += 0.0 if index.with_gt else end - called
        return sample


class StepClock(Hook):
    """Times the parts of a training and ends it after some iterations."""

    priority = 'LOWEST'

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.begin = time.perf_counter()
        self.before: float | None = None
        self.steps: list[float] = []
        self.pass_frame = 0.0
        self.burnt: list[float] = []  # seconds per frame of each burn-in

    def before_train(self, runner: Runner) -> None:
        self.loop = runner.train_loop
        self.dataset: MeasuredClips = self.loop.dataloader.dataset
        self.setup = time.perf_counter() - self.begin
        self.began = time.perf_counter()

    def before_train_epoch(self, runner: Runner) -> None:
        self.before = self._passed()

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        self.before_step = self._seconds('step')
        self.before_burn_in = self._seconds('burn_in')
        if isinstance(self.loop, PIBPTTLoop) and self.before is not None:
            windows = zip(self.loop.plan.entries, self.loop.boundaries(), strict=True)
            both_ways = self.loop.model.generator.bidirectional
            frames = sum(w.length if both_ways else int(b.max()) for w, b in windows)
            self.pass_frame = (self._passed() - self.before) / max(frames, 1)
            self.before = None

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        self.steps.append(self._seconds('step') - self.before_step)
        if isinstance(self.loop, BurnInLoop):
            self._note_burn_in()
        timed, seconds = len(self.steps) - 1, time.perf_counter() - self.began
        self.loop.stop_training = (timed >= STEPS and seconds >= SECONDS) or (
            timed >= 1 and seconds >= TOO_LONG
        )

    def _note_burn_in(self) -> None:
        done = self.loop.iter - self.loop.planner.first_iteration(self.loop.epoch)
        frames = sum(self.loop.frames_run(clip.index) for clip in self.loop.plan.batches[done])
        if frames and len(self.steps) > 1:
            seconds = self._seconds('burn_in') - self.before_burn_in
            self.burnt.append(seconds / frames)
            self.pass_frame = statistics.median(self.burnt)

    def after_train(self, runner: Runner) -> None:
        self.loop.synchronize()
        begin = time.perf_counter()
        runner.save_checkpoint(str(self.folder), 'measured.pth', by_epoch=False)
        self.save = time.perf_counter() - begin

    def _seconds(self, part: str) -> float:
        return self.loop.timer.seconds.get(part, 0.0)

    def _passed(self) -> float:
        """Seconds of state passes without loading: nothing is prefetched for a single group."""
        return self._seconds('state_pass') - self.dataset.spent

    def result(self) -> TrainingCost:
        """The measured cost, without the first step."""
        frame = {
            kind: self.dataset.seconds[kind] / max(self.dataset.loaded[kind], 1)
            for kind in (True, False)
        }
        bank = getattr(self.loop, 'bank', None)
        planner = self.loop.planner
        return TrainingCost(
            setup=self.setup,
            decode=1e6 * self.dataset.decoding / max(self.dataset.pixels, 1),
            step=statistics.median(self.steps[1:] or self.steps),
            load=frame[True] * planner.clip_length * planner.batch_size,
            pass_frame=self.pass_frame,
            load_frame=frame[False],
            save=self.save,
            checkpoint=(self.folder / 'measured.pth').stat().st_size,
            memory=_peak_memory() - (bank.nbytes if bank else 0),
            slot=self.loop.slot_bytes if bank else 0,
            bidirectional=self.loop.model.generator.bidirectional,
            device=device_name(),
        )


def measure_evaluation(
    cfg: Config,
    test_sets: Mapping[str, VideoSet],
    metrics: Sequence[str],
    slot: int,
    threads: int,
) -> EvaluationCost:
    """Measures the evaluation of a network, trained or not, on a few frames of each test set.

    Args:
        cfg: The resolved config of a run.
        test_sets: Name -> test set.
        metrics: As for :func:`~harness.evaluation.evaluate.evaluate_set`.
        slot, threads: As for :func:`measure_training`.
    """
    _use(slot * cfg.get('nproc', 1), threads)
    begin = time.perf_counter()
    device = default_device()
    net = load_model(cfg, None, device).generator
    setup = time.perf_counter() - begin
    megapixel = {}
    with tempfile.TemporaryDirectory(prefix='plan-') as folder:
        output = Path(folder) / 'frames.csv'

        def seconds(part: VideoSet) -> float:
            begin = time.perf_counter()
            evaluate_set(net, part, output, cfg.get('lr_kind', 'lr_bd'), device, metrics=metrics)
            return time.perf_counter() - begin

        for name, test_set in test_sets.items():
            video = next(iter(test_set.videos.values()))
            seconds(first_frames(test_set, video, 2))
            frame = seconds(first_frames(test_set, video, 2)) / 2
            frames = max(4, min(50, round(1 / frame)))
            part = first_frames(test_set, video, frames)
            megapixel[name] = seconds(part) / megapixels(part)
    return EvaluationCost(setup, megapixel, _peak_memory(), device_name())


def first_frames(video_set: VideoSet, video: Video, count: int) -> VideoSet:
    """A set that consists of the first ``count`` frames of one video."""
    count = min(count, video.frames)
    entry = dict(video_set.manifest['videos'][video.name], frames=count)
    for kind in video_set.kinds:
        entry[kind] = dict(entry[kind], sha256=entry[kind]['sha256'][:count])
    return replace(
        video_set,
        videos={video.name: replace(video, frames=count)},
        manifest=dict(video_set.manifest, videos={video.name: entry}),
    )


def _use(first_gpu: int, threads: int) -> None:
    torch.set_num_threads(threads)
    if torch.cuda.is_available():
        torch.cuda.set_device(first_gpu % torch.cuda.device_count())


def _peak_memory() -> int:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
