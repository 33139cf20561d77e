"""What is measured is what the runs do."""

import time
from pathlib import Path

import numpy as np
import pytest
from mmengine.runner import Runner

from dataset_tools.pack.writer import make_packed_set
from harness.data import VideoClipDataset, clips
from harness.evaluation.evaluate import evaluate_set
from harness.evaluation.videos import set_frames
from harness.grid.expand import expand
from harness.grid.forecast import measure
from harness.grid.forecast.estimate import megapixels
from harness.grid.validation import load_grid
from harness.networks.model import RecurrentVSR
from harness.training.burn_in_loop import BurnInLoop
from harness.training.pi_loop import PIBPTTLoop
from harness.training.run import train


@pytest.fixture(autouse=True)
def same_process(monkeypatch):
    """These tests are no process of their own whose output and threads are to be set."""
    monkeypatch.setattr(measure, 'redirect_output', lambda path: None)
    monkeypatch.setattr(measure, '_use', lambda first_gpu, threads: None)
    monkeypatch.setattr(measure, 'SECONDS', 0.0)


@pytest.fixture
def run_of(grid_file):
    def make(strategy, **overrides):
        grid = load_grid(str(grid_file), dict(R=[4], **overrides))
        return next(run for run in expand(grid) if run.axes.strategy == strategy)

    return make


