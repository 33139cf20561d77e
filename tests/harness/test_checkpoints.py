"""Files of weights from elsewhere: nothing in them is executed, and no damaged one is used."""

import argparse
import http.server
import io
import pickle
import subprocess
import sys
import threading
import zipfile
from contextlib import suppress
from functools import partial

import lpips
import pytest
import torch
from mmagic.models.editors.basicvsr.basicvsr_net import SPyNet
from mmagic.registry import MODELS
from mmengine.config import Config
from mmengine.model import BaseModule

from harness.checkpoints import load_weights, read_file, read_weights
from harness.errors import UserError
from harness.evaluation import perceptual
from harness.evaluation.model import load_model
from harness.networks.flow import pretrained_spynet
from tests.harness.hostile_files import write_hostile

CPU = torch.device('cpu')
NET = dict(
    type='FRVSRNet', mid_channels=8, num_blocks=1, flow_net=dict(type='ConvFlowNet', channels=8)
)
CONFIG = Config(dict(model=dict(type='RecurrentVSR', generator=NET)))


@pytest.fixture
def url(tmp_path, monkeypatch):
    """The address of the folder ``served``; downloads go to a cache of their own."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    (tmp_path / 'served').mkdir()
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    handler = partial(Quiet, directory=str(tmp_path / 'served'))
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}'
        server.shutdown()


@pytest.fixture
def lpips_cache(tmp_path, monkeypatch):
    """Where AlexNet's weights are looked for."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    path = perceptual._weights_file()
    path.parent.mkdir(parents=True)
    perceptual._model.cache_clear()
    yield path
    perceptual._model.cache_clear()


def error_of(load) -> str:
    with pytest.raises(UserError) as caught:
        load()
    message = str(caught.value)
    assert message.isprintable()  # one line without colours
    assert 'weights_only' not in message
    return message


@pytest.mark.parametrize('kind', ['zip', 'legacy', 'tar', 'pickle'])
def test_no_format_of_pytorch_executes(tmp_path, monkeypatch, kind):
    mark = tmp_path / 'executed'
    path = write_hostile(tmp_path / 'net.pth', kind, mark)
    message = error_of(lambda: read_file(path))
    assert message.startswith(f'{path}: ')
    if kind in ('zip', 'legacy'):
        assert 'contains posix.mkdir, which is not a weight' in message
    # as other code of this process may load it
    with pytest.raises((pickle.UnpicklingError, RuntimeError)):
        torch.load(path, weights_only=False)
    assert not mark.exists()
    # the file does what it is made for
    monkeypatch.delenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD')
    with suppress(Exception):
        torch.load(path, weights_only=False)
    assert mark.exists()


@pytest.mark.slow
def test_the_contrary_setting_of_a_shell_does_not_count(tmp_path, monkeypatch):
    """Many set it for older code; PyTorch refuses to load anything if it is told both."""
    torch.save(dict(a=torch.ones(1)), tmp_path / 'net.pth')
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    code = f"from harness.checkpoints import *; print(read_file(Path('{tmp_path}/net.pth')))"
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.stdout == "{'a': tensor([1.])}\n", done.stderr


class Holder(BaseModule):
    """A module that begins with weights of a file."""

    def __init__(self, checkpoint, **options):
        super().__init__(dict(type='Pretrained', checkpoint=checkpoint, **options))
        self.conv = torch.nn.Conv2d(1, 1, 1)


WAYS = {
    'checkpoint': lambda source: load_model(CONFIG, source, CPU),
    'spynet_pretrained': pretrained_spynet,
    'init_cfg': lambda source: Holder(source).init_weights(),
    'IN': lambda source: read_weights(source, 'IN'),
}


@pytest.mark.parametrize('download', [False, True], ids=['file', 'url'])
@pytest.mark.parametrize('way', WAYS)
def test_no_way_of_loading_executes(tmp_path, url, way, download):
    mark = tmp_path / 'executed'
    path = write_hostile(tmp_path / 'served/net.pth', 'zip', mark, weight=torch.ones(1))
    message = error_of(lambda: WAYS[way](f'{url}/net.pth' if download else str(path)))
    assert 'net.pth' in message and 'contains posix.mkdir, which is not a weight' in message
    assert not mark.exists()


