"""Checkpoints by path or URL: one way in, which executes nothing that a file holds.

MMEngine's ways of loading (``load_from``, ``init_cfg`` of type ``Pretrained``, the networks of
MMagic) lead here too. Whatever is wrong with a checkpoint is a single line that names it.
"""

import os
import pickle
import re
import zipfile
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlparse

import mmengine.runner.checkpoint
import torch
from mmengine.model.weight_init import WEIGHT_INITIALIZERS, PretrainedInit, update_init_info
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from harness.errors import UserError, fail

#: how torch.save began its files before it wrote zip archives
_LEGACY_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, 'little')


#: what may be done where weights do not fit
FOREIGN = '; weights of other code: python -m harness.networks convert'
_OFFLINE = 'Without a network, download it elsewhere and give the path of the file'


class DamagedError(UserError):
    """A file that is no whole checkpoint."""


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
    except UserError as error:  # of read_file, which names the source
        fail(f'{key}={error}')
    except FileNotFoundError:
        fail(f'{key}={source}: no such file')
    except OSError as error:
        mend = ''
        if '://' in source:
            mend = f'. {_OFFLINE}'
        fail(f'{key}={source}: cannot be read: {_one_line(error)}{mend}')
    except KeyError as error:  # torchvision://NAME and the like
        fail(f'{key}={source}: there is no {_one_line(error)}')
    except (RuntimeError, ImportError) as error:
        fail(f'{key}={source}: cannot be loaded: {_one_line(error)}')


def read_checkpoint(source: str, key: str, map_location='cpu') -> dict:
    """What a checkpoint of MMEngine, or a bare ``state_dict``, holds.

    Args:
        source: path or URL.
        key: the config entry or argument that holds it, for messages.
        map_location: as of ``torch.load``.

    Raises:
        UserError: as :func:`loading`, or it holds no weights.
    """
    with loading(source, key):
        checkpoint = CheckpointLoader.load_checkpoint(source, map_location, logger='silent')
    weights = weights_of(checkpoint)
    if not any(isinstance(x, Tensor) for x in weights.values()):
        held = ', '.join(map(str, list(weights)[:3])) or 'nothing'
        held = held if isinstance(checkpoint, dict) else f'a {type(checkpoint).__name__}'
        fail(f'{key}={source}: holds no weights by name, but {held}')
    return checkpoint


def read_weights(source: str, key: str) -> dict:
    """The weights by name in a checkpoint.

    Raises:
        UserError: as :func:`read_checkpoint`.
    """
    return weights_of(read_checkpoint(source, key))


def weights_of(checkpoint: Any) -> dict:
    """The weights by name in a checkpoint, without the prefix of distributed training.

    They may be the checkpoint, or lie in it as MMEngine (``state_dict``) and BasicSR have it
    (``params_ema``, averaged, before ``params``).
    """
    if not isinstance(checkpoint, dict):
        return {}
    keys = ('state_dict', 'params_ema', 'params')
    weights = next((checkpoint[key] for key in keys if key in checkpoint), checkpoint)
    if not isinstance(weights, dict):
        return {}
    found = OrderedDict((str(name).removeprefix('module.'), x) for name, x in weights.items())
    if hasattr(weights, '_metadata'):  # versions of the modules that saved them
        found._metadata = weights._metadata
    return found


def load_weights(module: nn.Module, weights: dict, source: str, key: str, mend: str = '') -> None:
    """Gives a module all of its weights from those of a checkpoint.

    Args:
        module: the module.
        weights: by name.
        source, key: where they come from, for messages.
        mend: what the user may do if they do not fit.

    Raises:
        UserError: a weight is missing, belongs to no part of the module, or has another shape.
    """
    try:
        missing, unexpected = module.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        _, *shapes = str(error).split('\n\t')
        fail(f'{key}={source}: does not fit this model: {_some(shapes) or _one_line(error)}{mend}')
    # torch counts batches from 0 where a file does not say
    missing = [name for name in missing if not name.endswith('num_batches_tracked')]
    problems = [
        f'{what} {_some(names)}'
        for what, names in (('it lacks', missing), ('the model has no', unexpected))
        if names
    ]
    if problems:
        fail(f'{key}={source}: does not fit this model: {"; ".join(problems)}{mend}')


def read_file(path: Path, map_location='cpu', name: str | None = None) -> Any:
    """What ``torch.save`` put into a file, if it is whole: tensors and plain Python values.

    Args:
        path: the file.
        map_location: as of ``torch.load``.
        name: what messages call the file; its path by default.

    Raises:
        FileNotFoundError: there is none.
        DamagedError: it is no such file, is cut off or changed, or holds other objects.
        UserError: a weight is not finite.
    """
    name = name or str(path)
    problem = _file_problem(path)
    if problem:
        raise DamagedError(f'{name}: {problem}')
    try:
        content = torch.load(path, map_location=map_location, weights_only=True)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # damage may show as anything
        raise DamagedError(f'{name}: {_unpickling_problem(error)}') from None
    _forget_config(content)
    for weight, x in weights_of(content).items():
        if not _is_finite(x):
            fail(f'{name}: {weight} holds values that are not finite: its training diverged')
    return content


