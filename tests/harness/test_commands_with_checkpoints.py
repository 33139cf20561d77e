"""Checkpoints that commands are given: MMagic's load, what is wrong with others is one line."""

import shutil
from itertools import count
from pathlib import Path

import pytest
import torch
from mmagic.models.editors.basicvsr.basicvsr_net import BasicVSRNet
from mmagic.registry import MODELS
from mmengine.config import Config

from harness import test as test_command
from harness import train as train_command

ROOT = Path(__file__).resolve().parents[2]
BICUBIC = ROOT / 'mm_configs/bicubic/bicubic_bd.py'
#: nothing listens on port 9, so that this fails as any download does without a network
URL = 'http://127.0.0.1:9/spynet.pth'


@pytest.fixture
def config(tmp_path, real_set):
    """Writes a config of a tiny BasicVSR with SPyNet, trained for one iteration."""

    def make(mid_channels=8) -> str:
        net = dict(mid_channels=mid_channels, num_blocks=1)
        path = tmp_path / 'tiny.py'
        Config(
            dict(
                _base_=str(ROOT / 'mm_configs/basicvsr/basicvsr_paper.py'),
                model=dict(generator=net),
                train_dataloader=dict(
                    batch_size=1,
                    num_workers=0,
                    persistent_workers=False,
                    dataset=dict(data_root=str(real_set.root)),
                ),
                train_cfg=dict(max_iters=1, clip_length=2, crop_size=16),
                visualizer=dict(vis_backends=[dict(type='mmengine.LocalVisBackend')]),
                test_sets=[str(real_set.root)],
                log_level='ERROR',
            )
        ).dump(path)
        return str(path)

    return make


@pytest.fixture
def spynet(tmp_path):
    """MMagic's file of SPyNet weights: its convolutions alone, without the normalisation."""
    weights = BasicVSRNet().spynet.state_dict()
    weights = {name: x for name, x in weights.items() if name not in ('mean', 'std')}
    path = tmp_path / 'spynet.pth'
    torch.save(dict(state_dict=weights, meta={}), path)
    return path, weights


@pytest.fixture
def mmagic_checkpoint(tmp_path):
    """A checkpoint of MMagic's BasicVSR model, as large as ``config``'s."""
    model = MODELS.build(
        dict(
            type='BasicVSR',
            generator=dict(type='BasicVSRNet', mid_channels=8, num_blocks=1),
            pixel_loss=dict(type='CharbonnierLoss'),
            train_cfg=dict(fix_iter=5),
            data_preprocessor=MODELS.build(dict(type='DataPreprocessor')),
        )
    )
    path = tmp_path / 'basicvsr.pth'
    torch.save(dict(state_dict=model.state_dict(), meta={}), path)
    return path, model.state_dict()


def train(tmp_path, config, *options) -> dict:
    """Trains through the command line and returns the last weights."""
    work_dir = tmp_path / 'work'
    train_command.main([config, '--work-dir', str(work_dir), '--cfg-options', *options])
    return torch.load(work_dir / 'iter_1.pth', weights_only=False)['state_dict']


def error_of(command, *arguments) -> str:
    with pytest.raises(SystemExit) as caught:
        command(list(arguments))
    message = str(caught.value.code)
    assert message.startswith('error: ')
    assert '\n' not in message
    return message


@pytest.mark.slow
def test_spynet_weights_by_path(tmp_path, config, spynet):
    path, weights = spynet
    trained = train(
        tmp_path,
        config(),
        f'model.generator.spynet_pretrained={path}',
        'optim_wrapper.optimizer.lr=0.0',
    )
    for name, x in weights.items():
        assert torch.equal(trained[f'generator.spynet.{name}'], x)


@pytest.mark.slow
def test_load_from_a_checkpoint_of_mmagic(tmp_path, config, mmagic_checkpoint):
    path, weights = mmagic_checkpoint
    trained = train(tmp_path, config(), f'load_from={path}', 'optim_wrapper.optimizer.lr=0.0')
    assert weights.keys() - trained.keys() == {'step_counter'}
    assert all(torch.equal(x, weights[name]) for name, x in trained.items())


@pytest.mark.slow
@pytest.mark.parametrize('key', ['model.generator.spynet_pretrained', 'load_from'])
def test_training_with_a_bad_checkpoint(tmp_path, config, key):
    text, truncated, other = (tmp_path / f'{name}.pth' for name in ('text', 'truncated', 'other'))
    text.write_text('not found')
    torch.save(dict(state_dict=dict(weight=torch.ones(3)), meta={}), other)
    truncated.write_bytes(other.read_bytes()[:200])
    missing = tmp_path / 'missing.pth'
    config = config()
    work_dir, numbers = str(tmp_path / 'work'), count()

    def error(source):
        # MMEngine warns if two runs of one process have the same name
        options = (f'{key}={source}', f'experiment_name={tmp_path.name}_{next(numbers)}')
        return error_of(
            train_command.main, config, '--work-dir', work_dir, '--cfg-options', *options
        )

    name = key.split('.')[-1]
    where = '' if name == 'load_from' else f'config {config} model: '
    assert error(missing) == f'error: {where}{name}={missing}: no such file'
    assert error(text) == f'error: {where}{name}={text}: is a text file, not a checkpoint'
    assert error(truncated).startswith(f'error: {where}{name}={truncated}: is damaged or truncated')
    fit = 'does not fit this model: ' if name == 'load_from' else 'cannot be loaded: The model and'
    assert error(other).startswith(f'error: {where}{name}={other}: {fit}')
    message = error(URL)
    assert message.startswith(f'error: {where}{name}={URL}: cannot be downloaded: Connection')
    assert message.endswith(
        'Without internet access, download it elsewhere and give the path of the file'
    )


