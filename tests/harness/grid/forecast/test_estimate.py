"""The arithmetic of a plan, against sums by hand and epochs as they are planned."""

from types import MappingProxyType

import numpy as np
import pytest

from harness.clip_limits import Videos
from harness.grid.expand import expand
from harness.grid.forecast.estimate import (
    EvaluationCost,
    Remaining,
    TrainingCost,
    burn_in_frames,
    estimate_run,
    megapixels,
    pass_frames,
    wall_clock,
)
from harness.grid.validation import load_grid
from harness.training.plan import Planner

TRAINING = TrainingCost(
    setup=3.0,
    decode=0.0,
    step=0.5,
    load=0.25,
    pass_frame=0.125,
    load_frame=0.0625,
    save=2.0,
    checkpoint=1000,
    memory=5000,
    slot=10,
    bidirectional=True,
    device='x',
)
EVALUATION = EvaluationCost(setup=1.0, megapixel=dict(moving=8.0), memory=7000, device='x')


@pytest.fixture
def estimate(grid_file, tmp_path):
    """The estimate of the grid's run of a strategy, with other options of its network."""

    def make(
        strategy,
        *options,
        left=12,
        sets=MappingProxyType({}),
        cores=4,
        training=TRAINING,
        nproc=1,
        R=2,
        axes=(),
    ):
        text = grid_file.read_text().replace("label='Tiny'", f'options={options!r}')
        (tmp_path / 'grid.py').write_text(text)
        grid = load_grid(str(tmp_path / 'grid.py'), dict(axes, R=[R], strategies=[strategy]), nproc)
        run = next(r for r in expand(grid) if r.axes.strategy == strategy)
        return estimate_run(
            run,
            Remaining(left, sets),
            grid.train_sets.get(run.axes.train_set),
            grid.test_sets,
            training,
            EVALUATION,
            cores,
        )

    return make


@pytest.mark.slow
def test_iterations_and_checkpoints(estimate):
    """12 iterations, a checkpoint after 5 and 10 and at the end, two of them kept."""
    ri = TRAINING._replace(slot=0)
    whole = estimate('RI', training=ri)
    assert whole.iteration == 0.75
    assert whole.training == 3 + 12 * 0.75 + 3 * 2 == whole.seconds
    assert (whole.memory, whole.bank, whole.disk, whole.evaluation) == (5000, 0, 2000, 0)
    rest = estimate('RI', training=ri, left=4)
    assert rest.training == 3 + 4 * 0.75 + 2
    assert estimate('RI', training=ri, left=0).seconds == 0
    keep_all = 'default_hooks.checkpoint.max_keep_ckpts=-1'
    assert estimate('RI', keep_all, training=ri).disk == 3000
    best = 'default_hooks.checkpoint.save_best=psnr'
    assert estimate('RI', best, training=ri).disk == 3000


def test_filling_the_cache(estimate, real_set):
    """All 66 frames come into it, if the clips have as many."""
    ri = TRAINING._replace(slot=0)

    def added(left):
        slower = estimate('RI', left=left, training=ri._replace(decode=100.0))
        return slower.training - estimate('RI', left=left, training=ri).training

    whole = 100 * 66 * (96 * 128 + 24 * 32) / 1e6
    assert added(12) == pytest.approx(whole)
    assert added(4) == pytest.approx(whole * 32 / 66)  # 2 clips of 4 frames each


@pytest.mark.parametrize('workers, cores, iteration', [(1, 4, 0.5), (8, 4, 0.5), (8, 1, 2.0)])
def test_workers_load_while_the_network_computes(estimate, workers, cores, iteration):
    load = 2.0 if cores == 1 else 0.25
    training = TRAINING._replace(slot=0, load=load)
    options = [f'train_dataloader.num_workers={workers}']
    assert estimate('RI', *options, training=training, cores=cores).iteration == iteration