def _is_finite(x: Any) -> bool:
    """Whether a tensor has no NaN or infinite entry; anything else has none, nor on ``'meta'``."""
    if not isinstance(x, Tensor) or x.is_meta or not x.is_floating_point():
        return True
    return bool(x.isfinite().all())


def _forget_config(content: Any) -> None:
    """Takes the config out of a checkpoint: MMEngine would run it as Python to resume from it."""
    meta = content.get('meta') if isinstance(content, dict) else None
    if isinstance(meta, dict):
        meta.pop('config', None)
        meta.pop('cfg', None)


def _file_problem(path: Path) -> str | None:
    """What a file is instead of a checkpoint, or that it is damaged; None if it is neither."""
    if path.is_dir():
        return 'is a folder, not a checkpoint'
    with path.open('rb') as file:
        head = file.read(512)
    text = head.removeprefix(b'\xef\xbb\xbf').lstrip()
    if not head:
        return 'is empty, not a checkpoint: download or copy it again'
    if head.startswith(b'PK'):
        return _archive_problem(path)
    if text.startswith(b'<'):
        return 'is an HTML page, not a checkpoint: download it again'
    if text.startswith(b'version https://git-lfs'):
        return 'is a Git LFS pointer, not the checkpoint itself: fetch that with git lfs pull'
    if text.isascii() and text.decode().replace('\n', ' ').replace('\r', ' ').isprintable():
        return 'is a text file, not a checkpoint'
    if head.startswith(b'\x80') and _LEGACY_MAGIC not in head:
        return 'is a pickled object of Python, not a checkpoint of torch.save'
    return None


def _archive_problem(path: Path) -> str | None:
    """The same of a zip archive, as which ``torch.save`` writes."""
    try:
        with zipfile.ZipFile(path) as opened:
            is_whole, names = opened.testzip() is None, opened.namelist()
    except Exception:  # damage makes zipfile raise much: BadZipFile, EOFError, zlib.error, ...
        is_whole = False
    if not is_whole:
        return 'is damaged or cut off: download or copy it again'
    if any(name.endswith('/constants.pkl') for name in names):
        return "is a TorchScript program, not a checkpoint: save its network's state_dict() alone"
    if names and not any(name.endswith('/data.pkl') for name in names):
        return f'is an archive of {_some(names)}, not a checkpoint: unpack it'
    return None


def _unpickling_problem(error: Exception) -> str:
    """Why ``torch.load`` refused a file, without its advice to load it all the same."""
    found = re.search(r'GLOBAL ([\w.]+)', str(error))
    if found and isinstance(error, pickle.UnpicklingError):
        return (
            f'holds {found[1]}, which is no weight: to load it could execute code. Save the '
            "network's state_dict() alone"
        )
    return 'is damaged, or no file of weights that torch.save wrote'


def _some(names: Iterable[str]) -> str:
    """The first three of many."""
    names = list(names)
    more = f' and {len(names) - 3} more' if len(names) > 3 else ''
    return ', '.join(names[:3]) + more


def _one_line(error: Exception) -> str:
    text = ' '.join(str(error).split()) or type(error).__name__
    return text if len(text) < 400 else f'{text[:400]} ...'


# MMEngine loads all that is not from here by torch.load's own rules


@CheckpointLoader.register_scheme(prefixes='', force=True)
def load_from_local(filename, map_location):
    """MMEngine's loader of paths."""
    return read_file(Path(filename).expanduser(), map_location, str(filename))


def _load_url(url, model_dir=None, map_location=None, progress=False):
    """MMEngine's loader of downloads, which keeps them where PyTorch does."""
    folder = Path(model_dir or os.path.join(torch.hub.get_dir(), 'checkpoints'))
    path = folder / os.path.basename(urlparse(url).path)
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), progress=progress)
        except URLError as error:
            why = error.reason.strerror if isinstance(error.reason, OSError) else error.reason
            fail(f'{url}: cannot be downloaded: {why or error}. {_OFFLINE}')
    return read_file(path, map_location, f'{url} (downloaded to {path})')


# all of MMEngine's schemes that download do it by this function, which runs what is in the file
mmengine.runner.checkpoint.load_url = _load_url


@WEIGHT_INITIALIZERS.register_module(name='Pretrained', force=True)
class WholePretrainedInit(PretrainedInit):
    """MMEngine's ``init_cfg=dict(type='Pretrained', checkpoint=...)``, which must fit as a whole.

    MMEngine's own leaves a weight that the file lacks as it was.

    Raises:
        UserError: the checkpoint cannot be read or does not fit.
    """

    def __call__(self, module):
        weights, prefix = read_weights(self.checkpoint, 'checkpoint'), self.prefix
        if prefix:
            prefix = prefix.removesuffix('.') + '.'
            parts = {name: x for name, x in weights.items() if name.startswith(prefix)}
            weights = {name.removeprefix(prefix): x for name, x in parts.items()}
        load_weights(module, weights, self.checkpoint, 'checkpoint')
        if hasattr(module, '_params_init_info'):
            update_init_info(module, init_info=self._get_init_info())