def measured(run, monkeypatch):
    """The measurement, and the clock that made it."""
    clocks = []

    class Clock(measure.StepClock):
        def __init__(self, *args):
            super().__init__(*args)
            clocks.append(self)

    monkeypatch.setattr(measure, 'StepClock', Clock)
    return measure.measure_training(run.cfg, 0, 1), clocks[0]


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still but for what tests add to it."""

    class Clock:
        now = 0.0

        def during(self, owner, name, seconds):
            """Lets calls of a function take ``seconds(*args)``."""
            original = getattr(owner, name)

            def slow(*args, **kwargs):
                self.now += seconds(*args)
                return original(*args, **kwargs)

            monkeypatch.setattr(owner, name, slow)

    made = Clock()
    monkeypatch.setattr(time, 'perf_counter', lambda: made.now)
    return made


@pytest.mark.slow
@pytest.mark.parametrize('strategy', ['RI', 'TBPTT', 'PI', 'PI-all'])
def test_sizes_are_those_of_real_training(run_of, tmp_path, monkeypatch, strategy):
    run = run_of(strategy, strategies=[strategy])
    before = set(Path.cwd().iterdir()), set(tmp_path.iterdir())
    result, seen = measured(run, monkeypatch)
    assert (set(Path.cwd().iterdir()), set(tmp_path.iterdir())) == before
    assert len(seen.steps) == 1 + measure.STEPS
    cfg = run.cfg
    cfg.train_cfg.max_iters, cfg.work_dir = 1 + measure.STEPS, str(tmp_path / 'run')
    cfg.experiment_name = tmp_path.name
    train(cfg)
    written = (tmp_path / 'run' / 'iter_6.pth').stat().st_size
    assert result.checkpoint == pytest.approx(written, rel=0.3)
    assert result.memory > 10**8
    assert min(result.step, result.load, result.setup, result.save) > 0
    is_pi = strategy.startswith('PI')
    assert (result.slot == 4 * 16 * 16 * (3 * 16 + 3)) == is_pi
    assert (result.pass_frame > 0 and result.load_frame > 0) == is_pi
    assert not result.bidirectional


def test_times_are_told_apart(run_of, monkeypatch, clock):
    """Nothing takes time but what is slowed down here."""
    clock.during(VideoClipDataset, '__getitem__', lambda _, index: 2e-3 * index.length)
    clock.during(
        PIBPTTLoop, 'pass_states', lambda _, entries, starts, bank: 3e-3 * sum(map(max, starts))
    )
    clock.during(RecurrentVSR, 'train_step', lambda *_: 0.5)
    clock.during(Runner, 'save_checkpoint', lambda *_: 0.25)
    clock.during(Runner, 'from_cfg', lambda *_: 7.0)
    result, _ = measured(run_of('PI'), monkeypatch)
    assert result.load_frame == pytest.approx(2e-3)
    assert result.pass_frame == pytest.approx(3e-3)
    assert result.load == pytest.approx(2e-3 * 2 * 4)  # 2 clips of 4 frames
    assert (result.step, result.save, result.setup) == pytest.approx((0.5, 0.25, 7.0))


@pytest.mark.slow
def test_burn_in_is_measured_by_the_frame(run_of, monkeypatch, clock):
    # windows are loaded beside the burn-in, by a thread, which moves this clock as well
    clock.during(VideoClipDataset, '__getitem__', lambda _, i: 2e-3 * i.length * i.with_gt)
    clock.during(
        BurnInLoop,
        '_run',
        lambda loop, batch, _: 3e-3 * sum(loop.frames_run(c.index) for c in batch),
    )
    clock.during(RecurrentVSR, 'train_step', lambda *_: 0.5)
    result, _ = measured(run_of('burn-in', strategies=['burn-in']), monkeypatch)
    assert result.pass_frame == pytest.approx(3e-3) and result.load == pytest.approx(16e-3)
    assert (result.step, result.slot) == (pytest.approx(0.5), 0)


@pytest.mark.parametrize('cache', [True, False])
def test_decoding_into_the_cache(run_of, cache, monkeypatch, clock):
    """A frame takes 5 ms to decode, HR (96 x 128) or LR (24 x 32)."""
    read = clips.frame_reader

    def slow_reader(video_set):
        def slow(*args):
            clock.now += 5e-3
            return read(video_set)(*args)

        return slow

    monkeypatch.setattr(clips, 'frame_reader', slow_reader)
    run = run_of('RI')
    run.cfg.train_dataloader.dataset.cache = cache
    result, _ = measured(run, monkeypatch)
    two_frames = (96 * 128 + 24 * 32) / 1e6
    assert result.decode * two_frames == pytest.approx(10e-3 if cache else 0)
    assert result.load == pytest.approx(0 if cache else 2 * 4 * 10e-3)


@pytest.mark.parametrize(
    'step, steps',
    [
        pytest.param(0.01, 301, marks=pytest.mark.slow),
        *((0.1, 31), (1.0, 6), (8.0, 4), (16.0, 2), (40.0, 2)),
    ],
)
def test_how_long_it_takes(run_of, monkeypatch, clock, step, steps):
    """At least 3 s and 5 steps after the first, but after 30 s one is enough."""
    monkeypatch.setattr(measure, 'SECONDS', 3.0)
    run = run_of('RI')
    run.cfg.train_cfg.max_iters = 10**6
    clock.during(RecurrentVSR, 'train_step', lambda *_: step)
    _, seen = measured(run, monkeypatch)
    assert abs(len(seen.steps) - steps) <= (step < 1)


def test_only_a_part_of_the_set_is_read(run_of):
    cfg = measure._cut_short(run_of('PI').cfg, 'work')
    dataset = measure.MeasuredClips(
        **{k: v for k, v in cfg.train_dataloader.dataset.items() if k != 'type'}
    )
    assert dataset.lengths == [20, 20, 20]  # 4 of a clip and 16
    assert cfg.train_cfg.repeats == 1 and cfg.train_dataloader.num_workers == 0


def test_what_happens_at_intervals_is_left_out(grid_file, run_of):
    config = grid_file.with_name('tiny.py')
    config.write_text(
        config.read_text()
        + "custom_hooks = [dict(type='FreezeFlowHook', iters=5), dict(type='PartialLoadHook')]\n"
        + 'val_cfg, val_dataloader, val_evaluator = dict(a=1), dict(b=2), dict(c=3)\n'
    )
    cfg = measure._cut_short(run_of('RI').cfg, 'work')
    assert [hook.type for hook in cfg.custom_hooks] == ['PartialLoadHook']
    assert not {'val_cfg', 'val_dataloader', 'val_evaluator'} & set(cfg)
    assert cfg.default_hooks.checkpoint is None and cfg.default_hooks.logger


def test_evaluation_is_measured_by_the_pixel(run_of, real_set, make_set, monkeypatch, clock):
    """10 s for a million pixels; the first time a second more."""
    parts = []

    def slow(net, part, *args, **kwargs):
        clock.now += 10 * megapixels(part) + (not parts)
        parts.append(part)
        return evaluate_set(net, part, *args, **kwargs)

    monkeypatch.setattr(measure, 'evaluate_set', slow)
    run, small = run_of('RI'), make_set()
    result = measure.measure_evaluation(run.cfg, dict(moving=real_set, small=small), (), 0, 1)
    assert result.megapixel == pytest.approx(dict(moving=10.0, small=10.0))
    frames = [sum(v.frames for v in part.videos.values()) for part in parts]
    assert frames == [2, 2, round(1 / (10 * 96 * 128 / 1e6)), 2, 2, 3]
    assert result.memory > 10**8


@pytest.mark.parametrize('packed', [False, True])
def test_first_frames(real_set, tmp_path, packed):
    whole = make_packed_set(real_set.root, tmp_path / 'packed')[0] if packed else real_set
    part = measure.first_frames(whole, whole.videos['astronaut'], 3)
    assert {name: v.frames for name, v in part.videos.items()} == {'astronaut': 3}
    expected = list(set_frames(whole, 'gt', 'astronaut'))[:3]
    assert np.array_equal(list(set_frames(part, 'gt', 'astronaut')), expected)
    everything = measure.first_frames(whole, whole.videos['astronaut'], 99)
    assert everything.videos['astronaut'].frames == 22
