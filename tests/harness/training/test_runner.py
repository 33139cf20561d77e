"""Configs and weights that a training cannot use end it with one line that names file and key."""

import pytest
import torch

from harness import train as train_command
from harness.errors import UserError
from harness.training.run import train
from tests.harness.training.trainings import PI, RI, weights_of


@pytest.fixture
def error_of(make_cfg, tmp_path):
    """The line that harness/train.py ends with, given such a config and arguments."""

    def run(*options, loop=RI, arguments=(), **entries) -> str:
        cfg = make_cfg(loop, 1)
        cfg.merge_from_dict(entries)
        cfg.dump(str(tmp_path / 'tiny.py'))
        command = [str(tmp_path / 'tiny.py'), '--work-dir', str(tmp_path / 'work'), *arguments]
        with pytest.raises(SystemExit) as caught:
            train_command.main([*command, *(['--cfg-options', *options] if options else [])])
        message = str(caught.value.code)
        assert message.startswith('error: ') and message.isprintable()
        assert not list((tmp_path / 'work').glob('*.pth'))
        return message.removeprefix('error: ').replace(f'{tmp_path}/', '')

    return run


@pytest.mark.parametrize(
    'option, problem',
    [
        ('model.type=NoSuchModel', 'model: KeyError: NoSuchModel is not in the'),
        ('model.generator.type=NoSuchNet', 'model: KeyError: NoSuchNet is not in the'),
        ('model.generator.mid_chanels=8', 'model: TypeError: '),
        ('model.generator.spynet_pretrained=no.pth', 'model: TypeError: '),
        ('model.pixel_loss.type=L3Loss', 'model: KeyError: L3Loss is not in the'),
        ('train_cfg.type=NoSuchLoop', 'train_cfg: KeyError: NoSuchLoop is not in the'),
        ('train_cfg.type=IterBasedTrainLoop', 'train_cfg: TypeError: '),
        ('train_cfg.repeat=3', 'train_cfg: TypeError: '),
        ('train_cfg.init_state.type=uniform', 'train_cfg.init_state: must be None or'),
        ('train_cfg.max_iters=0', 'train_cfg.max_iters: 0 is not a positive whole number'),
        ('train_cfg.max_iters=-1', 'train_cfg.max_iters: -1 is not a positive whole number'),
        ('train_cfg.clip_length=2.5', 'train_cfg.clip_length: 2.5 is not a positive whole number'),
        ('train_cfg.crop_size=16.0', 'train_cfg.crop_size: 16.0 is not a positive whole number'),
        ('train_cfg.windows_per_video=many', "train_cfg.windows_per_video: 'many' is not a"),
        ('train_cfg.clip_length=100', 'train_cfg: clip_length: 100 frames are more than the '),
        ('train_dataloader.batch_size=0', 'train_dataloader.batch_size: 0 is not a positive'),
        ('train_dataloader.batch_size=1.5', 'train_dataloader.batch_size: 1.5 is not a positive'),
        ('train_dataloader.num_workers=-1', 'train_dataloader: ValueError: '),
        ('train_dataloader.dataset.fast=True', 'train_dataloader: TypeError: '),
        ('train_dataloader.sampler.type=NoSampler', 'train_dataloader: KeyError: NoSampler is not'),
        ('optim_wrapper.optimizer.lr=fast', 'optim_wrapper: TypeError: '),
        ('optim_wrapper.optimizer.lr=-1', 'optim_wrapper: ValueError: '),
        ('optim_wrapper.optimizer.type=NoAdam', 'optim_wrapper: optimizer.type is not in the reg'),
        ('param_scheduler.0.type=NoLR', 'param_scheduler: KeyError: NoLR is not in the'),
        ('randomness.seed=-1', 'randomness: ValueError: '),
        ('randomness.seed=1.5', 'randomness: TypeError: '),
        ('default_hooks.checkpoint.max_keep_ckpts=1', 'default_hooks: ValueError: max_keep_ckpts'),
        ('visualizer.type=NoVisualizer', 'KeyError: NoVisualizer is not in the'),
    ],
)
def test_entries_that_cannot_be_used(error_of, option, problem):
    assert error_of(option).startswith(f'config tiny.py {problem}')


