"""Files of other code become checkpoints here, with the frames of the networks they are of."""

import re

import numpy as np
import pytest
import torch
from mmagic.registry import MODELS

from harness.configs import load_config
from harness.errors import UserError
from harness.evaluation.model import load_model
from harness.networks.__main__ import main
from harness.networks.foreign.convert import bare, convert
from harness.networks.zoo import MRVSRNet, RFS3Net, RLSPNet, StatefulBasicVSRNet

CPU = torch.device('cpu')


def basicsr_names(weights):
    """BasicSR's names of MMagic's weights of BasicVSR, written from BasicSR's modules."""
    theirs = {}
    for name, x in weights.items():
        layer = re.fullmatch(r'(spynet\.basic_module\.\d\.basic_module)\.(\d)\.conv\.(\w+)', name)
        if layer:
            name = f'{layer[1]}.{2 * int(layer[2])}.{layer[3]}'
        name = name.replace('_resblocks.', '_trunk.')
        name = re.sub(r'upsample(\d)\.upsample_conv', r'upconv\1', name)
        theirs[name] = x
    return theirs


def tiny_basicvsr():
    torch.manual_seed(0)
    return StatefulBasicVSRNet(8, 2).eval()


WRAPPED = {
    'bare': lambda w: basicsr_names(w),
    'params': lambda w: dict(params=basicsr_names(w)),
    'averaged': lambda w: dict(
        params={k: 0 * x for k, x in w.items()}, params_ema=basicsr_names(w)
    ),
    'data parallel': lambda w: {f'module.{k}': x for k, x in basicsr_names(w).items()},
    'compiled': lambda w: {f'_orig_mod.module.{k}': x for k, x in basicsr_names(w).items()},
    'mmagic': lambda w: dict(
        state_dict={f'generator.{k}': x for k, x in w.items()} | {'step_counter': torch.zeros(1)}
    ),
    'mmagic, averaged': lambda w: dict(
        state_dict={f'generator.{k}': 0 * x for k, x in w.items()}
        | {f'generator_ema.{k}': x for k, x in w.items()}
    ),
    'mmediting, bare': lambda w: dict(w),
}


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize('wrap', WRAPPED.values(), ids=WRAPPED)
def test_basicvsr(tmp_path, real_clip, wrap):
    net = tiny_basicvsr()
    torch.save(wrap(net.state_dict()), tmp_path / 'BasicVSR_BDx4.pth')
    made = convert(tmp_path / 'BasicVSR_BDx4.pth', tmp_path / 'ours.pth')
    assert made.lr_kinds == ('lr_bd_basicvsr',)
    assert made.options == [f'model.generator.{o}' for o in ('mid_channels=8', 'num_blocks=2')]
    cfg = load_config(made.config, made.options)
    ours = load_model(cfg, str(tmp_path / 'ours.pth'), CPU).generator
    video = real_clip(3, 16, 24, batch=1)
    assert torch.equal(ours(video), net(video))


@pytest.mark.parametrize(
    ('name', 'kinds'),
    [
        ('BasicVSR_REDS4.pth', ['lr_bi']),
        ('basicvsr_vimeo90k_bi_20210409.pth', ['lr_bi']),
        ('mine.pth', ['lr_bi', 'lr_bd_basicvsr']),
    ],
)
def test_what_a_file_name_says_of_the_lr_frames(tmp_path, name, kinds):
    torch.save(tiny_basicvsr().state_dict(), tmp_path / name)
    assert list(convert(tmp_path / name, tmp_path / 'ours.pth').lr_kinds) == kinds


@torch.no_grad()
@pytest.mark.parametrize(
    ('net', 'prefix'),
    [
        (RLSPNet(12, 5), ''),
        (RLSPNet(12, 5), 'rlsp.RSLPCell.'),
        (RFS3Net(12, 5), ''),
        (MRVSRNet(12, lipschitz=None), ''),
        (MRVSRNet(12, lipschitz=None), 'mrvsr.MRVSRCell.'),
    ],
    ids=['rlsp', 'rlsp whole', 'rfs3', 'mrvsr', 'mrvsr whole'],
)
def test_cells_of_mrvsrs_authors(tmp_path, real_clip, net, prefix):
    """Their files hold the state_dict of the cell, ours is named alike."""
    torch.save({prefix + k: x for k, x in net.state_dict().items()}, tmp_path / 'theirs.pth')
    made = convert(tmp_path / 'theirs.pth', tmp_path / 'ours.pth')
    assert made.lr_kinds == ('lr_bd_rlsp',)
    cfg = load_config(made.config, made.options)
    ours = load_model(cfg, str(tmp_path / 'ours.pth'), CPU).generator
    video = real_clip(3, 16, 24, batch=1)
    assert type(ours) is type(net) and torch.equal(ours(video), net.eval()(video))


