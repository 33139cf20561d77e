"""Checkpoints for ``RecurrentVSR`` from the files of other code."""

import inspect
import re
from pathlib import Path
from typing import NamedTuple

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

#: what wrappers put before all names: compiled models, MMagic's and MMEngine's, MRVSR's cells
_PREFIXES = ('_orig_mod.', 'module.', 'generator.', 'mrvsr.', 'rlsp.', 'rfs3.')
_PREFIXES += ('MRVSRCell.', 'RFS3Cell.', 'RSLPCell.')
#: what is no weight of the network: MMagic's counter, losses and discriminators
_SURPLUS = re.compile(r'step_counter$|loss_.*|pixel_loss\.|discriminator\.')
#: names that tell networks that are not here
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
        title: of the network.
        config: that builds it.
        options: ``KEY=VALUE`` for the config, where it does not fit the weights as it is.
        lr_kinds: LR frames to evaluate it on; several where the file does not say.
    """

    title: str
    config: str
    options: list[str]
    lr_kinds: tuple[str, ...]


def convert(source: Path, target: Path, name: str | None = None) -> Converted:
    """Writes a checkpoint from a file of other code.

    Args:
        source: a PyTorch file, one of the two of a TensorFlow checkpoint, or a network that
            MatConvNet saved.
        target: file to write.
        name: layout to take; None finds it by the names of the weights.

    Raises:
        UserError: ``target`` exists or has no folder, or ``source`` fits no network here.
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
    """The network that weights are of, and the weights under their names here.

    Raises:
        UserError: they fit no network here; or not that of ``name``.
    """
    weights = bare(theirs)
    for key, layout in LAYOUTS.items():
        if name not in (None, key):
            continue
        try:
            found = layout.read(weights)
        except UserError as error:
            fail(f'{source}: is no {layout.title}: {error}')
        if found is not None:
            _check_shapes(layout, found, source)
            return layout, found
    first = next(iter(weights), 'nothing')
    wanted = f'no {LAYOUTS[name].title}' if name else f'none of {", ".join(LAYOUTS)}'
    other = next((what for part, what in _OTHERS.items() if any(part in w for w in weights)), '')
    looks = f'it looks like {other}' if other else f'its names begin with {first}'
    fail(f'{source}: is {wanted}; {looks}')


def bare(theirs: Weights) -> Weights:
    """The weights of the network alone, without wrappers; averaged ones where there are both."""
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
            fail(
                f'{source}: is no {layout.title} for x4: {got} in the place of {name}, which is '
                f'{wanted}'
            )


def _options(layout: Layout, found: Found) -> list[str]:
    generator = load_config(layout.config).model.generator
    return [
        f'model.generator.{key}={value}'
        for key, value in found.options.items()
        if generator.get(key, _default(layout, key)) != value
    ]


def _default(layout: Layout, key: str):
    parameter = inspect.signature(MODELS.get(layout.type)).parameters.get(key)
    return parameter and parameter.default


def _kinds_by_name(name: str, kinds: tuple[str, ...]) -> tuple[str, ...]:
    """The kinds that a file's name speaks of, as ``BasicVSR_Vimeo90K_BDx4.pth`` does."""
    words = re.findall(r'BD|BI|REDS', name.upper())
    wanted = {'BD': 'lr_bd', 'BI': 'lr_bi', 'REDS': 'lr_bi'}
    spoken = tuple(k for k in kinds if any(k.startswith(wanted[word]) for word in words))
    return spoken or kinds
