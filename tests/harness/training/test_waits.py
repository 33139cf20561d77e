"""How often the CPU waits for a GPU in training.

PyTorch's meta device stands in for the GPU: it computes forward and backward passes without any
numbers, so that everything that the CPU asks of it is seen.
"""

from functools import partial

import pytest
import torch
from mmengine.hooks import Hook
from torch.utils._python_dispatch import TorchDispatchMode

import harness.data
import harness.networks.zoo
import harness.training.registered  # noqa: F401  (fills the registries)
from harness.training import loops
from harness.training.late_scalars import LateScalars
from harness.training.runner import ClipRunner
from tests.harness.fake_device import Shims
from tests.harness.training.trainings import BASICVSR, BURN_IN, PI, POOL, RI, RLSP, TBPTT

META = torch.device('meta')
aten = torch.ops.aten
ITERATIONS = 4
#: with a flow network on the device
SPYNET = {key: value for key, value in BASICVSR.items() if key != 'flow_net'}


class Waits(TorchDispatchMode):
    """Counts what the CPU reads from the meta device, and what it gets is 0.

    Every copy from there counts, for it will be waited for; one to there counts where the CPU waits
    at once. A result whose size depends on numbers (``nonzero``) raises an error.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is aten._local_scalar_dense.default and args[0].is_meta:
            self.count += 1
            return 0
        if function is aten.grid_sampler_2d.default and args[0].is_meta:  # slow there
            return args[0].new_empty(*args[0].shape[:2], *args[1].shape[1:3])
        if function is aten.copy_.default and args[0].is_meta != args[1].is_meta:
            is_waiting = args[1].is_meta or not (args[2:3] == (True,) or kwargs.get('non_blocking'))
            self.count += is_waiting
            return args[0].zero_()
        if function is aten._to_copy.default:
            source, target = args[0].is_meta, torch.device(kwargs.get('device') or args[0].device)
            if source != (target == META):
                self.count += source or not kwargs.get('non_blocking')
            if source and target != META:
                return torch.zeros(args[0].shape, dtype=kwargs.get('dtype') or args[0].dtype)
        return function(*args, **kwargs)


class _Enough(Exception):
    """Ends a training before its checkpoint, which would need numbers."""


class CountByIteration(Hook):
    """What is counted from the end of each iteration to the end of the next, and its epoch."""

    priority = 'LOWEST'

    def __init__(self, waits):
        self.waits, self.before, self.counts, self.epochs = waits, 0, [], []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.counts.append(self.waits.count - self.before)
        self.before = self.waits.count
        self.epochs.append(runner.train_loop.epoch)
        if runner.iter + 1 == ITERATIONS:
            raise _Enough


class ReadWeight(Hook):
    """As somebody's own hook might do it."""

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        next(runner.model.parameters()).sum().item()


def count(monkeypatch, cfg, *hooks) -> CountByIteration:
    """Trains on the device."""
    monkeypatch.setattr(loops, 'LateScalars', partial(LateScalars, is_late=True))
    runner = ClipRunner.from_cfg(cfg)
    runner.model.to(META)
    counter = CountByIteration(Waits())
    for hook in (*hooks, counter):
        runner.register_hook(hook)
    with counter.waits, Shims(), pytest.raises(_Enough):
        runner.train()
    return counter


@pytest.mark.slow
@pytest.mark.parametrize(
    'loop, generator',
    [
        (RI, None),
        (PI, None),
        (PI, SPYNET),
        (dict(PI, bank=dict(place='cpu')), RLSP),
        (dict(RI, init_state=dict(type='normal', std=0.1)), RLSP),
        (dict(TBPTT, amplification_weight=0.1), RLSP),
        (BURN_IN, RLSP),
        (POOL, RLSP),
    ],
    ids=['RI', 'PI', 'PI-BasicVSR', 'PI-cpu', 'RI-normal', 'TBPTT', 'burn-in', 'pool'],
)
def test_once_an_iteration(make_cfg, monkeypatch, loop, generator):
    """For the losses; constants are made in the first one, and PI looks at each epoch's states."""
    counted = count(monkeypatch, make_cfg(loop, 99, generator=generator, interval=99))
    epochs = counted.epochs
    inside = [n for n in range(1, ITERATIONS) if epochs[n] == epochs[n - 1]]
    assert inside and [counted.counts[n] for n in inside] == [1] * len(inside), counted.counts


@pytest.mark.slow
def test_a_wait_is_seen(make_cfg, monkeypatch):
    counted = count(monkeypatch, make_cfg(RI, 99, interval=99), ReadWeight())
    assert counted.counts[1:] == [2] * (ITERATIONS - 1)