OTHERS = {
    'BasicVSR++': dict(type='StatefulBasicVSRPlusPlusNet', mid_channels=8, num_blocks=1),
    'IconVSR': dict(type='StatefulIconVSRNet', num_blocks=1, padding=3),
    'RealBasicVSR': dict(
        type='StatefulRealBasicVSRNet',
        mid_channels=8,
        num_propagation_blocks=2,
        num_cleaning_blocks=1,
    ),
    'AnimeSR': dict(type='AnimeSRNet', mid_channels=8, num_blocks=(3, 2, 1)),
    'RealViformer': dict(type='RealViformerNet', mid_channels=32, num_blocks=(1, 2, 1, 2)),
    'RRN': dict(type='RRNNet', mid_channels=8, num_blocks=2),
    'RSDN': dict(type='RSDNNet', mid_channels=8, num_blocks=2),
}


@pytest.mark.slow
@pytest.mark.parametrize(('title', 'cfg'), OTHERS.items(), ids=OTHERS)
def test_other_networks(tmp_path, title, cfg):
    """Their names are those of the public code, BasicSR's where that differs from MMagic's."""
    net = MODELS.build(cfg)
    theirs = {f'module.{name}': x for name, x in basicsr_names(net.state_dict()).items()}
    if title == 'RealBasicVSR':  # MMagic's only
        theirs = {f'generator_ema.{name}': x for name, x in net.state_dict().items()}
    torch.save(theirs, tmp_path / 'theirs.pth')
    made = convert(tmp_path / 'theirs.pth', tmp_path / 'ours.pth')
    assert made.title == title
    ours = load_model(load_config(made.config, made.options), tmp_path / 'ours.pth', CPU).generator
    for name, x in ours.state_dict().items():
        assert torch.equal(x, net.state_dict()[name]), name


def varint(value):
    data = b''
    while value >= 0x80:
        data += bytes([value & 0x7F | 0x80])
        value >>= 7
    return data + bytes([value])


def crc32c(data):
    """Bit by bit, from the definition."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 & -(crc & 1))
    return crc ^ 0xFFFFFFFF


def block(entries):
    """A LevelDB block with one restart, keys in order, and its trailer."""
    data, before = b'', b''
    for key, value in entries:
        shared = next(
            (i for i, (a, b) in enumerate(zip(key, before, strict=False)) if a != b),
            min(len(key), len(before)),
        )
        data += varint(shared) + varint(len(key) - shared) + varint(len(value))
        data += key[shared:] + value
        before = key
    return data + (0).to_bytes(4, 'little') + (1).to_bytes(4, 'little')


def write_bundle(path, tensors):
    """A TensorFlow checkpoint of float32 arrays, from the formats' descriptions."""
    content, entries = b'', [(b'', b'\x08\x01')]
    for name, array in sorted(tensors.items()):
        data = array.astype('<f4').tobytes()
        dims = b''.join(
            b'\x12' + varint(len(d)) + d for d in (b'\x08' + varint(n) for n in array.shape)
        )
        crc = crc32c(data)
        masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
        value = b'\x08\x01\x12' + varint(len(dims)) + dims + b'\x20' + varint(len(content))
        value += b'\x28' + varint(len(data)) + b'\x35' + masked.to_bytes(4, 'little')
        entries.append((name.encode(), value))
        content += data
    table, handles = b'', []
    for made in (block(entries), block([])):
        handles.append(varint(len(table)) + varint(len(made)))
        table += made + bytes(5)
    index = block([(b'zzz', handles[0])])
    footer = handles[1] + varint(len(table)) + varint(len(index))
    table += index + bytes(5) + footer.ljust(40, b'\0')
    table += bytes.fromhex('57fb808b247547db')
    path.with_suffix('.index').write_bytes(table)
    path.with_name(f'{path.name}.data-00000-of-00001').write_bytes(content)


