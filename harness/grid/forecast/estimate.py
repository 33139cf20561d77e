"""Extrapolates the cost of a run from a few measured seconds; imports nothing heavy."""

import heapq
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dataset_tools.manifest import VideoSet
from harness.clip_limits import bank_slots
from harness.grid.expand import Run


class TrainingCost(NamedTuple):
    """The measured cost of one kind of training, in seconds and bytes.

    Attributes:
        setup: Seconds before the first iteration.
        decode: Seconds to read a million pixels into the training set's cache, once; 0 without a
            cache.
        step: Seconds of an optimizer step on a batch in memory.
        load: Seconds to load a batch in one process.
        pass_frame: Seconds of the state pass, or of burn-in, per frame of a window in memory; 0 if
            the strategy has neither.
        load_frame: Seconds to load a frame of a window in one process.
        save: Seconds to write a checkpoint.
        checkpoint: Bytes of a checkpoint.
        memory: Peak memory in bytes (of the GPU if there is one, else of the process) without the
            bank of hidden states.
        slot: Bytes of the hidden states at one boundary of a window; 0 without a bank.
        bidirectional: Whether the state pass covers whole windows, and burn-in both ends.
        device: The device on which it was measured.
    """

    setup: float
    decode: float
    step: float
    load: float
    pass_frame: float
    load_frame: float
    save: float
    checkpoint: int
    memory: int
    slot: int
    bidirectional: bool
    device: str


class EvaluationCost(NamedTuple):
    """The cost of evaluation, measured on a few frames.

    Attributes:
        setup: Seconds before the first frame.
        megapixel: Test set -> seconds per million HR pixels.
        memory: Peak memory in bytes.
        device: The device on which it was measured.
    """

    setup: float
    megapixel: dict[str, float]
    memory: int
    device: str


class Remaining(NamedTuple):
    """The remaining work of a run: iterations, and how often each test set is evaluated."""

    iterations: int
    test_sets: Mapping[str, float]


class Estimate(NamedTuple):
    """The estimated cost of the rest of a run, in seconds and bytes.

    Attributes:
        run: The run.
        iterations: The remaining iterations.
        iteration: Seconds per iteration.
        passing: The part of that for the state pass or burn-in.
        training: Seconds of the remaining training.
        evaluation: Seconds of the remaining evaluation.
        memory: Peak memory of one process, without the bank.
        bank: Size of the hidden-state banks of all processes.
        disk: Size of the checkpoints.
        problem: Why the cost is unknown, if it is.
    """

    run: Run
    iterations: int
    iteration: float = 0.0
    passing: float = 0.0
    training: float = 0.0
    evaluation: float = 0.0
    memory: int = 0
    bank: int = 0
    disk: int = 0
    problem: str | None = None

    @property
    def seconds(self) -> float:
        return self.training + self.evaluation


