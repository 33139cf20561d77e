"""The training loops under MMEngine's Runner: states, resume, guards, timing, two processes."""

import copy
import json
import os
import socket
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook

from harness.training import DivergedError
from harness.training.run import train

ROOT = Path(__file__).resolve().parents[3]
QUICKSTART = ROOT / 'mm_configs/frvsr/frvsr_rr_quickstart.py'
CLIP, CROP = 3, 16
RI = dict(type='RIBPTTLoop')
PI = dict(type='PIBPTTLoop', repeats=3)
BASICVSR = dict(
    _delete_=True,
    type='StatefulBasicVSRNet',
    mid_channels=8,
    num_blocks=1,
    hr_channels=8,
    flow_net=dict(type='DISFlow'),
)
CONDITIONED = dict(
    _delete_=True,
    type='FrameConditioned',
    last_frame=19,
    net=dict(
        type='FRVSRNet',
        mid_channels=8,
        num_blocks=1,
        flow_net=dict(type='ConvFlowNet', channels=8),
        tail='pixel_shuffle',
        residual_recurrence=True,
    ),
)
OWN_LENGTH = dict(CONDITIONED, last_frame=None)
DIRECTION_AWARE = dict(
    _delete_=True,
    type='FrameConditioned',
    last_frame=9,
    direction_aware=True,
    net={key: value for key, value in BASICVSR.items() if key != '_delete_'},
)
_numbers = count()


@pytest.fixture
def make_cfg(tmp_path, real_set):
    """The quickstart's config with a tiny network: 3 videos, batches of 2 clips."""

    def make(loop, max_iters, folder='run', generator=None, interval=3, **train_cfg) -> Config:
        cfg = Config.fromfile(QUICKSTART)
        # merging takes `_delete_` out of what it is given
        generator = copy.deepcopy(generator or dict(mid_channels=8, flow_net=dict(channels=8)))
        cfg.merge_from_dict(
            dict(
                model=dict(generator=generator),
                train_dataloader=dict(batch_size=2, dataset=dict(data_root=str(real_set.root))),
                train_cfg={
                    **loop,
                    **dict(max_iters=max_iters, clip_length=CLIP, crop_size=CROP),
                    **dict(windows_per_video=1),
                    **train_cfg,
                },
                default_hooks=dict(
                    logger=dict(interval=1), checkpoint=dict(interval=interval, max_keep_ckpts=99)
                ),
                visualizer=dict(vis_backends=[dict(type='mmengine.LocalVisBackend')]),
                log_level='WARNING',
                launcher='none',
            )
        )
        cfg.work_dir = str(tmp_path / folder)
        cfg.experiment_name = f'{tmp_path.name}_{next(_numbers)}'
        return cfg

    return make


def weights_of(checkpoint):
    return torch.load(checkpoint, weights_only=False)['state_dict']


def assert_same_weights(first, second):
    assert first.keys() == second.keys()
    different = [key for key in first if not torch.equal(first[key], second[key])]
    assert not different


def checkpoints(cfg):
    return sorted(path.name for path in Path(cfg.work_dir).glob('iter_*.pth'))


class Seen(Hook):
    """Remembers (clip starts, had states) of each iteration."""

    def __init__(self):
        self.batches = []

    def before_train(self, runner):
        net = runner.train_loop.model.generator
        self.before = {key: value.clone() for key, value in net.state_dict().items()}

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.batches.append((data_batch['start'].tolist(), data_batch['states'] is not None))
        self.loop, self.losses = runner.train_loop, outputs


class StopAt(Hook):
    """Interrupts after iteration ``iteration``, as Ctrl-C does."""

    priority = 'LOWEST'

    def __init__(self, iteration):
        self.iteration = iteration

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.iteration:
            raise KeyboardInterrupt


class CompareWithWholeWindow(Hook):
    """Checks each clip's frames under the loop against those of the pass over its whole window."""

    def __init__(self):
        self.worst, self.clips, self.state_effect = 0, 0, 0

    @torch.no_grad()
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        loop, model = runner.train_loop, runner.train_loop.model
        first = loop.planner.first_iteration(loop.epoch)
        plan = loop.planner.plan(loop.epoch)
        batch = plan.batches[loop.iter - first]
        model.eval()
        data = model.data_preprocessor(data_batch)
        place = dict(start=data['start'], length=data['length'])
        frames = model(data['inputs'], states=data['states'], **place)
        without = model(data['inputs'], **place)
        for i, clip in enumerate(batch):
            window = loop.dataloader.dataset[plan.entries[clip.entry]]
            whole = model(model.data_preprocessor(window)['inputs'][None], length=window['length'])[
                0
            ]
            expected = whole[clip.index.start : clip.index.start + CLIP]
            self.worst = max(self.worst, float((frames[i] - expected).abs().max()))
            self.state_effect = max(self.state_effect, float((without[i] - expected).abs().max()))
            self.clips += 1
        model.train()


