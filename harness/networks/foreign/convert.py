"""Converts weight files of other code into checkpoints for ``RecurrentVSR``."""

import inspect
import re
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmagic.registry import MODELS
from torch import Tensor

from harness.checkpoints import read_weights
from harness.configs import load_config
from harness.errors import UserError, fail
from harness.networks import zoo  # noqa: F401  (fills the registry)
from harness.networks.foreign.layouts import LAYOUTS, Found, Layout, Weights
from harness.networks.foreign.matconvnet import is_dagnn, read_dagnn
from harness.networks.foreign.tensorflow import is_bundle, read_bundle
from harness.runs.files import replacing

#: prefixes of all names in wrappers: compiled models, MMagic's and MMEngine's, MRVSR's cells
_PREFIXES = (
    '_orig_mod.',
    'module.',
    'generator.',
    'mrvsr.',
    'rlsp.',
    'rfs3.',
    'MRVSRCell.',
    'RFS3Cell.',
    'RSLPCell.',
)
#: entries that are not weights of the network: MMagic's counter, losses and discriminators
_SURPLUS = re.compile(r'step_counter$|loss_.*|pixel_loss\.|discriminator\.')
#: parts of names that identify networks which are not available here
_OTHERS = {
    'pcd_align': 'EDVR',
    'conv_body': 'ESRGAN',
    'body.0.rdb1': 'ESRGAN',
    'patch_embed': 'a transformer (SwinIR, VRT, RVRT)',
    'discriminator': 'a discriminator',
}


class Converted(NamedTuple):
    """A checkpoint that was written.

    Attributes:
        title: Name of the network.
        config: Config that builds it.
        options: ``KEY=VALUE`` options for the config, if it does not fit the weights as it is.
        lr_kinds: LR frames to evaluate it on; several if the file does not say.
    """

    title: str
    config: str
    options: list[str]
    lr_kinds: tuple[str, ...]


def convert(source: Path, target: Path, name: str | None = None) -> Converted:
    """Converts a file of other code into a checkpoint.

    Args:
        source: A PyTorch file, one of the two files of a TensorFlow checkpoint, or a network saved
            by MatConvNet.
        target: File to write.
        name: Layout of ``source``; None recognises it by the names of the weights.

    Raises:
        UserError: ``target`` exists or its folder does not, or ``source`` fits no network here.
    """
    if target.exists():
        fail(f'{target}: already exists')
    if not target.parent.is_dir():
        fail(f'{target}: no such folder')
    theirs = _read(source)
    layout, found = recognise(theirs, source, name)
    options = _options(layout, found)
    checkpoint = dict(
        meta=dict(source=source.name, network=layout.title, generator=found.options),
        state_dict={f'generator.{key}': x for key, x in found.weights.items()},
    )
    with replacing(target) as temporary:
        torch.save(checkpoint, temporary)
    kinds = _kinds_by_name(source.name, found.lr_kinds)
    return Converted(layout.title, layout.config, options, kinds)


def _read(source: Path) -> Weights:
    if is_bundle(source):
        return read_bundle(source)
    return read_dagnn(source) if is_dagnn(source) else read_weights(str(source), 'FILE')


def recognise(theirs: Weights, source: Path, name: str | None = None) -> tuple[Layout, Found]:
    """The layout that the weights have, and the weights under their names here.

    Raises:
        UserError: They fit no network here, or not the network of ``name``.
    """
    weights = bare(theirs)
    for key, layout in LAYOUTS.items():
        if name not in (None, key):
            continue
        try:
            found = layout.read(weights)
        except UserError as error:
            fail(f'{source}: is not {layout.title}: {error}')
        if found is not None:
            _check_shapes(layout, found, source)
            return layout, found
    first = next(iter(weights), 'nothing')
    wanted = LAYOUTS[name].title if name else f'one of {", ".join(LAYOUTS)}'
    other = next((what for part, what in _OTHERS.items() if any(part in w for w in weights)), '')
    looks = f'it looks like {other}' if other else f'its first name is {first}'
    fail(f'{source}: is not {wanted}; {looks}')


def bare(theirs: Weights) -> Weights:
    """The weights of the network alone, without wrappers; averaged weights if there are any."""
    averaged = {k: x for k, x in theirs.items() if k.startswith('generator_ema.')}
    weights = {k.replace('generator_ema.', 'generator.', 1): x for k, x in averaged.items()}
    weights = weights or {k: x for k, x in theirs.items() if isinstance(x, Tensor)}
    weights = {k: x for k, x in weights.items() if not _SURPLUS.match(k.removeprefix('generator.'))}
    while weights and (prefix := next((p for p in _PREFIXES if _all_begin(weights, p)), None)):
        weights = {k.removeprefix(prefix): x for k, x in weights.items()}
    return weights


def _all_begin(weights: Weights, prefix: str) -> bool:
    return all(name.startswith(prefix) for name in weights)


def _check_shapes(layout: Layout, found: Found, source: Path) -> None:
    with torch.device('meta'):
        expected = MODELS.build(dict(type=layout.type, **found.options)).state_dict()
    for name in sorted(found.weights.keys() | expected.keys()):
        got, wanted = (
            tuple(group[name].shape) if name in group else 'nothing'
            for group in (found.weights, expected)
        )
        if got != wanted:
            fail(f'{source}: is not {layout.title} for x4: {name}: expected {wanted}, got {got}')


def _options(layout: Layout, found: Found) -> list[str]:
    generator = load_config(layout.config).model.generator
    return [
        f'model.generator.{key}={value}'
        for key, value in found.options.items()
        if generator.get(key, _default(layout, key)) != value
    ]


def _default(layout: Layout, key: str) -> Any:
    parameter = inspect.signature(MODELS.get(layout.type)).parameters.get(key)
    return parameter and parameter.default


def _kinds_by_name(name: str, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """The kinds that a file's name indicates, as ``BasicVSR_Vimeo90K_BDx4.pth`` does."""
    words = re.findall(r'BD|BI|REDS', name.upper())
    wanted = {'BD': 'lr_bd', 'BI': 'lr_bi', 'REDS': 'lr_bi'}
    spoken = tuple(k for k in kinds if any(k.startswith(wanted[word]) for word in words))
    return spoken or kinds