@pytest.mark.parametrize('option', ['custom_imports.imports.0=X', 'train_cfg.max_iters.x=1', 'lr'])
def test_options_that_do_not_fit(error_of, option):
    assert error_of(option).startswith(f'--cfg-options {option}: ')


def test_pi_without_repeats(error_of):
    message = error_of(loop=dict(type='PIBPTTLoop'))
    assert message.startswith('config tiny.py train_cfg: TypeError: ')
    assert message.endswith("missing 1 required keyword-only argument: 'repeats'")


def test_modules_that_are_not_there(error_of):
    message = error_of(custom_imports=dict(imports=['no_such_module']))
    assert message.startswith('config tiny.py custom_imports: ') and 'no_such_module' in message


def test_hooks_of_unknown_types(error_of):
    message = error_of(custom_hooks=[dict(type='NoSuchHook')])
    assert message.startswith('config tiny.py custom_hooks: KeyError: NoSuchHook is not in the ')


def test_a_module_that_begins_with_a_file_that_is_none(error_of, tmp_path):
    (tmp_path / 'net.pth').write_text('<html></html>')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'net.pth'))
    message = error_of(**{'model.init_cfg': init_cfg})
    assert message.startswith('config tiny.py model init_cfg: checkpoint=net.pth: is an HTML page')


FOREIGN = {
    'cut off': (lambda path: path.write_bytes(path.read_bytes()[:3000]), 'is damaged or truncated'),
    'weights alone': (
        lambda path: torch.save(dict(state_dict=weights_of(path), meta={}), path),
        'training cannot resume from it, because it lacks message_hub, optimizer, train_loop',
    ),
    'bare': (
        lambda path: torch.save(weights_of(path), path),
        'training cannot resume from it, because it lacks meta, state_dict, message_hub, optimizer',
    ),
}


@pytest.mark.parametrize('edit, problem', FOREIGN.values(), ids=FOREIGN)
def test_resuming_a_foreign_file(make_cfg, error_of, tmp_path, edit, problem):
    path = train(make_cfg(RI, 1, 'before'))
    edit(path)
    message = error_of(arguments=['--resume', str(path)])
    assert message.startswith(f'resume=before/iter_1.pth: {problem}')


def test_resuming_what_is_not_there(error_of, tmp_path):
    assert error_of(arguments=['--resume', 'no.pth']) == '--resume no.pth: no such checkpoint'
    message = error_of(arguments=['--resume', str(tmp_path)])
    assert message.startswith('resume=') and message.endswith('is a folder, not a checkpoint')


def test_resuming_another_network(make_cfg, error_of):
    path = train(make_cfg(RI, 1, 'before', dict(mid_channels=4)))
    message = error_of(arguments=['--resume', str(path)])
    assert message.startswith(
        'resume=before/iter_1.pth: does not fit this model: size mismatch for generator.'
    )


def test_beginning_with_weights_of_a_part(make_cfg):
    """MMEngine would log it and begin with random weights besides."""
    path = train(make_cfg(RI, 1, 'before'))
    checkpoint = torch.load(path)
    del checkpoint['state_dict']['generator.head.bias']
    torch.save(checkpoint, path)
    cfg = make_cfg(PI, 1)
    cfg.load_from = str(path)
    with pytest.raises(UserError, match='it lacks generator.head.bias. To load a part of'):
        train(cfg)
    allowed = make_cfg(PI, 1)
    allowed.load_from, allowed.custom_hooks = str(path), [dict(type='PartialLoadHook')]
    assert train(allowed).name == 'iter_1.pth'