@pytest.mark.parametrize('loop', [RI, PI], ids=['RI', 'PI'])
def test_trains(make_cfg, loop):
    cfg = make_cfg(loop, 5)
    cfg.visualizer.vis_backends.append(dict(type='mmengine.TensorboardVisBackend'))
    seen = Seen()
    checkpoint = train(cfg, [seen])
    assert checkpoint.name == 'iter_5.pth'
    assert checkpoints(cfg) == ['iter_3.pth', 'iter_5.pth']
    assert [had_states for _, had_states in seen.batches] == [loop is PI] * 5
    assert {'loss', 'loss_pixel', 'loss_flow'} <= set(seen.losses)
    weights = weights_of(checkpoint)
    assert weights.keys() == {f'generator.{key}' for key in seen.before}
    for key, before in seen.before.items():
        assert not torch.equal(weights[f'generator.{key}'], before), key
    assert list(Path(cfg.work_dir).rglob('events.out.tfevents*'))
    timing = json.loads((Path(cfg.work_dir) / 'timing.json').read_text())
    parts = {'load_ms', 'step_ms'} | ({'state_pass_ms'} if loop is PI else set())
    assert {key for key in timing if key.endswith('_ms')} == parts
    assert all(timing[part] > 0 for part in parts)
    assert timing['ms_per_iteration'] == pytest.approx(sum(timing[part] for part in parts))
    assert timing['train_seconds'] == pytest.approx(5e-3 * timing['ms_per_iteration'])
    assert timing['iterations'] == 5
    assert timing['parameters'] == sum(value.numel() for value in weights.values())


def test_samples_are_the_planned_ones(make_cfg):
    seen = Seen()
    train(make_cfg(PI, 9), [seen])
    planner = seen.loop.planner
    planned = [
        [clip.index.start for clip in batch] for epoch in (0, 1) for batch in planner.plan(epoch)[1]
    ]
    assert [starts for starts, _ in seen.batches] == planned
    assert seen.loop.max_epochs == 2


@pytest.mark.parametrize(
    'generator',
    [None, BASICVSR, CONDITIONED, OWN_LENGTH, DIRECTION_AWARE],
    ids=['frvsr', 'basicvsr', 'frvsr-FC', 'frvsr-FC-own-length', 'basicvsr-FC-both-ways'],
)
def test_clips_equal_the_whole_window(make_cfg, generator):
    """With a learning rate of 0 the stored states never get old."""
    cfg = make_cfg(PI, 9, generator=generator, state_pass_batch=2)
    cfg.optim_wrapper.optimizer.lr = 0
    cfg.param_scheduler = []
    compare = CompareWithWholeWindow()
    train(cfg, [compare])
    assert compare.clips == 18
    assert compare.worst <= 1e-5
    assert compare.state_effect > 1e-3


