"""What a run will take, by arithmetic from a few measured seconds; imports nothing heavy."""

import heapq
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dataset_tools.manifest import VideoSet
from harness.clip_limits import bank_slots
from harness.grid.expand import Run


class TrainingCost(NamedTuple):
    """Seconds and bytes of one kind of training, measured.

    Attributes:
        setup: seconds before the first iteration.
        decode: seconds of reading a million pixels into the training set's cache, once; 0 without
            a cache.
        step: seconds of an optimizer step of a batch that is in memory.
        load: seconds of loading a batch in one process.
        pass_frame: seconds of the state pass, or of burn-in, for a frame of a window that is in
            memory; 0 where the strategy has neither.
        load_frame: seconds of loading a frame of a window in one process.
        save: seconds of writing a checkpoint.
        checkpoint: bytes of a checkpoint.
        memory: most bytes in use (of the GPU if there is one, else of the process) without the bank
            of hidden states.
        slot: bytes of the hidden states at one boundary of a window; 0 without a bank.
        bidirectional: the state pass goes through whole windows, burn-in through both ends.
        device: what it was measured on.
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
    """Measured on a few frames: seconds to begin, and for a million HR pixels of each test set."""

    setup: float
    megapixel: dict[str, float]
    memory: int
    device: str


class Remaining(NamedTuple):
    """What is still to do of a run: iterations, and how often each test set is evaluated."""

    iterations: int
    test_sets: Mapping[str, float]


class Estimate(NamedTuple):
    """What the rest of a run takes; ``problem`` says why that is not known.

    Times are in seconds, sizes in bytes; ``passing`` is the share of the state pass or of burn-in
    in an iteration, ``bank`` that of the hidden states of all processes.
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
    """Adds up what is left of a run.

    Args:
        run: the run.
        rest: what is left of it.
        train_set: its training set, None for networks that are not trained.
        test_sets: those of the grid.
        training: measured where iterations are left, else None.
        evaluation: measured where test sets are left, else None.
        cores: CPU cores for the data-loader workers of one process.
    """
    result = Estimate(run, rest.iterations)
    if training and rest.iterations:
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
    """Of a training, with loading and the share of state pass or burn-in; arguments as above."""
    workers = _workers(run, cores)
    iteration = _side_by_side(training.step, training.load, workers)
    return iteration + _pass_seconds(run, train_set, training, workers)


def _workers(run: Run, cores: int) -> int:
    return min(run.cfg.train_dataloader.get('num_workers', 0), cores)


def _megapixels_read(run: Run, train_set: VideoSet, iterations: int) -> float:
    """Millions of pixels of all frames, or of as many as the clips have."""
    loading = run.cfg.train_dataloader
    frames = sum(video.frames for video in train_set.videos.values())
    of_clips = iterations * loading.batch_size * run.cfg.train_cfg.clip_length
    kinds = ('gt', loading.dataset.get('lr_kind', 'lr_bd'))
    return min(1, of_clips / frames) * sum(megapixels(train_set, kind) for kind in kinds)


def _side_by_side(compute: float, load: float, workers: int) -> float:
    """Seconds where worker processes load while the network computes."""
    return max(compute, load / workers) if workers else compute + load


def _pass_seconds(run: Run, train_set: VideoSet, training: TrainingCost, workers: int) -> float:
    """The share of an iteration in the state pass of its epoch, or its burn-in."""
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
    # the first worker is a thread, if there are none
    frame = max(training.pass_frame, training.load_frame / max(workers, 1))
    passing = max(0, run.iterations - options.get('warmup_iters', 0)) / run.iterations
    return passing * frames * frame / run.cfg.get('nproc', 1) / iterations


def _burn_in_seconds(run: Run, train_set: VideoSet, training: TrainingCost, workers: int) -> float:
    """Windows are loaded with their clips' frames, by a thread where there are no workers."""
    options, batch = run.cfg.train_cfg, run.cfg.train_dataloader.batch_size
    frames = [
        burn_in_frames(video.frames, options.clip_length, options.burn_in)
        for video in train_set.videos.values()
    ]
    mean = (2 if training.bidirectional else 1) * sum(frames) / len(frames)
    loaded = mean + options.clip_length
    return batch * max(mean * training.pass_frame, loaded * training.load_frame / max(workers, 1))


def burn_in_frames(frames: int, clip_length: int, burn_in: int) -> float:
    """Frames before a clip that burn-in runs through, on average: at most ``burn_in``."""
    starts = range(frames - clip_length + 1)
    return sum(min(start, burn_in) for start in starts) / len(starts)


def pass_frames(
    frames: int, clip_length: int, repeats: int, bidirectional: bool, keeps_all: bool
) -> float:
    """Frames of a window that the state pass goes through, on average.

    All if time runs both ways, else those before the last of R start frames, which are uniform in
    0..T-l.
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
    """Iterations between two checkpoints, and how many are kept."""
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
    """When the last run ends, if ``jobs`` workers take the runs in their order."""
    ends = [0.0] * jobs
    for duration in seconds:
        heapq.heapreplace(ends, ends[0] + duration)
    return max(ends)