@pytest.mark.slow
def test_no_weights_of_a_metric_execute(tmp_path, lpips_cache):
    mark = tmp_path / 'executed'
    write_hostile(lpips_cache, 'legacy', mark)
    assert f'LPIPS weights={lpips_cache}: contains posix.mkdir' in error_of(perceptual._model)
    assert not mark.exists()


@pytest.mark.slow
def test_weights_of_a_metric_must_be_alexnets(lpips_cache):
    torch.save({'features.0.weight': torch.ones(64, 3, 11, 11)}, lpips_cache)
    assert 'it lacks slice1.0.bias, slice2.3.weight' in error_of(perceptual._model)
    net = lpips.LPIPS(net='alex', pnet_rand=True, verbose=False).net
    weights = {f'features.{k.partition(".")[2]}': x for k, x in net.state_dict().items()}
    torch.save(dict(weights, **{'classifier.6.bias': torch.ones(1000)}), lpips_cache)
    model, _ = perceptual._model()
    assert all(torch.equal(x, net.state_dict()[k]) for k, x in model.net.state_dict().items())


def test_downloads_are_kept_and_read_as_files_are(tmp_path, url):
    weights = SPyNet(None).state_dict()
    weights = {name: x for name, x in weights.items() if name not in ('mean', 'std')}
    path = tmp_path / 'served/net.pth'
    torch.save(dict(state_dict=weights, meta={}), path)
    for _ in range(2):
        loaded = pretrained_spynet(f'{url}/net.pth').state_dict()
        assert all(torch.equal(loaded[name], x) for name, x in weights.items())
        path.unlink(missing_ok=True)
    cached = tmp_path / 'torch/hub/checkpoints/net.pth'
    cached.write_text('<html>Sign in</html>')
    message = error_of(lambda: pretrained_spynet(f'{url}/net.pth'))
    assert message.endswith(
        f'net.pth (downloaded to {cached}): is an HTML page, not a checkpoint: download it again'
    )


@pytest.mark.parametrize(
    'source, problem',
    [
        ('s3://bucket/net.pth', 'cannot be loaded: Please install petrel_client'),
        ('torchvision://nonet', "there is no 'nonet'"),
        ('http://127.0.0.1:9/net.pth', 'cannot be downloaded: Connection refused. With'),
    ],
)
def test_sources_that_are_out_of_reach(tmp_path, monkeypatch, source, problem):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    assert error_of(lambda: read_weights(source, 'KEY')).startswith(f'KEY={source}: {problem}')


def _torchscript() -> bytes:
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), file := io.BytesIO())
    return file.getvalue()


def _zipped(name: str) -> bytes:
    with zipfile.ZipFile(file := io.BytesIO(), 'w') as archive:
        archive.writestr(name, b'weights')
    return file.getvalue()


OTHER_FILES = {
    'html': (b'\xef\xbb\xbf\n<!DOCTYPE html><html><body>404</body></html>', 'is an HTML page'),
    'lfs': (b'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a', 'is a Git LFS pointer'),
    'text': (b'epoch: 3\r\nloss: 0.5\r\n', 'is a text file'),
    'empty': (b'', 'is empty'),
    'namespace': (pickle.dumps(argparse.Namespace(lr=0.1)), 'is a pickled Python object'),
    'bytes': (bytes(range(129, 256)), 'is damaged, or torch.save did not write it'),
    'zip': (b'PK\x05\x06' + bytes(18), 'is damaged, or torch.save did not write it'),
    'cut zip': (b'PK\x03\x04' + bytes(100), 'is damaged or truncated'),
    'script': (_torchscript(), 'is a TorchScript program, not a checkpoint'),
    'zipped': (_zipped('model.pth'), 'is an archive of model.pth, not a checkpoint: unpack it'),
}