def test_state_pass(estimate):
    """Windows of 20, 22 and 24 frames, two each; an epoch is 6 windows x R clips / batch of 2."""
    frames, iterations = 2 * (20 + 22 + 24), 6 * 2 / 2
    assert estimate('PI').iteration == pytest.approx(0.75 + frames * 0.125 / iterations)
    slow_disk = TRAINING._replace(load_frame=0.5)
    assert estimate('PI', training=slow_disk).iteration == pytest.approx(
        0.75 + frames * 0.5 / iterations
    )
    # the first 3 of 12 iterations are without
    options = ['strategies.PI.warmup_iters=3']
    assert estimate('PI', *options).iteration == pytest.approx(
        0.75 + 9 / 12 * frames * 0.125 / iterations
    )
    # each of two processes has half of the windows
    assert estimate('PI', nproc=2, R=4).iteration == pytest.approx(
        0.75 + frames / 2 * 0.125 / (6 * 4 / 4)
    )


def test_bank(estimate):
    """As the training itself computes it."""
    assert estimate('PI').bank == (6 * 2 + 1) * 10
    assert estimate('PI', nproc=2).bank == 2 * (3 * 2 + 1) * 10


@pytest.mark.parametrize('repeats', [1, 3, 16])
def test_frames_of_a_state_pass(repeats):
    """The mean of the last start frames that a planner draws."""
    videos = Videos([16] * 6, [(24, 32)] * 6, 'abcdef')
    planner = Planner(videos, 7, 16, 2, seed=0, repeats=repeats, fixed_windows=True)
    lasts = []
    for epoch in range(150):
        starts: dict[int, list[int]] = {}
        for batch in planner.plan(epoch).batches:
            for clip in batch:
                starts.setdefault(clip.entry, []).append(clip.index.start)
        lasts += [max(s) for s in starts.values()]
    error = 4 * np.std(lasts) / len(lasts) ** 0.5
    assert pass_frames(16, 7, repeats, False, False) == pytest.approx(np.mean(lasts), abs=error)


def test_frames_of_other_state_passes():
    assert pass_frames(16, 7, 1, True, False) == 16
    assert pass_frames(16, 7, 1, False, True) == 9
    assert pass_frames(7, 7, 5, False, False) == 0


def test_evaluation(estimate, real_set):
    pixels = 66 * 96 * 128 / 1e6
    assert megapixels(real_set) == pytest.approx(pixels)
    once = estimate(None, left=0, sets=dict(moving=1), training=None)
    assert once.evaluation == pytest.approx(1 + 8 * pixels)
    twice = estimate(None, left=0, sets=dict(moving=2), training=None)
    assert twice.seconds == pytest.approx(1 + 2 * 8 * pixels)
    assert twice.memory == 7000 and twice.training == 0


def test_wall_clock():
    """5 | 1 2 3 -> 6; in another order 1 2 3 5 -> (1 + 3) | (2 + 5)."""
    assert wall_clock([5, 1, 2, 3], 2) == 6
    assert wall_clock([1, 2, 3, 5], 2) == 7
    assert wall_clock([1, 2, 3, 5], 1) == 11
    assert wall_clock([1, 2], 8) == 2
    assert wall_clock([], 2) == 0


@pytest.mark.parametrize('burn_in', [3, 100])
def test_burn_in(estimate, burn_in):
    """Frames before clips as they are planned; of both ends, if time runs both ways."""
    videos = Videos([20, 22, 24], [(24, 32)] * 3, list('abc'))
    planner = Planner(videos, 4, 16, 3, seed=0, repeats=50)
    starts = {number: [] for number in range(3)}
    for epoch in range(20):
        for batch in planner.plan(epoch).batches:
            for clip in batch:
                starts[clip.index.video].append(min(clip.index.start, burn_in))
    means = [burn_in_frames(frames, 4, burn_in) for frames in (20, 22, 24)]
    assert means == pytest.approx([np.mean(s) for s in starts.values()], rel=0.05)
    training = TRAINING._replace(slot=0, load_frame=0.01)
    for ways in (1, 2):
        cost = training._replace(bidirectional=ways == 2)
        found = estimate('burn-in', training=cost, axes=dict(burn_in=[burn_in]))
        assert found.passing == pytest.approx(2 * ways * np.mean(means) * 0.125)
        assert found.iteration == pytest.approx(0.75 + found.passing) and found.bank == 0
    slow = training._replace(load_frame=1.0, bidirectional=False)
    found = estimate('burn-in', training=slow, axes=dict(burn_in=[burn_in]))
    assert found.passing == pytest.approx(2 * (np.mean(means) + 4))
