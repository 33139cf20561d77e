"""FRVSR weights of TecoGAN-PyTorch: the converted network computes what theirs does.

Their network is written again here, from what it does: every layer by its name in their files, all
resampling with numpy loops over positions.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from harness.configs import load_config
from harness.errors import UserError
from harness.evaluation.model import load_model
from harness.networks.__main__ import main
from harness.networks.foreign.convert import convert

CHANNELS = 8


def their_weights(blocks=2, bd=True, scale=4):
    """Random weights with the names and shapes of ``FRNet``."""
    convs = {'srnet.conv_in.0': (CHANNELS, 3 + 3 * scale**2), 'srnet.conv_out': (3, CHANNELS)}
    fnet = [(6, 32), (32, 64), (64, 128), (128, 256), (256, 128), (128, 64)]
    for i, (before, after) in enumerate(fnet):
        name = f'fnet.encoder{i + 1}' if i < 3 else f'fnet.decoder{i - 2}'
        convs |= {f'{name}.0': (after, before), f'{name}.2': (after, after)}
    convs |= {'fnet.flow.0': (32, 64), 'fnet.flow.2': (2, 32)}
    for i in range(blocks):
        convs |= {f'srnet.resblocks.{i}.conv.{j}': (CHANNELS, CHANNELS) for j in (0, 2)}
    convs |= {f'srnet.conv_up.{j}': (CHANNELS, CHANNELS) for j in range(0, scale, 2)}
    weights = {}
    for name, (out_channels, in_channels) in convs.items():
        std = (2 / (9 * in_channels)) ** 0.5
        weights[f'{name}.weight'] = std * torch.randn(out_channels, in_channels, 3, 3)
        weights[f'{name}.bias'] = 0.05 * torch.randn(out_channels)
    if bd:
        kernels = torch.from_numpy(phases()).float()
        weights |= {f'{part}upsample_func.kernels': kernels.clone() for part in ('', 'srnet.')}
    return weights


def keys_kernel(x, a=-0.75):
    x = abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def phases():
    return np.array([[keys_kernel(d / 4 - tap) for tap in (-1, 0, 1, 2)] for d in range(4)])


def interpolation_matrix(size, bd):
    """(4 * size, size): each row makes one HR value of a line of LR values."""
    matrix = np.zeros((4 * size, size))
    for row in range(4 * size):
        position = row / 4 if bd else (row + 0.5) / 4 - 0.5
        first = int(np.floor(position))
        for pixel in range(first - 1, first + 3):
            distance = position - pixel
            weight = keys_kernel(distance) if bd else max(0, 1 - abs(distance))
            matrix[row, min(max(pixel, 0), size - 1)] += weight
    return matrix


def enlarge(image, bd):
    rows, columns = (interpolation_matrix(size, bd) for size in image.shape[-2:])
    return torch.from_numpy(rows @ image.numpy() @ columns.T)


def warp(image, flow):
    """Bilinear samples of (3, H, W) at each position plus flow, clamped to the image."""
    image, flow = image.numpy(), flow.numpy()
    height, width = image.shape[1:]
    warped = np.empty_like(image)
    for y in range(height):
        for x in range(width):
            at_x = min(max(x + flow[0, y, x], 0), width - 1)
            at_y = min(max(y + flow[1, y, x], 0), height - 1)
            left, top = int(at_x), int(at_y)
            right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
            fx, fy = at_x - left, at_y - top
            upper = (1 - fx) * image[:, top, left] + fx * image[:, top, right]
            lower = (1 - fx) * image[:, bottom, left] + fx * image[:, bottom, right]
            warped[:, y, x] = (1 - fy) * upper + fy * lower
    return torch.from_numpy(warped)


class TheirNetwork:
    """``FRNet`` frame by frame on (T, 3, H, W), in double precision."""

    def __init__(self, weights, bd):
        self.weights = {name: x.double() for name, x in weights.items()}
        self.bd = bd

    def conv(self, x, name):
        return F.conv2d(x, self.weights[f'{name}.weight'], self.weights[f'{name}.bias'], padding=1)

    def flow(self, now, before):
        x = torch.cat([now, before])[None]
        for stage in ('encoder1', 'encoder2', 'encoder3', 'decoder1', 'decoder2', 'decoder3'):
            for layer in (0, 2):
                x = F.leaky_relu(self.conv(x, f'fnet.{stage}.{layer}'), 0.2)
            if stage.startswith('encoder'):
                x = F.max_pool2d(x, 2)
            else:
                x = F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)
        x = self.conv(F.leaky_relu(self.conv(x, 'fnet.flow.0'), 0.2), 'fnet.flow.2')
        flow = 24 * torch.tanh(x)[0]
        missing = [now.size(i) - flow.size(i) for i in (1, 2)]
        padded = np.pad(flow.numpy(), [(0, 0), (0, missing[0]), (0, missing[1])], mode='reflect')
        return torch.from_numpy(padded)

    def frame(self, lr, warped):
        pixels = [warped[:, dy::4, dx::4] for dy in range(4) for dx in range(4)]
        x = F.relu(self.conv(torch.cat([lr, *pixels])[None], 'srnet.conv_in.0'))
        for i in range(2):
            inner = F.relu(self.conv(x, f'srnet.resblocks.{i}.conv.0'))
            x = x + self.conv(inner, f'srnet.resblocks.{i}.conv.2')
        for layer in (0, 2):
            name = f'srnet.conv_up.{layer}'
            weight, bias = (self.weights[f'{name}.{part}'] for part in ('weight', 'bias'))
            x = F.relu(F.conv_transpose2d(x, weight, bias, 2, 1, output_padding=1))
        return self.conv(x, 'srnet.conv_out')[0] + enlarge(lr, self.bd)

    def __call__(self, lrs):
        before, sr, frames = torch.zeros_like(lrs[0]), torch.zeros_like(enlarge(lrs[0], False)), []
        for lr in lrs:
            sr = self.frame(lr, warp(sr, 4 * enlarge(self.flow(lr, before), self.bd)))
            before = lr
            frames.append(sr)
        return torch.stack(frames)


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize('bd', [True, False], ids=['BD', 'BI'])
@pytest.mark.parametrize('size', [(16, 24), (17, 31)], ids=str)
def test_frames_are_theirs(tmp_path, real_clip, capsys, size, bd):
    """By the commands that convert and that its output names."""
    weights = their_weights(bd=bd)
    torch.save(weights, tmp_path / 'theirs.pth')
    assert main(['convert-frvsr', f'{tmp_path}/theirs.pth', f'{tmp_path}/ours.pth']) == 0
    command, options = capsys.readouterr().out.splitlines()[1].split(' --cfg-options ')
    *_, config, checkpoint, _, lr_kind = command.split()
    assert lr_kind == ('lr_bd_tecogan' if bd else 'lr_bi')
    cfg = load_config(config, options.split())
    net = load_model(cfg, checkpoint, torch.device('cpu')).generator.double()
    video = real_clip(3, *size, batch=1).double()
    assert net.flow_net(video[:, 1], video[:, 0]).abs().mean() > 0.2  # or warping would not matter
    assert (net(video)[0] - TheirNetwork(weights, bd)(video[0])).abs().max() <= 1e-6


def test_sizes_are_those_of_the_file(tmp_path):
    torch.save(their_weights(blocks=16), tmp_path / 'theirs.pth')
    made = convert(tmp_path / 'theirs.pth', tmp_path / 'ours.pth')
    assert made.options == ['model.generator.mid_channels=8', 'model.generator.num_blocks=16']
    weights = torch.load(tmp_path / 'ours.pth', weights_only=True)
    expected = dict(mid_channels=8, num_blocks=16, upsampler='bicubic_bd')
    assert weights['meta']['generator'] == expected


def without(weights, name):
    return {key: x for key, x in weights.items() if key != name}


WRONG = {
    'unknown': (
        lambda: their_weights() | {'srnet.extra.weight': torch.ones(1)},
        'is not FRVSR .FRNet.*; its first name is srnet.conv_in.0.weight',
    ),
    'x2': (
        lambda: their_weights(bd=False, scale=2),
        r'not FRVSR .*x4: head.weight: expected \(8, 51, 3, 3\), got \(8, 15, 3, 3\)',
    ),
    'incomplete': (
        lambda: without(their_weights(), 'fnet.flow.2.bias'),
        r'flow_net.tail.2.bias: expected \(2,\), got nothing',
    ),
    'too many': (
        lambda: without(their_weights(), 'srnet.resblocks.0.conv.0.bias'),
        'blocks.*: expected ',
    ),
    'beginning': (
        lambda: without(their_weights(), 'srnet.conv_in.0.bias'),
        'blocks.0.conv1.bias: expected ',
    ),
    'kernels': (
        lambda: their_weights() | {'upsample_func.kernels': torch.zeros(4, 4)},
        'upsample_func.kernels are not',
    ),
}


@pytest.mark.parametrize('make, message', WRONG.values(), ids=WRONG)
def test_other_files_are_refused(tmp_path, make, message):
    torch.save(make(), tmp_path / 'theirs.pth')
    with pytest.raises(UserError, match=f'theirs.pth: .*{message}'):
        convert(tmp_path / 'theirs.pth', tmp_path / 'ours.pth', 'frvsr')
    assert not (tmp_path / 'ours.pth').exists()


def test_files_of_the_user_are_not_replaced(tmp_path):
    torch.save(their_weights(), tmp_path / 'theirs.pth')
    with pytest.raises(SystemExit, match='theirs.pth: already exists'):
        main(['convert-frvsr', f'{tmp_path}/theirs.pth', f'{tmp_path}/theirs.pth'])
    with pytest.raises(SystemExit, match='ours.pth: no such folder'):
        main(['convert-frvsr', f'{tmp_path}/theirs.pth', f'{tmp_path}/nowhere/ours.pth'])
    with pytest.raises(SystemExit, match='FILE=.*missing.pth: no such file'):
        main(['convert-frvsr', f'{tmp_path}/missing.pth', f'{tmp_path}/ours.pth'])
