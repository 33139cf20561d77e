"""Small real trainings for the tests of the loops: hooks that look in, weights to compare."""

import os
import socket
from pathlib import Path

import torch
from mmagic.registry import MODELS
from mmengine.hooks import Hook

from harness.networks.zoo import StatefulBasicVSRPlusPlusNet
from tests.commands import Command
from tests.harness.networks import light_nets  # noqa: F401  (registers)

ROOT = Path(__file__).resolve().parents[3]
QUICKSTART = ROOT / 'mm_configs/frvsr/frvsr_rr_quickstart.py'
CLIP, CROP = 3, 16
RI = dict(type='RIBPTTLoop')
TBPTT = dict(type='TBPTTLoop')
PI = dict(type='PIBPTTLoop', repeats=3)
BURN_IN = dict(type='BurnInLoop', burn_in=4)
POOL = dict(type='PoolLoop')
BOTH_ENDS = dict(type='TBPTTLoop', both_ends=True)
BASICVSR = dict(
    _delete_=True,
    type='StatefulBasicVSRNet',
    mid_channels=8,
    num_blocks=1,
    hr_channels=8,
    flow_net=dict(type='DISFlow'),
)


@MODELS.register_module()
class UnpaddedBasicVSRPlusPlusNet(StatefulBasicVSRPlusPlusNet):
    """Takes crops as small as those of the tests as they are."""

    smallest = CROP


BASICVSR_PP = dict(_delete_=True, type='UnpaddedBasicVSRPlusPlusNet', mid_channels=8, num_blocks=1)
ICONVSR = dict(_delete_=True, type='LightIconVSRNet', num_blocks=1)
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
RLSP = dict(_delete_=True, type='RLSPNet', mid_channels=8, num_convs=3)
VESPCN = dict(_delete_=True, type='VESPCNNet')
MRVSR = dict(_delete_=True, type='MRVSRNet', mid_channels=8, lipschitz=dict(size=CROP))


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
    """Checks each clip's frames under the loop against those of the pass over its whole window.

    Args:
        from_clip: of the window from the clip's first frame on.
    """

    def __init__(self, from_clip=False):
        self.from_clip = from_clip
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
            index = plan.entries[clip.entry]._replace(window=clip.index.window)  # RI: of its own
            window = loop.dataloader.dataset[index]
            skipped = clip.index.start if self.from_clip else 0
            lrs = model.data_preprocessor(window)['inputs'][None, skipped:]
            whole = model(lrs, length=window['length'])[0]
            expected = whole[clip.index.start - skipped :][:CLIP]
            self.worst = max(self.worst, float((frames[i] - expected).abs().max()))
            self.state_effect = max(self.state_effect, float((without[i] - expected).abs().max()))
            self.clips += 1
        model.train()


class Poison(Hook):
    """Makes a weight NaN before iteration 6 (counted from 1)."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 5:
            runner.model.generator.head.weight.data[0] = float('nan')


def train_in_two_processes(cfg, folder: Path, module: str = '') -> list[Command]:
    """Runs harness/train.py as torchrun does; ``module`` is the code of custom hooks."""
    cfg.custom_imports.imports.append('custom_module')
    (folder / 'custom_module.py').write_text(module)
    cfg.dump(str(folder / 'ddp.py'))
    with socket.socket() as free:
        free.bind(('localhost', 0))
        port = free.getsockname()[1]
    command = [ROOT / 'harness/train.py', folder / 'ddp.py', '--launcher', 'pytorch']
    command += ['--work-dir', cfg.work_dir, '--resume']
    shared = os.environ | dict(
        PYTHONPATH=str(folder),
        MASTER_ADDR='localhost',
        MASTER_PORT=str(port),
        WORLD_SIZE='2',
    )
    processes = [
        Command(command, env=dict(shared, RANK=str(rank), LOCAL_RANK=str(rank))) for rank in (0, 1)
    ]
    for process in processes:
        process.wait()
    return processes
