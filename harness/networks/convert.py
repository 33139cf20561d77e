"""FRVSR weights of TecoGAN-PyTorch (github.com/skycrapers/TecoGAN-PyTorch) for ``FRVSRNet``.

Names in its ``FRNet``, whether trained as FRVSR or as TecoGAN, and here, after ``generator.``:

=================================  ===================================
``fnet.encoder1..3.{0,2}``         ``flow_net.encoder.0..2.{0,2}``
``fnet.decoder1..3.{0,2}``         ``flow_net.decoder.0..2.{0,2}``
``fnet.flow.{0,2}``                ``flow_net.tail.{0,2}``
``srnet.conv_in.0``                ``head``, input channels reordered
``srnet.resblocks.N.conv.{0,2}``   ``blocks.N.conv{1,2}``
``srnet.conv_up.{0,2}``            ``tail.{0,2}``
``srnet.conv_out``                 ``tail.4``
``[srnet.]upsample_func.kernels``  none: constants of ``bicubic_bd``
=================================  ===================================

Their space-to-depth puts the 16 pixels of a block first and the colours last, ours the other way
round. Networks for BD frames upsample flow and LR frame by ``bicubic_bd`` and carry its
coefficients; those for BI frames have none and upsample bilinearly. Both take RGB in [0, 1].

Their LR frames differ a little from ours: the Gaussian (sigma 1.5) has 9 taps, not 13, and frames
that their test script degrades itself are not rounded to 8 bits; they keep the same pixels 0, 4, 8.
That script also runs 5 mirrored frames before the first one, which is not done here.
"""

import re
from pathlib import Path

import torch
from torch import Tensor

from harness.checkpoints import read_weights
from harness.errors import fail
from harness.runs.files import replacing

from .upsample import BD_TAPS
from .zoo import FRVSRNet

CONFIG = 'mm_configs/frvsr/frvsr_tecogan.py'

_NAMES = (
    (r'fnet\.(encoder|decoder)([123])\.', lambda m: f'flow_net.{m[1]}.{int(m[2]) - 1}.'),
    (r'fnet\.flow\.', 'flow_net.tail.'),
    (r'srnet\.conv_in\.0\.', 'head.'),
    (r'srnet\.resblocks\.(\d+)\.conv\.0\.', r'blocks.\1.conv1.'),
    (r'srnet\.resblocks\.(\d+)\.conv\.2\.', r'blocks.\1.conv2.'),
    (r'srnet\.conv_up\.', 'tail.'),
    (r'srnet\.conv_out\.', 'tail.4.'),
)


def convert_frvsr(source: Path, target: Path) -> dict:
    """Writes a checkpoint for ``RecurrentVSR`` from one of TecoGAN-PyTorch's ``FRNet``.

    Args:
        source: their ``.pth`` file.
        target: file to write.

    Returns:
        The options of ``FRVSRNet`` that fit the weights: mid_channels, num_blocks, upsampler.

    Raises:
        UserError: ``target`` exists or has no folder, or ``source`` holds no x4 ``FRNet``.
    """
    if target.exists():
        fail(f'{target}: already exists')
    if not target.parent.is_dir():
        fail(f'{target}: no such folder')
    theirs = read_weights(str(source), 'IN')
    kernels = [theirs.pop(name) for name in list(theirs) if name.endswith('upsample_func.kernels')]
    weights = {_our_name(name, source): x for name, x in theirs.items()}
    if 'head.bias' not in weights:
        fail(f'{source}: is no FRNet, it has no srnet.conv_in.0.bias')
    options = dict(
        mid_channels=len(weights['head.bias']),
        num_blocks=sum(name.endswith('conv1.bias') for name in weights),
        upsampler='bicubic_bd' if kernels else 'bilinear',
    )
    _check_shapes(weights, FRVSRNet(**options).state_dict(), source)
    if not all(_are_bd_taps(x) for x in kernels):
        fail(f'{source}: upsample_func.kernels are not those of bicubic interpolation by 4')
    weights['head.weight'] = _colours_first(weights['head.weight'])
    checkpoint = dict(
        meta=dict(source=source.name, generator=options),
        state_dict={f'generator.{name}': x for name, x in weights.items()},
    )
    with replacing(target) as temporary:
        torch.save(checkpoint, temporary)
    return options


def _our_name(theirs: str, source: Path) -> str:
    for pattern, ours in _NAMES:
        name, found = re.subn(rf'^{pattern}(?=([02]\.)?(weight|bias)$)', ours, theirs)
        if found:
            return name
    fail(f'{source}: {theirs} is no weight of FRNet')


def _check_shapes(weights: dict[str, Tensor], expected: dict[str, Tensor], source: Path) -> None:
    for name in sorted(weights.keys() | expected.keys()):
        got, wanted = (
            tuple(group[name].shape) if name in group else 'nothing'
            for group in (weights, expected)
        )
        if got != wanted:
            fail(f'{source}: is no FRNet for x4: {got} in the place of {name}, which is {wanted}')


def _are_bd_taps(kernels: Tensor) -> bool:
    taps = kernels.new_tensor(BD_TAPS)
    return kernels.shape == taps.shape and torch.allclose(kernels, taps, atol=1e-6)


def _colours_first(weight: Tensor) -> Tensor:
    """Input channels (LR, pixel of the block, colour) -> (LR, colour, pixel of the block)."""
    lr, blocks = weight[:, :3], weight[:, 3:]
    return torch.cat([lr, blocks.unflatten(1, (16, 3)).transpose(1, 2).flatten(1, 2)], 1)
