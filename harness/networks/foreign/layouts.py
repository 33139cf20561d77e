"""The names that public code gives to the weights of the networks here.

A layout is recognised by the names alone: each of them must have a counterpart here.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor

from harness.networks.foreign.frnet import KERNELS, frnet_weights
from harness.networks.foreign.matconvnet import lapsrn_weights

Weights = dict[str, Tensor]
_SPYNET = (
    # BasicSR also numbers the activations, MMagic wraps each convolution
    (
        r'spynet\.basic_module\.(\d)\.basic_module\.([02468])\.(?=weight|bias)',
        lambda m: f'spynet.basic_module.{m[1]}.basic_module.{int(m[2]) // 2}.conv.',
    ),
    (r'(spynet\.basic_module\.\d\.basic_module\.\d\.conv\.)', r'\1'),
    (r'(spynet\.(mean|std)$)', r'\1'),
)
_UPSAMPLING = (
    (r'upconv([12])\.', r'upsample\1.upsample_conv.'),
    (r'(upsample[12]\.upsample_conv\.|conv_hr\.|conv_last\.)', r'\1'),
)
_BASICVSR = (
    *_SPYNET,
    *_UPSAMPLING,
    (r'(backward|forward)_trunk\.main\.', r'\1_resblocks.main.'),
    (r'((backward|forward)_resblocks\.main\.|fusion\.)', r'\1'),
)
_BASICVSR_PP = (
    *_SPYNET,
    *_UPSAMPLING,
    (r'((feat_extract|deform_align|backbone|reconstruction)\.)', r'\1'),
)
_ICONVSR = (*_BASICVSR, (r'((backward|forward)_fusion\.|edvr\.)', r'\1'))
_REAL_BASICVSR = ((r'(image_cleaning\.|basicvsr\.)', r'\1'),)
_REAL_VIFORMER = (
    *_SPYNET,
    (
        r'((shallow_extraction|attn_merge|encoder_level[12]|down1_2|down2_3|latent|up3_2|up2_1|'
        r'reduce_chan_level2|decoder_level[12]|refinement|compress|upconv[12]|conv_hr|conv_last)\.)',
        r'\1',
    ),
)
_CELL = (r'((block1|blocks|hidden_state_layer|output_layer)\.)', r'\1')
_MRVSR = (r'((xi_layers|phi_hidden_state_layer|phi_layers|psi_layers|psi_output_layer)\.)', r'\1')


class Found(NamedTuple):
    """The content of a file of a known layout.

    Attributes:
        weights: Weights under their names here.
        options: Options of the network that they fit.
        lr_kinds: LR frames that such weights are trained on; several if the file does not say.
    """

    weights: Weights
    options: dict
    lr_kinds: tuple[str, ...]


class Layout(NamedTuple):
    """One network in the files of one code base.

    Attributes:
        title: Name of the network for messages.
        type: Class of the network here.
        config: Config that builds it.
        read: Converts a file's weights; returns None if they belong to another network.
    """

    title: str
    type: str
    config: str
    read: Callable[[Weights], Found | None]


def _named(
    patterns: Sequence, options: Callable[[Weights], dict], *lr_kinds: str, needs: str
) -> Callable[[Weights], Found | None]:
    """Reads weights whose names all begin with one of the patterns and include ``needs``."""

    def read(weights: Weights) -> Found | None:
        renamed = {}
        for name, x in weights.items():
            found = next((p for p in patterns if re.match(p[0], name)), None)
            if found is None:
                return None
            pattern, ours = found
            renamed[re.sub(f'^{pattern}', ours, name)] = x
        return Found(renamed, options(renamed), lr_kinds) if needs in renamed else None

    return read


def _count(weights: Weights, pattern: str) -> int:
    return sum(re.fullmatch(pattern, name) is not None for name in weights)


def _width(weights: Weights, name: str) -> int:
    return len(weights[name]) if name in weights else 64


def _basicvsr_options(weights: Weights) -> dict:
    return dict(
        mid_channels=_width(weights, 'fusion.bias'),
        num_blocks=_count(weights, r'backward_resblocks\.main\.2\.\d+\.conv1\.bias'),
        hr_channels=_width(weights, 'conv_hr.bias'),
    )


def _basicvsr_pp_options(weights: Weights) -> dict:
    return dict(
        mid_channels=_width(weights, 'reconstruction.main.0.bias'),
        num_blocks=_count(weights, r'backbone\.backward_1\.main\.2\.\d+\.conv1\.bias'),
    )


def _iconvsr_options(weights: Weights) -> dict:
    fusion = weights.get('edvr.fusion.feat_fusion.conv.weight')  # of 2 * padding + 1 frames
    return dict(
        num_blocks=_count(weights, r'backward_resblocks\.main\.2\.\d+\.conv1\.bias'),
        padding=2 if fusion is None else fusion.shape[1] // 64 // 2,
    )


def _real_basicvsr_options(weights: Weights) -> dict:
    return dict(
        mid_channels=_width(weights, 'basicvsr.fusion.bias'),
        num_propagation_blocks=_count(
            weights, r'basicvsr\.backward_resblocks\.main\.2\.\d+\.conv1\.bias'
        ),
        num_cleaning_blocks=_count(weights, r'image_cleaning\.0\.main\.2\.\d+\.conv1\.bias'),
    )


def _real_viformer_options(weights: Weights) -> dict:
    blocks = ('encoder_level1', 'encoder_level2', 'latent', 'refinement')
    return dict(
        mid_channels=_width(weights, 'compress.bias'),
        num_blocks=tuple(_count(weights, rf'{name}\.\d+\.norm1\.body\.weight') for name in blocks),
    )


def _animesr_options(weights: Weights) -> dict:
    cell = 'recurrent_cell'
    return dict(
        mid_channels=_width(weights, f'{cell}.conv_s1_first.0.bias'),
        num_blocks=tuple(
            _count(weights, rf'{cell}\.body_s{scale}_first\.\d+\.conv1\.bias')
            for scale in (1, 2, 4)
        ),
    )


def _rrn_options(weights: Weights) -> dict:
    return dict(
        mid_channels=_width(weights, 'neuro.conv_1.bias'),
        num_blocks=_count(weights, r'neuro\.recon_trunk\.\d+\.conv1\.bias'),
    )


def _rsdn_options(weights: Weights) -> dict:
    return dict(
        mid_channels=_width(weights, 'neuro.conv_d.bias'),
        num_blocks=_count(weights, r'neuro\.SD\d+\.conv_d1\.bias'),
    )


def _stack_options(weights: Weights) -> dict:
    return dict(
        mid_channels=_width(weights, 'block1.0.bias'),
        num_convs=_count(weights, r'blocks\.\d+\.bias') + 2,
    )


def _mrvsr_options(weights: Weights) -> dict:
    # the bound matters in training only
    return dict(mid_channels=_width(weights, 'xi_layers.0.bias'), lipschitz=None)


def _rlsp_of_tensorflow(weights: Weights) -> Found | None:
    """``layer0..7/{kernel,bias}``: HWIO kernels, values in [0, 255]; the last two: state and Y."""
    pattern = r'layer(\d+)/(kernel|bias)'
    matches = [match for name in weights if (match := re.fullmatch(pattern, name))]
    if len(matches) < len(weights):
        return None
    last = max(int(match[1]) for match in matches)
    places = {0: 'block1.0', last - 1: 'hidden_state_layer.0', last: 'output_layer'}
    renamed = {}
    for match, x in zip(matches, weights.values(), strict=True):
        number = int(match[1])
        place = places.get(number, f'blocks.{2 * (number - 1)}')
        if match[2] == 'kernel':
            renamed[f'{place}.weight'] = x.permute(3, 2, 0, 1).contiguous()
        else:
            renamed[f'{place}.bias'] = x / 255
    return Found(renamed, _stack_options(renamed), ('lr_bd_rlsp',))


def _lapsrn(weights: Weights) -> Found | None:
    renamed = lapsrn_weights(weights)
    if renamed is None:
        return None
    options = dict(
        mid_channels=_width(renamed, 'first.bias'),
        depth=_count(renamed, r'levels\.0\.convs\.\d+\.bias'),
    )
    return Found(renamed, options, ('lr_bi',))


def _frvsr(weights: Weights) -> Found | None:
    """FRNet of TecoGAN-PyTorch and EGVSR; for BD frames it stores interpolation coefficients."""
    renamed = frnet_weights(weights)
    if renamed is None:
        return None
    is_bd = any(name.endswith(KERNELS) for name in weights)
    options = dict(
        mid_channels=_width(renamed, 'head.bias'),
        num_blocks=_count(renamed, r'blocks\.\d+\.conv1\.bias'),
        upsampler='bicubic_bd' if is_bd else 'bilinear',
    )
    return Found(renamed, options, ('lr_bd_tecogan' if is_bd else 'lr_bi',))


_RLSP = 'mm_configs/rlsp/rlsp_paper.py'
_BASICVSR_KINDS = ('lr_bi', 'lr_bd_basicvsr')

#: argument of ``--as`` -> layout
LAYOUTS = {
    'basicvsr': Layout(
        'BasicVSR',
        'StatefulBasicVSRNet',
        'mm_configs/basicvsr/basicvsr_paper.py',
        _named(_BASICVSR, _basicvsr_options, *_BASICVSR_KINDS, needs='fusion.bias'),
    ),
    'basicvsr_pp': Layout(
        'BasicVSR++',
        'StatefulBasicVSRPlusPlusNet',
        'mm_configs/basicvsr_pp/basicvsr_pp_paper.py',
        _named(
            _BASICVSR_PP,
            _basicvsr_pp_options,
            *_BASICVSR_KINDS,
            needs='reconstruction.main.0.bias',
        ),
    ),
    'iconvsr': Layout(
        'IconVSR',
        'StatefulIconVSRNet',
        'mm_configs/iconvsr/iconvsr_paper.py',
        _named(_ICONVSR, _iconvsr_options, *_BASICVSR_KINDS, needs='edvr.conv_first.bias'),
    ),
    'real_basicvsr': Layout(
        'RealBasicVSR',
        'StatefulRealBasicVSRNet',
        'mm_configs/realbasicvsr/realbasicvsr_paper.py',
        _named(_REAL_BASICVSR, _real_basicvsr_options, 'lr_bi', needs='basicvsr.fusion.bias'),
    ),
    'real_viformer': Layout(
        'RealViformer',
        'RealViformerNet',
        'mm_configs/realviformer/realviformer_paper.py',
        _named(
            _REAL_VIFORMER, _real_viformer_options, 'lr_bi', needs='attn_merge.attn.temperature'
        ),
    ),
    'animesr': Layout(
        'AnimeSR',
        'AnimeSRNet',
        'mm_configs/animesr/animesr_paper.py',
        _named(
            [(r'(recurrent_cell\.)', r'\1')],
            _animesr_options,
            'lr_bi',
            needs='recurrent_cell.fusion.0.bias',
        ),
    ),
    'rrn': Layout(
        'RRN',
        'RRNNet',
        'mm_configs/rrn/rrn_paper.py',
        _named([(r'(neuro\.)', r'\1')], _rrn_options, 'lr_bd_duf', needs='neuro.conv_1.bias'),
    ),
    'rsdn': Layout(
        'RSDN',
        'RSDNNet',
        'mm_configs/rsdn/rsdn_paper.py',
        _named(
            [(r'(neuro\.|conv\.)', r'\1')], _rsdn_options, 'lr_bd_duf', needs='neuro.conv_hd.bias'
        ),
    ),
    'rlsp': Layout(
        'RLSP',
        'RLSPNet',
        _RLSP,
        _named([_CELL], _stack_options, 'lr_bd_rlsp', needs='hidden_state_layer.0.bias'),
    ),
    'rlsp-tensorflow': Layout(
        "RLSP (its authors' TensorFlow code)", 'RLSPNet', _RLSP, _rlsp_of_tensorflow
    ),
    'rfs3': Layout(
        'RFS3',
        'RFS3Net',
        'mm_configs/rlsp/rfs3_paper.py',
        _named([_CELL], _stack_options, 'lr_bd_rlsp', needs='block1.0.bias'),
    ),
    'mrvsr': Layout(
        'MRVSR',
        'MRVSRNet',
        'mm_configs/mrvsr/mrvsr_paper.py',
        _named([_MRVSR], _mrvsr_options, 'lr_bd_rlsp', needs='psi_output_layer.bias'),
    ),
    'lapsrn': Layout(
        "LapSRN (its authors' MatConvNet code)",
        'LapSRNNet',
        'mm_configs/lapsrn/lapsrn_paper.py',
        _lapsrn,
    ),
    'frvsr': Layout(
        'FRVSR (FRNet of TecoGAN-PyTorch, EGVSR)',
        'FRVSRNet',
        'mm_configs/frvsr/frvsr_tecogan.py',
        _frvsr,
    ),
}
