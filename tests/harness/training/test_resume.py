"""Resume: the same weights as without interruption, however the process ended."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from harness.training.run import train
from tests.harness.training.trainings import (
    BASICVSR,
    PI,
    RI,
    ROOT,
    TBPTT,
    Seen,
    StopAt,
    assert_same_weights,
    checkpoints,
    weights_of,
)


@pytest.mark.parametrize(
    'loop, generator',
    [(RI, None), (PI, None), (PI, BASICVSR), (TBPTT, None)],
    ids=['RI', 'PI', 'PI-basicvsr', 'TBPTT'],
)
def test_resume_is_bit_identical(make_cfg, loop, generator):
    """PI's checkpoint of iteration 6 lies inside the epoch of iterations 4 to 8."""
    straight = train(make_cfg(loop, 10, 'straight', generator))
    cfg = make_cfg(loop, 10, 'interrupted', generator)
    with pytest.raises(KeyboardInterrupt):
        train(cfg, [StopAt(7)])
    assert checkpoints(cfg) == ['iter_3.pth', 'iter_6.pth']
    again, seen = make_cfg(loop, 10, 'interrupted', generator), Seen()
    again.resume = True
    resumed = train(again, [seen])
    assert len(seen.batches) == 4
    assert resumed.name == straight.name == 'iter_10.pth'
    assert_same_weights(weights_of(resumed), weights_of(straight))
    timing = json.loads((Path(cfg.work_dir) / 'timing.json').read_text())
    assert timing['iterations'] == 10


def test_resume_without_a_checkpoint_begins(make_cfg):
    cfg = make_cfg(RI, 2)
    cfg.resume = True
    assert train(cfg).name == 'iter_2.pth'


def test_resume_of_a_finished_training_does_nothing(make_cfg):
    first = weights_of(train(make_cfg(PI, 3)))
    cfg, seen = make_cfg(PI, 3), Seen()
    cfg.resume = True
    assert_same_weights(weights_of(train(cfg, [seen])), first)
    assert not seen.batches


def test_resume_across_warmup(make_cfg):
    straight = train(make_cfg(PI, 8, 'straight', warmup_iters=4, interval=2))
    with pytest.raises(KeyboardInterrupt):
        train(make_cfg(PI, 8, 'again', warmup_iters=4, interval=2), [StopAt(2)])
    cfg = make_cfg(PI, 8, 'again', warmup_iters=4, interval=2)
    cfg.resume = True
    assert_same_weights(weights_of(train(cfg)), weights_of(straight))


@pytest.mark.parametrize('loop', [RI, PI, TBPTT], ids=['RI', 'PI', 'TBPTT'])
def test_resume_with_random_initial_states(make_cfg, loop):
    options = dict(init_state=dict(type='normal', std=0.1))
    straight = train(make_cfg(loop, 8, 'straight', **options))
    with pytest.raises(KeyboardInterrupt):
        train(make_cfg(loop, 8, 'again', **options), [StopAt(7)])
    cfg = make_cfg(loop, 8, 'again', **options)
    cfg.resume = True
    assert_same_weights(weights_of(train(cfg)), weights_of(straight))


KILLER = """
import os, signal
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from harness.networks.frvsr import FRVSRNet
from harness.training.checkpoints import AtomicBackend

def die():
    os.kill(os.getpid(), signal.SIGKILL)

@HOOKS.register_module()
class KillAt(Hook):
    def __init__(self, where):
        self.where = where
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 7 and self.where == 'step':
            weight = runner.model.generator.head.weight
            weight.register_hook(lambda grad: die())
    def before_train_epoch(self, runner):
        if runner.epoch == 1 and self.where == 'state pass':
            calls = []
            step = runner.model.generator.step
            def count(*args):
                calls.append(1)
                return die() if len(calls) == 9 else step(*args)
            runner.model.generator.step = count
    def before_save_checkpoint(self, runner, checkpoint):
        if runner.iter + 1 == 6 and self.where == 'checkpoint':
            from pathlib import Path
            write = Path.write_bytes
            def half(path, content):
                write(path, content[: len(content) // 2])
                die()
            Path.write_bytes = half
"""


@pytest.mark.slow
@pytest.mark.parametrize('where', ['state pass', 'step', 'checkpoint'])
def test_kill_minus_nine(make_cfg, tmp_path, where):
    straight = train(make_cfg(PI, 10, 'straight'))
    cfg = make_cfg(PI, 10, 'killed')
    (tmp_path / 'killer.py').write_text(KILLER)
    cfg.custom_imports.imports.append('killer')
    cfg.custom_hooks = [dict(type='KillAt', where=where)]
    cfg.dump(str(tmp_path / 'killed.py'))
    env = {**os.environ, 'PYTHONPATH': str(tmp_path), 'OMP_NUM_THREADS': '1'}
    command = [sys.executable, 'harness/train.py', str(tmp_path / 'killed.py')]
    done = subprocess.run(
        [*command, '--work-dir', cfg.work_dir],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    expected = ['iter_3.pth', 'iter_6.pth'] if where == 'step' else ['iter_3.pth']
    assert checkpoints(cfg) == expected
    again, seen = Config.fromfile(tmp_path / 'killed.py', import_custom_modules=False), Seen()
    again.custom_hooks = []
    again.custom_imports.imports.remove('killer')
    again.work_dir, again.resume, again.experiment_name = cfg.work_dir, True, f'{tmp_path.name}k'
    resumed = train(again, [seen])
    assert len(seen.batches) == 10 - 3 * len(expected)
    assert_same_weights(weights_of(resumed), weights_of(straight))


def test_damaged_checkpoints_are_passed_over(make_cfg):
    straight = train(make_cfg(PI, 10, 'straight'))
    cfg = make_cfg(PI, 10, 'damaged')
    with pytest.raises(KeyboardInterrupt):
        train(cfg, [StopAt(7)])
    last = Path(cfg.work_dir) / 'iter_6.pth'
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 255
    last.write_bytes(content)
    again, seen = make_cfg(PI, 10, 'damaged'), Seen()
    again.resume = True
    assert_same_weights(weights_of(train(again, [seen])), weights_of(straight))
    assert len(seen.batches) == 7


def test_checkpoints_hold_weights_of_the_epochs_start_only_inside_an_epoch(make_cfg):
    """Epochs end at iterations 4, 9, ..."""
    cfg = make_cfg(PI, 9, interval=1)
    train(cfg)
    inside = []
    for iteration in range(1, 10):
        checkpoint = torch.load(f'{cfg.work_dir}/iter_{iteration}.pth', weights_only=False)
        inside.append(checkpoint['train_loop']['epoch_weights'] is not None)
    assert inside == [True] * 3 + [False] + [True] * 4 + [False]


def test_a_checkpoint_of_another_strategy_cannot_be_resumed(make_cfg):
    train(make_cfg(RI, 2))
    cfg = make_cfg(TBPTT, 4)
    cfg.resume = True
    with pytest.raises(RuntimeError, match='start a new training from this one with load_from'):
        train(cfg)
