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

In their space-to-depth layout the pixel of a block is the outer and the colour the inner index; in
ours it is the other way round. Networks for BD frames upsample flow and LR frame by ``bicubic_bd``
and store its coefficients; those for BI frames store none and upsample bilinearly. Both take RGB in
[0, 1].

Their BD frames are our ``lr_bd_tecogan``; the frames that their test script generates are not
rounded to 8 bits. That script also runs 5 mirrored frames before the first one; we do not.
"""

import re

import torch
from torch import Tensor

from harness.errors import fail
from harness.networks.upsample import BD_TAPS

#: end of the name of the interpolation coefficients stored in networks for BD frames
KERNELS = 'upsample_func.kernels'

_NAMES = (
    (r'fnet\.(encoder|decoder)([123])\.', lambda m: f'flow_net.{m[1]}.{int(m[2]) - 1}.'),
    (r'fnet\.flow\.', 'flow_net.tail.'),
    (r'srnet\.conv_in\.0\.', 'head.'),
    (r'srnet\.resblocks\.(\d+)\.conv\.0\.', r'blocks.\1.conv1.'),
    (r'srnet\.resblocks\.(\d+)\.conv\.2\.', r'blocks.\1.conv2.'),
    (r'srnet\.conv_up\.', 'tail.'),
    (r'srnet\.conv_out\.', 'tail.4.'),
)


def frnet_weights(theirs: dict[str, Tensor]) -> dict[str, Tensor] | None:
    """The weights of an ``FRNet`` for ``FRVSRNet``; None if they belong to another network.

    Raises:
        UserError: It does not upsample bicubically by 4.
    """
    weights = {}
    for name, x in theirs.items():
        if not name.endswith(KERNELS):
            ours = _our_name(name)
            if ours is None:
                return None
            weights[ours] = x
    if 'head.weight' not in weights:
        return None
    for name, x in theirs.items():
        if name.endswith(KERNELS) and not _are_bd_taps(x):
            fail(f'{KERNELS} are not those of bicubic interpolation by 4')
    if weights['head.weight'].shape[1] == 3 + 48:
        weights['head.weight'] = _colours_first(weights['head.weight'])
    return weights


def _our_name(theirs: str) -> str | None:
    for pattern, ours in _NAMES:
        name, found = re.subn(rf'^{pattern}(?=([02]\.)?(weight|bias)$)', ours, theirs)
        if found:
            return name
    return None


def _are_bd_taps(kernels: Tensor) -> bool:
    taps = kernels.new_tensor(BD_TAPS)
    return kernels.shape == taps.shape and torch.allclose(kernels, taps, atol=1e-6)


def _colours_first(weight: Tensor) -> Tensor:
    """Input channels (LR, pixel of the block, colour) -> (LR, colour, pixel of the block)."""
    lr, blocks = weight[:, :3], weight[:, 3:]
    return torch.cat([lr, blocks.unflatten(1, (16, 3)).transpose(1, 2).flatten(1, 2)], 1)