def test_load_from_a_network_of_other_names(tmp_path, config, mmagic_checkpoint):
    """A frame-conditioned network has its weights under ``net``; MMEngine would train on from
    scratch and only log that."""
    path, _ = mmagic_checkpoint
    options = ['--work-dir', str(tmp_path / 'work'), '--cfg-options', f'load_from={path}']
    conditioned = Config.fromfile(config())
    conditioned.model.generator = dict(
        type='FrameConditioned', last_frame=19, net=conditioned.model.generator
    )
    conditioned.dump(tmp_path / 'conditioned.py')
    message = error_of(train_command.main, str(tmp_path / 'conditioned.py'), *options)
    assert 'it lacks generator.net.' in message and 'the model has no generator.' in message
    assert message.endswith("add dict(type='PartialLoadHook') to custom_hooks")


def test_evaluation_with_a_bad_checkpoint(tmp_path, config, mmagic_checkpoint):
    path, _ = mmagic_checkpoint
    config = config(mid_channels=16)
    run = ['--work-dir', str(tmp_path / 'work')]
    missing = error_of(test_command.main, config, str(tmp_path / 'missing.pth'), *run)
    assert missing == f'error: checkpoint {tmp_path}/missing.pth: no such file'
    message = error_of(test_command.main, config, str(path), *run)
    start = f'error: checkpoint={path}: does not fit this model: size mismatch for generator.'
    assert message.startswith(start) and message.count('size mismatch') == 3
    options = ['--cfg-options', 'model.generator.spynet_pretrained=nowhere/spynet.pth']
    message = error_of(test_command.main, config, str(path), *run, *options)
    where = f'error: config {config} model: '
    assert message == f'{where}spynet_pretrained=nowhere/spynet.pth: no such file'


def test_two_sets_of_one_name_are_refused(real_set, tmp_path):
    """The results of the second one would replace those of the first."""
    for folder in ('a', 'b'):
        shutil.copytree(real_set.root, tmp_path / folder / 'moving')
    sets = [str(tmp_path / folder / 'moving') for folder in ('a', 'b')]
    checkpoint = tmp_path / 'any.pth'
    checkpoint.touch()
    with pytest.raises(SystemExit, match='error: two sets are named moving, so their results'):
        test_command.main([str(BICUBIC), str(checkpoint), '--data', *sets])


def test_results_of_something_else_are_not_replaced(tmp_path, make_set, monkeypatch, capsys):
    """In the default work directory, which is called after the config alone."""
    monkeypatch.chdir(tmp_path)
    net = dict(
        type='FRVSRNet', mid_channels=8, num_blocks=1, flow_net=dict(type='ConvFlowNet', channels=8)
    )
    Path('net.py').write_text(f'model = dict(type="RecurrentVSR", generator={net})')
    weights = MODELS.build(dict(type='RecurrentVSR', generator=net)).state_dict()
    torch.save(dict(state_dict=weights), 'one.pth')
    weights['generator.tail.4.weight'].fill_(3e38)  # finite itself
    torch.save(dict(state_dict=weights), 'two.pth')
    make_set('set'), make_set('other/set', frames=2)
    frames = Path('work_dirs/net/frames_set.csv')
    for _ in range(2):
        assert test_command.main(['net.py', 'one.pth', '--data', 'set']) == 0
    before = frames.read_bytes()
    place = 'error: work_dirs/net/frames_set.csv: contains results'
    for arguments, what in (
        (['two.pth', '--data', 'set'], 'of another checkpoint'),
        (['one.pth', '--data', 'other/set'], 'of another set'),
        (['one.pth', '--data', 'set', '--lr-kind', 'gt'], 'of another lr_kind'),
        (['one.pth', '--data', 'set', '--protocol', 'tecogan'], 'of another protocol'),
        (
            ['one.pth', '--data', 'set', '--cfg-options', 'model.generator.residual_recurrence=1'],
            'of another model',
        ),
    ):
        message = error_of(test_command.main, 'net.py', *arguments)
        assert message == f'{place} {what}; use another --work-dir or delete it'
    Path('work_dirs/net/evaluated.json').unlink()
    message = error_of(test_command.main, 'net.py', 'one.pth', '--data', 'set')
    assert message.startswith(f'{place} of an unknown checkpoint')
    assert frames.read_bytes() == before
    assert 'finite' not in capsys.readouterr().err
    test_command.main(['net.py', 'two.pth', '--data', 'set', '--work-dir', 'two'])
    assert 'warning: set: 7 SR frames have NaN or infinite' in capsys.readouterr().err