def estimate_run(
    run: Run,
    rest: Remaining,
    train_set: VideoSet | None,
    test_sets: Mapping[str, VideoSet],
    training: TrainingCost | None,
    evaluation: EvaluationCost | None,
    cores: int,
) -> Estimate:
    """Estimates the cost of the remaining work of a run.

    Args:
        run: The run.
        rest: Its remaining work.
        train_set: Its training set; None for networks that are not trained.
        test_sets: The test sets of the grid.
        training: The measured cost of training; None if no iterations remain.
        evaluation: The measured cost of evaluation; None if no test sets remain.
        cores: CPU cores for the data loader workers of one process.
    """
    result = Estimate(run, rest.iterations)
    if training and train_set and rest.iterations:
        iteration = seconds_per_iteration(run, train_set, training, cores)
        interval, kept = _checkpoints(run)
        result = result._replace(
            iteration=iteration,
            passing=_pass_seconds(run, train_set, training, _workers(run, cores)),
            training=training.setup
            + training.decode * _megapixels_read(run, train_set, rest.iterations)
            + rest.iterations * iteration
            + (1 + rest.iterations // interval) * training.save,
            memory=training.memory,
            bank=_bank(run, train_set, training),
            disk=kept * training.checkpoint,
        )
    if evaluation and rest.test_sets:
        seconds = sum(
            evaluation.megapixel[name] * megapixels(test_sets[name]) * times
            for name, times in rest.test_sets.items()
        )
        result = result._replace(
            evaluation=evaluation.setup + seconds, memory=max(result.memory, evaluation.memory)
        )
    return result


def seconds_per_iteration(
    run: Run, train_set: VideoSet, training: TrainingCost, cores: int
) -> float:
    """Seconds per iteration, including loading and a share of the state pass or burn-in.

    The arguments are those of :func:`estimate_run`.
    """
    workers = _workers(run, cores)
    iteration = _side_by_side(training.step, training.load, workers)
    return iteration + _pass_seconds(run, train_set, training, workers)


def _workers(run: Run, cores: int) -> int:
    return min(run.cfg.train_dataloader.get('num_workers', 0), cores)


def _megapixels_read(run: Run, train_set: VideoSet, iterations: int) -> float:
    """Millions of pixels of all frames, or of the frames of all clips if they are fewer."""
    loading = run.cfg.train_dataloader
    frames = sum(video.frames for video in train_set.videos.values())
    of_clips = iterations * loading.batch_size * run.cfg.train_cfg.clip_length
    kinds = ('gt', loading.dataset.get('lr_kind', 'lr_bd'))
    return min(1, of_clips / frames) * sum(megapixels(train_set, kind) for kind in kinds)


def _side_by_side(compute: float, load: float, workers: int) -> float:
    """Seconds of a step if worker processes, if any, load while the network computes."""
    return max(compute, load / workers) if workers else compute + load


def _pass_seconds(run: Run, train_set: VideoSet, training: TrainingCost, workers: int) -> float:
    """Seconds of an iteration's share of the state pass of its epoch, or of its burn-in."""
    options = run.cfg.train_cfg
    if options.get('burn_in'):
        return _burn_in_seconds(run, train_set, training, workers)
    if not training.slot:
        return 0.0
    windows = options.get('windows_per_video', 1)
    lengths = [video.frames for video in train_set.videos.values()]
    batch = run.cfg.train_dataloader.batch_size * run.cfg.get('nproc', 1)
    iterations = len(lengths) * windows * options.repeats / batch
    frames = windows * sum(
        pass_frames(
            frames,
            options.clip_length,
            options.repeats,
            training.bidirectional,
            options.get('states') == 'all',
        )
        for frames in lengths
    )
    # without workers, a thread loads
    frame = max(training.pass_frame, training.load_frame / max(workers, 1))
    passing = max(0, run.iterations - options.get('warmup_iters', 0)) / run.iterations
    return passing * frames * frame / run.cfg.get('nproc', 1) / iterations


def _burn_in_seconds(run: Run, train_set: VideoSet, training: TrainingCost, workers: int) -> float:
    """Seconds of burn-in per iteration; a worker or thread loads windows together with clips."""
    options, batch = run.cfg.train_cfg, run.cfg.train_dataloader.batch_size
    frames = [
        burn_in_frames(video.frames, options.clip_length, options.burn_in)
        for video in train_set.videos.values()
    ]
    mean = (2 if training.bidirectional else 1) * sum(frames) / len(frames)
    loaded = mean + options.clip_length
    return batch * max(mean * training.pass_frame, loaded * training.load_frame / max(workers, 1))


def burn_in_frames(frames: int, clip_length: int, burn_in: int) -> float:
    """The mean number of frames that burn-in runs before a clip; at most ``burn_in``."""
    starts = range(frames - clip_length + 1)
    return sum(min(start, burn_in) for start in starts) / len(starts)


def pass_frames(
    frames: int, clip_length: int, repeats: int, bidirectional: bool, keeps_all: bool
) -> float:
    """The mean number of frames of a window that the state pass processes.

    All T frames for bidirectional networks; otherwise those before the last of the R start frames,
    which are uniform in 0..T-l.
    """
    if bidirectional:
        return frames
    last = frames - clip_length
    if keeps_all:
        return last
    return sum(1 - ((start + 1) / (last + 1)) ** repeats for start in range(last))


def _bank(run: Run, train_set: VideoSet, training: TrainingCost) -> int:
    if not training.slot:
        return 0
    options, nproc = run.cfg.train_cfg, run.cfg.get('nproc', 1)
    slots = bank_slots(
        [video.frames for video in train_set.videos.values()],
        options.clip_length,
        run.cfg.train_dataloader.batch_size,
        options.get('windows_per_video', 1),
        nproc,
        options.repeats,
        options.get('states') == 'all',
    )
    return nproc * slots * training.slot


def _checkpoints(run: Run) -> tuple[int, int]:
    """The interval between checkpoints in iterations, and how many are kept."""
    options = run.cfg.get('default_hooks', {}).get('checkpoint') or {}
    interval = options.get('interval', -1)
    interval = interval if interval > 0 else run.iterations
    written = 1 + run.iterations // interval
    kept = options.get('max_keep_ckpts', 2)
    return interval, (written if kept < 0 else min(kept, written)) + ('save_best' in options)


def megapixels(video_set: VideoSet, kind: str = 'gt') -> float:
    """Millions of pixels of all frames of a set."""
    sizes = [(video.frames, *video.sizes[kind]) for video in video_set.videos.values()]
    return sum(frames * height * width for frames, height, width in sizes) / 1e6


def wall_clock(seconds: Sequence[float], jobs: int) -> float:
    """Seconds until the last run ends if ``jobs`` workers take the runs in order."""
    ends = [0.0] * jobs
    for duration in seconds:
        heapq.heapreplace(ends, ends[0] + duration)
    return max(ends)