@pytest.mark.parametrize('content, problem', OTHER_FILES.values(), ids=OTHER_FILES)
def test_other_files_are_called_by_their_name(tmp_path, content, problem):
    path = tmp_path / 'net.pth'
    path.write_bytes(content)
    for load in (lambda: read_weights(str(path), 'KEY'), lambda: load_model(CONFIG, path, CPU)):
        assert f'={path}: {problem}' in error_of(load)


def test_other_objects_are_called_by_their_name(tmp_path):
    path = tmp_path / 'net.pth'
    assert error_of(lambda: read_weights(str(tmp_path), 'KEY')) == (
        f'KEY={tmp_path}: is a folder, not a checkpoint'
    )
    assert error_of(lambda: read_weights(str(path), 'KEY')) == f'KEY={path}: no such file'
    for content, problem in (
        (torch.nn.Linear(1, 1), 'contains torch.nn.modules.linear.Linear, which is not a weight'),
        (dict(args=argparse.Namespace()), 'contains argparse.Namespace, which is not a weight'),
        ([1, 2], 'contains no named weights, but a list'),
        (dict(epoch=3, lr=0.1), 'contains no named weights, but epoch, lr'),
        (dict(state_dict=[1]), 'contains no named weights, but nothing'),
    ):
        torch.save(content, path)
        assert error_of(lambda: read_weights(str(path), 'KEY')).startswith(f'KEY={path}: {problem}')


