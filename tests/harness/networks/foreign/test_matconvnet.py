"""LapSRN's published weights: a file as MatConvNet writes it, and frames by its definitions."""

import numpy as np
import pytest
import torch
from scipy.io import savemat

from harness.configs import load_config
from harness.errors import UserError
from harness.evaluation.model import load_model
from harness.networks.foreign.convert import convert
from harness.networks.luma import rgb_to_ycbcr

CHANNELS, DEPTH = 3, 2


def parameters(levels=2):
    """A small LapSRN's, in MatConvNet's shapes, from which MATLAB drops trailing ones."""
    rng, n = np.random.default_rng(0), CHANNELS
    shapes = {'input_conv_f': (3, 3, 1, n), 'input_conv_b': (1, n)}
    for level in range(levels, 0, -1):
        for d in range(1, DEPTH + 1):
            shapes[f'level{level}_conv{d}_f'] = (3, 3, n, n)
            shapes[f'level{level}_conv{d}_b'] = (1, n)
        shapes[f'level{level}_upconv_f'] = (3, 3, n, n)
        shapes[f'level{level}_upconv_b'] = (1, n)
        shapes[f'level{level}_residual_conv_f'] = (3, 3, n)
        shapes[f'level{level}_residual_conv_b'] = (1, 1)
    for level in range(levels, 0, -1):
        shapes[f'level{level}_img_up_f'] = (4, 4)
    return {name: 0.3 * rng.standard_normal(s).astype(np.float32) for name, s in shapes.items()}


def write(path, values):
    params = np.zeros((1, len(values)), [('name', object), ('value', object)])
    for i, item in enumerate(values.items()):
        params[0, i] = item
    savemat(path, {'net': {'params': params, 'meta': 0}}, do_compression=True)
    return path


def conv(x, filters, bias):
    """vl_nnconv with a padding of 1: (H, W, C) times (3, 3, C, K)."""
    filters = filters.reshape(*filters.shape, *[1] * (4 - filters.ndim))
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    out = np.zeros((*x.shape[:2], filters.shape[3])) + bias.ravel()
    for u in range(3):
        for v in range(3):
            out += padded[u : u + x.shape[0], v : v + x.shape[1]] @ filters[u, v]
    return out


def deconv(x, filters, crop, bias=0):
    """vl_nnconvt by 2: (H, W, D) times (h, w, K, D), cropped at the top left and to 2H x 2W."""
    filters = filters.reshape(*filters.shape, *[1] * (4 - filters.ndim))
    height, width = x.shape[:2]
    out = np.zeros((2 * height + 4, 2 * width + 4, filters.shape[2]))
    for u in range(filters.shape[0]):
        for v in range(filters.shape[1]):
            out[u : u + 2 * height : 2, v : v + 2 * width : 2] += x @ filters[u, v].T
    return out[crop : crop + 2 * height, crop : crop + 2 * width] + np.ravel(bias)


def lrelu(x):
    return np.maximum(x, 0.2 * x)


def lapsrn(y, p):
    """Y (H, W) -> (4H, 4W) by the layers that the file lists."""
    image = y[..., None]
    x = lrelu(conv(image, p['input_conv_f'], p['input_conv_b']))
    for s in (2, 1):
        for d in range(1, DEPTH + 1):
            x = lrelu(conv(x, p[f'level{s}_conv{d}_f'], p[f'level{s}_conv{d}_b']))
        x = lrelu(deconv(x, p[f'level{s}_upconv_f'], 0, p[f'level{s}_upconv_b']))
        residual = conv(x, p[f'level{s}_residual_conv_f'], p[f'level{s}_residual_conv_b'])
        image = deconv(image, p[f'level{s}_img_up_f'], 1) + residual
    return image[..., 0]


@torch.no_grad()
def test_lapsrn(tmp_path, real_clip):
    values = parameters()
    made = convert(write(tmp_path / 'LapSRN_x4.mat', values), tmp_path / 'ours.pth')
    assert (made.title.split()[0], made.lr_kinds) == ('LapSRN', ('lr_bi',))
    cfg = load_config(made.config, made.options)
    net = load_model(cfg, str(tmp_path / 'ours.pth'), torch.device('cpu')).generator
    video = real_clip(1, 7, 9, batch=1)
    expected = lapsrn(rgb_to_ycbcr(video)[0, 0, 0].numpy().astype(np.float64), values)
    ours = rgb_to_ycbcr(net(video))[0, 0, 0].numpy()
    assert np.abs(ours - expected).max() <= 1e-4


@pytest.mark.parametrize(
    'make, message',
    [
        (
            lambda path: write(path, parameters(levels=1)),
            'is not LapSRN .* for x4: .*, got nothing',
        ),
        (
            lambda path: path.write_bytes(b'MATLAB 5.0 MAT-file' + bytes(200)),
            'damaged or not a net',
        ),
        (lambda path: savemat(path, {'net': 3}), 'damaged or not a network of MatConvNet'),
        (lambda path: None, 'no such file'),
    ],
    ids=['x2', 'damaged', 'no network', 'missing'],
)
def test_refused(tmp_path, make, message):
    make(tmp_path / 'LapSRN.mat')
    with pytest.raises(UserError, match=message):
        convert(tmp_path / 'LapSRN.mat', tmp_path / 'ours.pth')
    assert not (tmp_path / 'ours.pth').exists()
