"""What is measured is what the runs do."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from dataset_tools.pack_writer import make_packed_set
from harness.data import VideoClipDataset, clips
from harness.evaluation.evaluate import evaluate_set
from harness.evaluation.model import load_model
from harness.evaluation.videos import set_frames
from harness.grid import measure
from harness.grid.checks import load_grid
from harness.grid.estimate import megapixels
from harness.grid.expand import expand
from harness.training.pi_loop import PIBPTTLoop
from harness.training.run import train


@pytest.fixture(autouse=True)
def same_process(monkeypatch):
    """These tests are no process of their own whose output and threads are to be set."""
    monkeypatch.setattr(measure, '_redirect_output', lambda path: None)
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


@pytest.mark.parametrize('strategy', ['RI', 'TBPTT', 'PI', 'PI-all'])
def test_training_is_measured_as_it_is(run_of, tmp_path, monkeypatch, strategy):
    run = run_of(strategy, strategies=[strategy])
    before = set(Path.cwd().iterdir()), set(tmp_path.iterdir())
    result, clock = measured(run, monkeypatch)
    assert (set(Path.cwd().iterdir()), set(tmp_path.iterdir())) == before
    assert len(clock.steps) == 1 + measure.STEPS
    # in real training of as many iterations
    cfg = run.cfg
    cfg.train_cfg.max_iters, cfg.work_dir = 1 + measure.STEPS, str(tmp_path / 'run')
    cfg.experiment_name = tmp_path.name
    train(cfg)
    timing = json.loads((tmp_path / 'run' / 'timing.json').read_text())
    assert result.step == pytest.approx(timing['step_ms'] / 1e3, rel=3)
    assert result.load > 0 and result.setup > 0 and result.save > 0
    assert result.memory > 10**8
    written = (tmp_path / 'run' / 'iter_6.pth').stat().st_size
    assert result.checkpoint == pytest.approx(written, rel=0.3)
    is_pi = strategy.startswith('PI')
    assert (result.slot == 4 * 16 * 16 * (3 * 16 + 3)) == is_pi
    assert (result.pass_frame > 0 and result.load_frame > 0) == is_pi
    assert not result.bidirectional


def test_loading_and_state_pass_are_told_apart(run_of, monkeypatch):
    """Each frame takes 6 ms to load and 6 ms to pass, beside what they really take."""
    load, pass_states = VideoClipDataset.__getitem__, PIBPTTLoop.pass_states

    def slow_load(dataset, index):
        time.sleep(6e-3 * index.length)
        return load(dataset, index)

    def slow_pass(loop, entries, starts, bank):
        time.sleep(6e-3 * sum(int(s.max()) for s in starts))
        pass_states(loop, entries, starts, bank)

    monkeypatch.setattr(VideoClipDataset, '__getitem__', slow_load)
    monkeypatch.setattr(PIBPTTLoop, 'pass_states', slow_pass)
    result, _ = measured(run_of('PI'), monkeypatch)
    assert 6e-3 < result.load_frame < 12e-3
    assert 6e-3 < result.pass_frame < 12e-3
    batch, clip_length = 2, 4
    assert 6e-3 < result.load / batch / clip_length < 12e-3


@pytest.mark.parametrize('cache', [True, False])
def test_decoding_into_the_cache(run_of, cache, monkeypatch):
    """Each frame that is decoded takes 5 ms; 20 of those read are 96 x 128 and 24 x 32."""
    read = clips.frame_reader

    def slow_reader(video_set):
        def slow(*args):
            time.sleep(5e-3)
            return read(video_set)(*args)

        return slow

    monkeypatch.setattr(clips, 'frame_reader', slow_reader)
    run = run_of('RI')
    run.cfg.train_dataloader.dataset.cache = cache
    result, _ = measured(run, monkeypatch)
    two_frames = (96 * 128 + 24 * 32) / 1e6
    if cache:
        assert 10e-3 < result.decode * two_frames < 30e-3
        assert result.load < 20e-3
    else:
        assert result.decode == 0
        assert result.load > 2 * 4 * 10e-3


@pytest.mark.parametrize('least, too_long, steps', [(0, 30, 6), (0, 0, 2), (1.5, 30, None)])
def test_how_long_it_takes(run_of, monkeypatch, least, too_long, steps):
    monkeypatch.setattr(measure, 'SECONDS', least)
    monkeypatch.setattr(measure, 'TOO_LONG', too_long)
    run = run_of('RI')
    run.cfg.train_cfg.max_iters = 10**6
    begin = time.perf_counter()
    _, clock = measured(run, monkeypatch)
    assert time.perf_counter() - begin > least
    assert len(clock.steps) == steps or (steps is None and len(clock.steps) >= 6)


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


def test_evaluation_is_measured_as_it_is(run_of, real_set, tmp_path):
    run = run_of('RI')
    result = measure.measure_evaluation(run.cfg, dict(moving=real_set), (), 0, 1)
    net = load_model(run.cfg, None, 'cpu').generator
    begin = time.perf_counter()
    evaluate_set(net, real_set, tmp_path / 'frames.csv')
    seconds = time.perf_counter() - begin
    assert result.megapixel['moving'] * megapixels(real_set) == pytest.approx(seconds, rel=3)
    assert result.setup > 0 and result.memory > 10**8


@pytest.mark.parametrize('packed', [False, True])
def test_first_frames(real_set, tmp_path, packed):
    whole = make_packed_set(real_set.root, tmp_path / 'packed')[0] if packed else real_set
    part = measure.first_frames(whole, whole.videos['astronaut'], 3)
    assert {name: v.frames for name, v in part.videos.items()} == {'astronaut': 3}
    expected = list(set_frames(whole, 'gt', 'astronaut'))[:3]
    assert np.array_equal(list(set_frames(part, 'gt', 'astronaut')), expected)
    everything = measure.first_frames(whole, whole.videos['astronaut'], 99)
    assert everything.videos['astronaut'].frames == 22