@pytest.mark.parametrize(
    'loop, generator',
    [(RI, None), (PI, None), (PI, BASICVSR)],
    ids=['RI', 'PI', 'PI-basicvsr'],
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


def test_pi_begins_from_the_weights_of_an_ri_training(make_cfg):
    """``load_from`` takes the weights and nothing of the other training's loop."""
    pretrained = train(make_cfg(RI, 3, 'pretrained'))
    cfg, seen = make_cfg(PI, 2), Seen()
    cfg.load_from = str(pretrained)
    train(cfg, [seen])
    assert_same_weights(
        {f'generator.{key}': value for key, value in seen.before.items()}, weights_of(pretrained)
    )


def test_timing_does_not_count_the_training_that_weights_come_from(make_cfg):
    pretrained = train(make_cfg(RI, 3, 'pretrained'))
    cfg = make_cfg(RI, 1)
    cfg.load_from = str(pretrained)
    # an hour of training lies behind these weights
    checkpoint = torch.load(pretrained, weights_only=False)
    checkpoint['train_loop']['seconds']['step'] = 3600.0
    torch.save(checkpoint, pretrained)
    train(cfg)
    timing = json.loads((Path(cfg.work_dir) / 'timing.json').read_text())
    assert timing['train_seconds'] < 600


class Poison(Hook):
    """Makes a weight NaN before iteration 6 (counted from 1)."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 5:
            runner.model.generator.head.weight.data[0] = float('nan')


@pytest.mark.parametrize('loop', [RI, PI], ids=['RI', 'PI'])
def test_nan_loss_ends_the_training(make_cfg, loop):
    cfg, seen = make_cfg(loop, 12), Seen()
    with pytest.raises(DivergedError) as error:
        train(cfg, [Poison(), seen])
    assert len(seen.batches) == 5
    message = str(error.value)
    assert 'loss is nan at iteration 6' in message
    epoch = seen.loop.planner.epoch_of(5)
    batch = seen.loop.planner.plan(epoch).batches[5 - seen.loop.planner.first_iteration(epoch)]
    for clip in batch:
        name = ('coffee', 'astronaut', 'chelsea')[clip.index.video]
        assert f'{name}@{clip.index.start}' in message
    assert checkpoints(cfg) == ['iter_3.pth']
    weights = weights_of(Path(cfg.work_dir) / 'iter_3.pth')
    assert all(value.isfinite().all() for value in weights.values())
    assert not (Path(cfg.work_dir) / 'timing.json').exists()


class Explode(Hook):
    """From the second epoch on each frame adds to the detail what a few frames can't hold."""

    def before_train_epoch(self, runner):
        if runner.epoch == 1:
            runner.model.generator.tail[0].bias.data.fill_(1.5e38)


def test_exploding_states_end_the_training(make_cfg):
    cfg, seen = make_cfg(PI, 12), Seen()
    with pytest.raises(DivergedError, match='state pass before iteration 5') as error:
        train(cfg, [Explode(), seen])
    assert any(
        f'video {n} overflow' in str(error.value) for n in ('coffee', 'astronaut', 'chelsea')
    )
    assert len(seen.batches) == 4
    assert checkpoints(cfg) == ['iter_3.pth']


def test_warmup_keeps_states_off_in_the_first_epochs(make_cfg):
    """Epochs begin at iterations 0, 4 and 9: the first one not before iteration 2 is the second."""
    seen = Seen()
    train(make_cfg(PI, 10, warmup_iters=2), [seen])
    assert [had_states for _, had_states in seen.batches] == [False] * 4 + [True] * 6


def test_resume_across_warmup(make_cfg):
    straight = train(make_cfg(PI, 8, 'straight', warmup_iters=4, interval=2))
    with pytest.raises(KeyboardInterrupt):
        train(make_cfg(PI, 8, 'again', warmup_iters=4, interval=2), [StopAt(2)])
    cfg = make_cfg(PI, 8, 'again', warmup_iters=4, interval=2)
    cfg.resume = True
    assert_same_weights(weights_of(train(cfg)), weights_of(straight))


def test_the_bank_holds_only_the_states_that_are_used(make_cfg):
    seen = Seen()
    train(make_cfg(PI, 5), [seen])  # ends in the epoch of iterations 4 to 8: 10 clips of 3 videos
    bank = seen.loop.bank
    starts = sum(len(batch) for batch in seen.loop.planner.plan(1).batches)
    stored = sum(len(states.forward['sr']) for states in bank._states.values())
    assert starts <= stored <= 3 * 4
    for states in bank._states.values():
        assert states.forward['sr'].shape[1:] == (3, 4 * CROP, 4 * CROP)


DUMP = """
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

@HOOKS.register_module()
class DumpRank(Hook):
    clips = ()
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        had_states = data_batch['states'] is not None
        self.clips += ((float(data_batch['gts'].float().mean()), had_states),)
    def after_train(self, runner):
        content = dict(weights=runner.train_loop.model.state_dict(), clips=self.clips)
        torch.save(content, f'{runner.work_dir}/rank{get_rank()}.pth')
"""


@pytest.mark.slow
def test_two_processes_keep_equal_weights(make_cfg, tmp_path):
    """harness/train.py under torchrun, with another share of the clips on each rank."""
    cfg = make_cfg(PI, 3, 'ddp', windows_per_video=2)
    cfg.custom_imports.imports.append('dump_rank')
    cfg.custom_hooks = [dict(type='DumpRank')]
    (tmp_path / 'dump_rank.py').write_text(DUMP)
    cfg.dump(str(tmp_path / 'ddp.py'))
    with socket.socket() as free:
        free.bind(('localhost', 0))
        port = free.getsockname()[1]
    command = [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node=2']
    command += [f'--master_port={port}', 'harness/train.py', str(tmp_path / 'ddp.py')]
    command += ['--launcher', 'pytorch', '--work-dir', cfg.work_dir]
    env = {**os.environ, 'PYTHONPATH': str(tmp_path), 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-6000:]
    ranks = [torch.load(f'{cfg.work_dir}/rank{rank}.pth', weights_only=False) for rank in (0, 1)]
    assert_same_weights(ranks[0]['weights'], ranks[1]['weights'])
    assert_same_weights(ranks[0]['weights'], weights_of(f'{cfg.work_dir}/iter_3.pth'))
    assert all(had_states for rank in ranks for _, had_states in rank['clips'])
    means = [{mean for mean, _ in rank['clips']} for rank in ranks]
    assert len(means[0]) == len(means[1]) == 3
    assert not means[0] & means[1]
