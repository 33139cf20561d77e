"""Checkpoints by path or URL; whatever is wrong with one is a single line that names it."""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.runner import CheckpointLoader
from torch import nn

from harness.errors import fail


@contextmanager
def loading(source: str, key: str) -> Iterator[None]:
    """Around the loading of a checkpoint: names it and the config entry in every error.

    Args:
        source: path or URL.
        key: the config entry or argument that holds it.

    Raises:
        UserError: no such file, no such download, no checkpoint, or one of another network.
    """
    try:
        yield
    except FileNotFoundError:
        fail(f'{key}={source}: no such file')
    except OSError as error:
        mend = ''
        if '://' in source:
            mend = '. Without a network, download it elsewhere and give the path of the file'
        fail(f'{key}={source}: cannot be read: {_one_line(error)}{mend}')
    except (RuntimeError, pickle.UnpicklingError, EOFError, KeyError) as error:
        fail(f'{key}={source}: cannot be loaded: {_one_line(error)}')


def read_weights(source: str, key: str) -> dict:
    """The weights by name in a checkpoint of MMEngine or a bare ``state_dict``.

    Raises:
        UserError: as :func:`loading`.
    """
    with loading(source, key):
        checkpoint = CheckpointLoader.load_checkpoint(source, map_location='cpu', logger='silent')
        if not isinstance(checkpoint, dict):
            raise RuntimeError(f'it holds a {type(checkpoint).__name__}, not weights by name')
    weights = checkpoint.get('state_dict', checkpoint)
    return {name.removeprefix('module.'): x for name, x in weights.items()}


def check_overlap(module: nn.Module, source: str, key: str) -> None:
    """Refuses a checkpoint that has nothing for ``module``: MMEngine would only log that.

    Raises:
        UserError: as :func:`loading`, or no weight has the name and shape of one of the module's.
    """
    ours, theirs = module.state_dict(), read_weights(source, key)
    if not any(name in ours and ours[name].shape == x.shape for name, x in theirs.items()):
        fail(
            f'{key}={source}: has no weight of the name and shape of one of this model; it begins '
            f'with {next(iter(theirs), "nothing")}, the model with {next(iter(ours))}'
        )


def _one_line(error: Exception) -> str:
    text = ' '.join(str(error).split()) or type(error).__name__
    return text if len(text) < 400 else f'{text[:400]} ...'
