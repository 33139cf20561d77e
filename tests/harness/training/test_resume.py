"""Resume: the same weights as without interruption, however the process ended."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from harness.errors import UserError
from harness.runs.folder import RunFolder
from harness.training.checkpoints import best_checkpoint, latest_checkpoint
from harness.training.run import train
from tests.commands import run
from tests.harness.training.trainings import (
    BASICVSR,
    BOTH_ENDS,
    BURN_IN,
    PI,
    POOL,
    RI,
    ROOT,
    TBPTT,
    Seen,
    StopAt,
    assert_same_weights,
    checkpoints,
    weights_of,
)


@pytest.mark.slow
@pytest.mark.parametrize(
    'loop, generator',
    [
        (RI, None),
        (PI, None),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                (PI, BASICVSR),
                (dict(PI, p_initial=0.5, state_noise=0.1, state_dropout=0.1), None),
                (dict(PI, states_from='other', amplification_weight=0.1), None),
                (dict(PI, states_from='noise'), None),
                (TBPTT, None),
                (BOTH_ENDS, BASICVSR),
                (BURN_IN, None),
                (BURN_IN, BASICVSR),
                (POOL, None),
                (POOL, BASICVSR),
            )
        ),
    ],
    ids=str,
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


@pytest.mark.slow
def test_resume_across_warmup(make_cfg):
    straight = train(make_cfg(PI, 8, 'straight', warmup_iters=4, interval=2))
    with pytest.raises(KeyboardInterrupt):
        train(make_cfg(PI, 8, 'again', warmup_iters=4, interval=2), [StopAt(2)])
    cfg = make_cfg(PI, 8, 'again', warmup_iters=4, interval=2)
    cfg.resume = True
    assert_same_weights(weights_of(train(cfg)), weights_of(straight))


@pytest.mark.slow
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
    command = [ROOT / 'harness/train.py', tmp_path / 'killed.py', '--work-dir', cfg.work_dir]
    done = run(command, env={**os.environ, 'PYTHONPATH': str(tmp_path)})
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.fixture
def interrupted(make_cfg):
    """A training of 4 iterations that was interrupted in the third: folder, and what goes on."""
    with pytest.raises(KeyboardInterrupt):
        train(make_cfg(RI, 4, interval=2), [StopAt(3)])
    cfg = make_cfg(RI, 4, interval=2)
    cfg.resume = True
    return Path(cfg.work_dir), cfg


def change(path, edit) -> None:
    """Lets ``edit`` change what a checkpoint holds."""
    checkpoint = torch.load(path)
    edit(checkpoint)
    torch.save(checkpoint, path)


def test_the_config_in_a_checkpoint_is_not_run(make_cfg, tmp_path, interrupted):
    """MMEngine's Runner would, to look for the number of GPUs."""
    folder, cfg = interrupted
    mark = tmp_path / 'executed'
    code = f'made = __import__("os").mkdir({str(mark)!r})'
    change(folder / 'iter_2.pth', lambda held: held['meta'].update(config=code, cfg=code))
    straight = train(make_cfg(RI, 4, 'straight', interval=2))
    assert_same_weights(weights_of(train(cfg)), weights_of(straight))
    assert not mark.exists()
    Config.fromstring(code, '.py')
    assert mark.exists()


def test_copies_in_the_folder_are_no_checkpoints(make_cfg, interrupted):
    folder, cfg = interrupted
    for name in ('iter_30_backup', 'iter_30 (copy)', 'iter_abc', 'iter_', 'old_iter_30', 'iter_-3'):
        shutil.copy(folder / 'iter_2.pth', folder / f'{name}.pth')
    for name in ('iter_40.pth', 'iter_50'):
        (folder / name).mkdir()
    assert RunFolder(folder).checkpoints == [folder / 'iter_2.pth']
    straight = train(make_cfg(RI, 4, 'straight', interval=2))
    assert_same_weights(weights_of(train(cfg)), weights_of(straight))
    assert [path.name for path in RunFolder(folder).checkpoints] == ['iter_2.pth', 'iter_4.pth']


