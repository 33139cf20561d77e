"""States are watched on training windows, by default and cheaply, where nothing is validated."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from harness.networks.recurrent import States
from harness.training import diagnostics
from harness.training.diagnostics import Pace, StateDiagnosticsHook
from harness.training.run import train
from tests.harness.training.trainings import (
    BASICVSR,
    CLIP,
    CONDITIONED,
    CROP,
    MRVSR,
    PI,
    RI,
    VESPCN,
    assert_same_weights,
    weights_of,
)


def tables(cfg):
    paths = (Path(cfg.work_dir) / 'states').glob('iter_*.csv')
    return {int(path.stem.split('_')[1]): pd.read_csv(path) for path in paths}


@pytest.fixture
def always(monkeypatch):
    """Every iteration is due."""
    monkeypatch.setattr(StateDiagnosticsHook, '_is_due', lambda *_: True)


@pytest.mark.slow
@pytest.mark.parametrize(
    'loop, generator',
    [(PI, None), (RI, CONDITIONED), (PI, BASICVSR), (RI, MRVSR)],
    ids=['PI', 'FC', 'basicvsr', 'power-iteration'],
)
def test_watching_changes_no_weights(make_cfg, monkeypatch, loop, generator):
    """And is on unless the config says otherwise."""
    unwatched = make_cfg(loop, 6, 'unwatched', generator)
    unwatched.default_hooks.state_diagnostics = None
    plain = weights_of(train(unwatched))
    assert not tables(unwatched)
    monkeypatch.setattr(StateDiagnosticsHook, '_is_due', lambda *_: True)
    watched = make_cfg(loop, 6, 'watched', generator)
    assert_same_weights(weights_of(train(watched)), plain)
    found = tables(watched)
    assert sorted(found) == [1, 2, 3, 4, 5, 6]
    table = found[6]
    assert set(table.kind) == {'train'} and set(table.video) == {'chelsea', 'astronaut'}
    assert set(table.direction) == {'forward', 'backward'} if generator is BASICVSR else {'forward'}
    growth = table[table.quantity == 'growth']
    assert set(growth.frames) == set(range(1, 3 * CLIP + 1)) and (growth.value >= 0).all()
    forward = table[table.direction == 'forward']
    assert set(forward[forward.quantity == 'growth'].boundary) == {CLIP}
    norms = forward[(forward.quantity == 'norm') & (forward.video == 'chelsea')]
    assert list(norms.boundary) == list(range(5 * CLIP + 1))
    assert norms.value.iloc[0] == 0 and (norms.value.iloc[1:] > 0).all()


def test_what_is_measured(make_cfg, always, real_set):
    """Against states that are run and disturbed here."""
    cfg = make_cfg(RI, 1)
    cfg.optim_wrapper.optimizer.lr = 0
    cfg.param_scheduler = []
    kept = {}

    class Keep(diagnostics.Hook):
        def after_train(self, runner):
            kept['loop'] = runner.train_loop

    train(cfg, [Keep()])
    table = tables(cfg)[1]
    loop = kept['loop']
    number = [v.name for v in loop.dataloader.dataset.videos].index('chelsea')
    window = diagnostics.Window((24 - CROP) // 2, (32 - CROP) // 2, CROP, CROP)
    sample = loop.dataloader.dataset[
        diagnostics.ClipIndex(number, window, 0, 5 * CLIP, with_gt=False)
    ]
    lrs, net = loop.model.data_preprocessor(sample)['inputs'][None], loop.model.generator.eval()
    with torch.no_grad():
        states = [net.unroll(lrs[:, :t]).states.forward for t in range(1, 5 * CLIP + 1)]
        mine = table[(table.video == 'chelsea') & (table.quantity == 'norm')].value
        for t, state in enumerate(states, 1):
            assert mine.iloc[t] == pytest.approx(
                state['sr'].square().mean().sqrt().item(), rel=1e-4
            )
        begin = states[CLIP - 1]
        noise = torch.randn(begin['sr'].shape, generator=torch.Generator().manual_seed(1))
        noise *= 1e-3 * begin['sr'].norm() / noise.norm()
        disturbed = States(dict(begin, sr=begin['sr'] + noise))
        after = net.unroll(lrs[:, CLIP : 4 * CLIP], disturbed).states.forward['sr']
    growth = table[(table.video == 'chelsea') & (table.frames == 3 * CLIP)].value.item()
    expected = ((after - states[4 * CLIP - 1]['sr']).norm() / noise.norm()).item()
    assert growth == pytest.approx(expected, rel=0.2)  # another direction of the noise


@pytest.mark.parametrize('cost, count', [(0.1, 396), (1.0, 39), (3.0, 13), (30.0, 1)])
def test_it_takes_two_percent_of_the_time_at_most(cost, count):
    """20,000 iterations of 0.1 s; a measurement takes as much as one of them, or far more."""
    now, pace, measured = 5.0, Pace(0.02, 5.0), []
    for iteration in range(1, 20_001):
        now += 0.1
        if pace.is_due(now, iteration):
            pace.note(now, now + cost)
            now += cost
            measured.append(iteration)
        # a first one that takes longer than was to be expected is made up for
        assert pace.spent <= 0.02 * 0.1 * iteration or len(measured) == 1
    assert len(measured) == count and measured[0] == 200
    gaps = [b - a for a, b in zip(measured, measured[1:], strict=False)]
    assert max(gaps[1:], default=0) - min(gaps[1:], default=0) <= 2  # at even distances


def test_networks_without_memory_are_not_watched(make_cfg, always):
    cfg = make_cfg(RI, 1, generator=VESPCN)
    train(cfg)
    assert not tables(cfg)