def tensorflow_rlsp():
    """RLSP 5-8 and its arrays in TensorFlow's order and scale, beside an optimizer's."""
    torch.manual_seed(0)
    net = RLSPNet(8, 5).eval()
    layers = [net.block1[0], net.blocks[0], net.blocks[2], net.blocks[4]]
    layers += [net.hidden_state_layer[0], net.output_layer]
    arrays = {'beta1_power': np.ones(())}
    for number, layer in enumerate(layers):
        layer.bias.data.normal_(0, 0.1)
        arrays[f'layer{number}/kernel'] = layer.weight.detach().numpy().transpose(2, 3, 1, 0)
        arrays[f'layer{number}/bias'] = 255 * layer.bias.detach().numpy()
        arrays[f'layer{number}/kernel/Adam'] = np.zeros(3)
    return net, arrays


@torch.no_grad()
def test_rlsp_of_tensorflow(tmp_path, real_clip):
    net, arrays = tensorflow_rlsp()
    write_bundle(tmp_path / 'ckpt', arrays)
    made = convert(tmp_path / 'ckpt.index', tmp_path / 'ours.pth')
    cfg = load_config(made.config, made.options)
    ours = load_model(cfg, str(tmp_path / 'ours.pth'), CPU).generator
    video = real_clip(3, 16, 24, batch=1)
    assert torch.allclose(ours(video), net(video), atol=1e-6)


@pytest.mark.parametrize(
    ('name', 'damage', 'message'),
    [
        (
            'ckpt.index',
            lambda data: data[:-1],
            r'ckpt\.index: is damaged or not a .*not a table',
        ),
        (
            'ckpt.data-00000-of-00001',
            lambda data: data[:-200],
            'the data file ends within layer5/kernel',
        ),
        (
            'ckpt.data-00000-of-00001',
            lambda data: b'\x01' + data[1:] if data[0] != 1 else b'\x02' + data[1:],
            'the checksum of .* is wrong',
        ),
        ('ckpt.data-00000-of-00001', None, r'ckpt\.data-00000-of-00001: no such file'),
    ],
)
def test_damaged_checkpoints_of_tensorflow(tmp_path, name, damage, message):
    _, arrays = tensorflow_rlsp()
    del arrays['beta1_power']  # so that the first byte counts
    write_bundle(tmp_path / 'ckpt', arrays)
    file = tmp_path / name
    file.write_bytes(damage(file.read_bytes())) if damage else file.unlink()
    with pytest.raises(UserError, match=message):
        convert(tmp_path / 'ckpt.index', tmp_path / 'ours.pth')
    assert not (tmp_path / 'ours.pth').exists()


WRONG = {
    'another network': ({'pcd_align.weight': torch.ones(3)}, 'it looks like EDVR'),
    'anything': ({'layers.0.weight': torch.ones(3)}, 'its first name is layers.0.weight'),
    'another scale': (
        {
            k: x[:16] if k.startswith('upconv2') else x
            for k, x in basicsr_names(tiny_basicvsr().state_dict()).items()
        },
        r'is not BasicVSR for x4: upsample2.upsample_conv.bias: expected .*, got \(16,\)',
    ),
    'half a file': (
        dict(
            list(basicsr_names(tiny_basicvsr().state_dict()).items())[:80]
            + [('fusion.bias', torch.ones(8))]
        ),
        ', got nothing',
    ),
}


@pytest.mark.parametrize(('weights', 'message'), WRONG.values(), ids=WRONG)
def test_files_that_fit_nothing_are_one_line(tmp_path, weights, message):
    torch.save(weights, tmp_path / 'theirs.pth')
    with pytest.raises(SystemExit, match=message) as stop:
        main(['convert', f'{tmp_path}/theirs.pth', f'{tmp_path}/ours.pth'])
    assert '\n' not in stop.value.code and 'theirs.pth: ' in stop.value.code
    assert not (tmp_path / 'ours.pth').exists()


def test_layouts_that_are_named(tmp_path):
    torch.save(tiny_basicvsr().state_dict(), tmp_path / 'theirs.pth')
    files = [f'{tmp_path}/theirs.pth', f'{tmp_path}/ours.pth']
    with pytest.raises(SystemExit, match='theirs.pth: is not RLSP; its first name is spynet'):
        main(['convert', *files, '--as', 'rlsp'])
    with pytest.raises(SystemExit, match='--as edvr: not one of basicvsr, '):
        main(['convert', *files, '--as', 'edvr'])
    assert main(['convert', *files, '--as', 'basicvsr']) == 0


def test_weights_that_are_no_tensors_are_left_out():
    assert bare({'module.a': torch.ones(1), 'epoch': 3}) == {'a': torch.ones(1)}