def test_checkpoints_are_in_the_order_of_their_iterations(tmp_path):
    for number in (90, 1000, 200):
        (tmp_path / f'iter_{number}.pth').touch()
    assert [p.name for p in RunFolder(tmp_path).checkpoints] == [
        'iter_90.pth',
        'iter_200.pth',
        'iter_1000.pth',
    ]


def test_the_best_checkpoint_among_copies(tmp_path):
    for number in (90, 200):
        torch.save(dict(meta=dict(iter=number)), tmp_path / f'best_psnr_iter_{number}.pth')
    for name in ('best_psnr_iter_300_backup', 'best_psnr_iter_x', 'best_psnr', 'iter_300'):
        (tmp_path / f'{name}.pth').touch()
    assert best_checkpoint(tmp_path) == tmp_path / 'best_psnr_iter_200.pth'
    (tmp_path / 'best_psnr_iter_300.pth').touch()
    assert best_checkpoint(tmp_path) is None


@pytest.mark.parametrize('name', ['iter_4.pth', 'best_psnr_iter_4.pth'])
def test_renamed_checkpoints_are_refused(interrupted, name):
    folder, cfg = interrupted
    (folder / 'iter_2.pth').rename(folder / name)
    find = best_checkpoint if name.startswith('best') else latest_checkpoint
    with pytest.raises(UserError, match=f'{name}: is of iteration 2, which differs from its name'):
        find(folder)
    if find is latest_checkpoint:
        with pytest.raises(UserError, match='is of iteration 2'):
            train(cfg)


def test_a_network_whose_names_have_changed_since(interrupted):
    """MMEngine would go on with random weights in their place."""
    folder, cfg = interrupted

    def rename(held):
        weights = held['state_dict']
        weights['generator.first.bias'] = weights.pop('generator.head.bias')

    change(folder / 'iter_2.pth', rename)
    with pytest.raises(UserError, match='iter_2.pth: does not fit this model: ') as error:
        train(cfg)
    names = 'it lacks generator.head.bias; the model has no generator.first.bias. Resume with'
    assert names in str(error.value)
    assert not (folder / 'iter_4.pth').exists()


@pytest.mark.parametrize('part', ['meta', 'message_hub', 'optimizer', 'train_loop', 'meta.iter'])
def test_checkpoints_that_no_training_can_go_on_from(interrupted, part):
    folder, cfg = interrupted
    section, _, key = part.partition('.')
    path = folder / 'iter_2.pth'
    change(path, lambda held: held[section].pop(key) if key else held.pop(section))
    cfg.load_from = str(path)
    with pytest.raises(UserError, match='iter_2.pth: training cannot resume from it') as error:
        train(cfg)
    assert f'it lacks {part}' in str(error.value)
    assert str(error.value).endswith('to start from its weights, use load_from')


@pytest.mark.parametrize('part', ['optimizer', 'param_schedulers', 'message_hub', 'train_loop'])
def test_checkpoints_of_another_training(interrupted, part):
    folder, cfg = interrupted
    other = [dict(a=1)] if part == 'param_schedulers' else dict(a=1)

    def replace(held):
        held[part] = other

    change(folder / 'iter_2.pth', replace)
    if part == 'param_schedulers':
        cfg.param_scheduler = [dict(type='MultiStepLR', milestones=[2], by_epoch=False)]
        change(folder / 'iter_2.pth', lambda held: held.update(param_schedulers=3))
    with pytest.raises(UserError, match='iter_2.pth: is of another training: ') as error:
        train(cfg)
    assert str(error.value).isprintable()


def test_a_training_that_was_longer(make_cfg, interrupted):
    folder, _ = interrupted
    cfg = make_cfg(RI, 1)
    cfg.resume = True
    with pytest.raises(UserError, match='is of iteration 2, but train_cfg.max_iters is 1'):
        train(cfg)


def test_weights_that_are_not_finite_are_not_trained_on(interrupted):
    folder, cfg = interrupted
    change(
        folder / 'iter_2.pth',
        lambda held: held['state_dict']['generator.head.bias'].fill_(float('nan')),
    )
    with pytest.raises(UserError, match='generator.head.bias contains values that are not finite'):
        train(cfg)