@pytest.mark.parametrize('kind', ['zip', 'legacy'])
def test_a_file_that_is_cut_off(tmp_path, kind):
    path = tmp_path / 'net.pth'
    weights = dict(weight=torch.randn(1000))
    torch.save(weights, path, _use_new_zipfile_serialization=kind == 'zip')
    content = path.read_bytes()
    for size in (len(content) // 2, len(content) - 5):
        path.write_bytes(content[:size])
        assert f'{path}: is damaged' in error_of(lambda: read_file(path))


def test_a_flipped_byte_of_a_weight(tmp_path):
    """It makes another finite number, that only the checksum shows."""
    path = tmp_path / 'net.pth'
    model = load_model(CONFIG, None, CPU)
    torch.save(dict(state_dict=model.state_dict()), path)
    load_model(CONFIG, path, CPU)
    weight = model.generator.head.weight.detach().numpy().tobytes()[:64]
    content = bytearray(path.read_bytes())
    content[content.index(weight)] ^= 1
    path.write_bytes(content)
    damaged = torch.load(path)['state_dict']
    assert all(x.isfinite().all() for x in damaged.values())
    message = error_of(lambda: load_model(CONFIG, path, CPU))
    assert message.startswith(f'checkpoint={path}: is damaged or truncated')


@pytest.mark.parametrize('value', [float('nan'), float('-inf')])
def test_weights_that_are_not_finite(tmp_path, value):
    weights = load_model(CONFIG, None, CPU).state_dict()
    weights['generator.head.bias'][3] = value
    torch.save(dict(state_dict=weights), tmp_path / 'net.pth')
    for load in (
        partial(load_model, CONFIG, tmp_path / 'net.pth', CPU),
        partial(read_file, tmp_path / 'net.pth'),
    ):
        message = error_of(load)
        assert 'net.pth: generator.head.bias contains values that are not finite' in message


def test_weights_of_a_distributed_training(tmp_path):
    torch.save({'module.a': torch.ones(1)}, tmp_path / 'bare.pth')
    assert read_weights(str(tmp_path / 'bare.pth'), 'IN') == {'a': torch.ones(1)}


def test_weights_must_fit_as_a_whole():
    net = torch.nn.Sequential(*(torch.nn.Linear(1, 1) for _ in range(4)))
    weights = net.state_dict()
    renamed = {k.replace('3.', 'last.').replace('2.', '9.'): x for k, x in weights.items()}
    assert error_of(lambda: load_weights(net, renamed, 'net.pth', 'KEY', '. Do this')) == (
        'KEY=net.pth: does not fit this model: it lacks 2.weight, 2.bias, 3.weight and 1 more; the '
        'model has no 9.weight, 9.bias, last.weight and 1 more. Do this'
    )
    small = dict(weights, **{'0.weight': torch.ones(2, 1)})
    message = error_of(lambda: load_weights(net, small, 'net.pth', 'KEY'))
    assert message.startswith('KEY=net.pth: does not fit this model: size mismatch for 0.weight: ')


def test_modules_that_begin_with_a_part_of_a_file(tmp_path):
    """MMEngine would leave what is missing as it was, and log it."""
    path = str(tmp_path / 'net.pth')
    weights = {'conv.weight': torch.full((1, 1, 1, 1), 5.0), 'conv.bias': torch.full((1,), 6.0)}
    torch.save({f'part.{name}': x for name, x in weights.items()}, path)
    holder = Holder(path, prefix='part')
    holder.init_weights()
    assert all(torch.equal(holder.state_dict()[name], x) for name, x in weights.items())
    message = error_of(Holder(path).init_weights)
    assert 'it lacks conv.weight, conv.bias; the model has no part.conv.weight' in message


#: a training with MMEngine's own Runner that nothing of ours has touched; its model has our names
MMENGINE = """
import sys
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner

class Net(BaseModel):
    def __init__(self, weights):
        super().__init__()
        for name, x in weights.items():
            *path, last = name.split('.')
            module = self
            for part in path:
                if part not in module._modules:
                    module.add_module(part, torch.nn.Module())
                module = module._modules[part]
            module.register_parameter(last, torch.nn.Parameter(x))

    def forward(self, inputs, mode):
        return dict(loss=sum((x ** 2).sum() for x in self.parameters()))

runner = Runner(
    Net(torch.load('begin.pth')),
    work_dir='.',
    train_dataloader=dict(
        dataset=[dict(inputs=torch.ones(1))],
        sampler=dict(type='DefaultSampler', shuffle=False),
        batch_size=1,
    ),
    train_cfg=dict(by_epoch=True, max_epochs=3),
    optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.1)),
    param_scheduler=dict(type='MultiStepLR', milestones=[2]),
    default_hooks=dict(checkpoint=dict(type='CheckpointHook', save_best='loss', rule='less')),
)
runner.train()
torch.save(runner.model.state_dict(), 'end.pth')
assert not any(name.startswith('harness') for name in sys.modules)
"""


@pytest.mark.slow
def test_a_checkpoint_of_plain_mmengine(tmp_path):
    torch.save(MODELS.build(CONFIG.model).state_dict(), tmp_path / 'begin.pth')
    done = subprocess.run(
        [sys.executable, '-c', MMENGINE], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    path = tmp_path / 'epoch_3.pth'
    loaded = load_model(CONFIG, path, CPU).state_dict()
    end = torch.load(tmp_path / 'end.pth')
    assert loaded.keys() == end.keys()
    assert all(torch.equal(loaded[name], x) for name, x in end.items())
    begin = torch.load(tmp_path / 'begin.pth')
    assert not any(torch.equal(begin[name], x) for name, x in end.items())
    history = read_file(path)['message_hub']['log_scalars']['train/loss']
    assert len(history.data[0]) == 3 and history.mean() == pytest.approx(history.data[0].mean())


def test_histories_of_a_file_change_no_others(tmp_path):
    """MMEngine would give their methods to all histories."""
    from mmengine.logging import HistoryBuffer

    history = HistoryBuffer([1.0, 3.0], [1, 1])
    state = dict(vars(history), statistics_methods=dict(mean=torch.Size))
    history.__class__ = type('History', (), dict(__reduce__=lambda _: (HistoryBuffer, (), state)))
    torch.save(dict(history=history), tmp_path / 'net.pth')
    loaded = read_file(tmp_path / 'net.pth')['history']
    assert loaded.statistics('mean') == 2.0
