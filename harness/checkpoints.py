"""Loads checkpoints from a path or URL without executing code from them.

All checkpoints pass through here, including those that MMEngine loads (``load_from``, ``init_cfg``
of type ``Pretrained``, the networks of MMagic). Every error is one line that names the checkpoint.
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

#: first bytes of files by torch.save from before it wrote zip archives
_LEGACY_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, 'little')


#: advice if weights do not fit
FOREIGN = '; weights of other code: python -m harness.networks convert'
_OFFLINE = 'Without internet access, download it elsewhere and give the path of the file'


class DamagedError(UserError):
    """A file is not a complete checkpoint."""


@contextmanager
def loading(source: str, key: str) -> Iterator[None]:
    """Adds the checkpoint and the config entry to every error that is raised in the block.

    Args:
        source: The checkpoint's path or URL.
        key: The config entry or argument that names it.

    Raises:
        UserError: There is no such file or download, or it is not a fitting checkpoint.
    """
    try:
        yield
    except UserError as error:  # from read_file, which names the source
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


def read_checkpoint(source: str, key: str, map_location: Any = 'cpu') -> dict:
    """Reads a checkpoint of MMEngine or a bare ``state_dict``.

    Args:
        source: Its path or URL.
        key: The config entry or argument that names it, for messages.
        map_location: As for ``torch.load``.

    Raises:
        UserError: As for :func:`loading`, or it contains no weights.
    """
    with loading(source, key):
        checkpoint = CheckpointLoader.load_checkpoint(source, map_location, logger='silent')
    weights = weights_of(checkpoint)
    if not any(isinstance(x, Tensor) for x in weights.values()):
        held = ', '.join(map(str, list(weights)[:3])) or 'nothing'
        held = held if isinstance(checkpoint, dict) else f'a {type(checkpoint).__name__}'
        fail(f'{key}={source}: contains no named weights, but {held}')
    return checkpoint


def read_weights(source: str, key: str) -> dict:
    """Reads the weights in a checkpoint; returns name -> tensor.

    Raises:
        UserError: As for :func:`read_checkpoint`.
    """
    return weights_of(read_checkpoint(source, key))


def weights_of(checkpoint: Any) -> dict:
    """The weights in a checkpoint, without the prefix of distributed training.

    The checkpoint may be the weights themselves, or contain them as MMEngine (``state_dict``) or
    BasicSR (averaged ``params_ema``, else ``params``) save them.

    Returns:
        Name -> tensor; empty if there are none.
    """
    if not isinstance(checkpoint, dict):
        return {}
    keys = ('state_dict', 'params_ema', 'params')
    weights = next((checkpoint[key] for key in keys if key in checkpoint), checkpoint)
    if not isinstance(weights, dict):
        return {}
    found: Any = OrderedDict((str(name).removeprefix('module.'), x) for name, x in weights.items())
    if hasattr(weights, '_metadata'):  # versions of the modules that saved them
        found._metadata = weights._metadata
    return found


def load_weights(module: nn.Module, weights: dict, source: str, key: str, mend: str = '') -> None:
    """Loads all weights of a module.

    Args:
        module: The module.
        weights: Name -> tensor.
        source, key: Where they come from, for messages.
        mend: Advice to the user if they do not fit.

    Raises:
        UserError: A weight is missing, unexpected, or has another shape.
    """
    try:
        missing, unexpected = module.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        _, *shapes = str(error).split('\n\t')
        fail(f'{key}={source}: does not fit this model: {_some(shapes) or _one_line(error)}{mend}')
    # if a file lacks it, torch counts batches from 0
    missing = [name for name in missing if not name.endswith('num_batches_tracked')]
    problems = [
        f'{what} {_some(names)}'
        for what, names in (('it lacks', missing), ('the model has no', unexpected))
        if names
    ]
    if problems:
        fail(f'{key}={source}: does not fit this model: {"; ".join(problems)}{mend}')


def read_file(path: Path, map_location: Any = 'cpu', name: str | None = None) -> Any:
    """Reads a file that ``torch.save`` wrote, if it contains only tensors and plain values.

    Args:
        path: The file.
        map_location: As for ``torch.load``.
        name: The name of the file in messages (default: its path).

    Raises:
        FileNotFoundError: The file does not exist.
        DamagedError: It is not such a file, is truncated or changed, or contains other objects.
        UserError: A weight is not finite.
    """
    name = name or str(path)
    problem = _file_problem(path)
    if problem:
        raise DamagedError(f'{name}: {problem}')
    try:
        content = torch.load(path, map_location=map_location, weights_only=True)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # damage can raise anything
        raise DamagedError(f'{name}: {_unpickling_problem(error)}') from None
    _forget_config(content)
    for weight, x in weights_of(content).items():
        if not _is_finite(x):
            fail(f'{name}: {weight} contains values that are not finite: its training diverged')
    return content


def _is_finite(x: Any) -> bool:
    """Whether a tensor has only finite entries; true for other objects and ``'meta'`` tensors."""
    if not isinstance(x, Tensor) or x.is_meta or not x.is_floating_point():
        return True
    return bool(x.isfinite().all())


def _forget_config(content: Any) -> None:
    """Removes the config from a checkpoint, because MMEngine would execute it when resuming."""
    meta = content.get('meta') if isinstance(content, dict) else None
    if isinstance(meta, dict):
        meta.pop('config', None)
        meta.pop('cfg', None)


def _file_problem(path: Path) -> str | None:
    """Why a file is not a valid checkpoint, judging by its first bytes; None if it may be one."""
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
        return 'is a Git LFS pointer, not the checkpoint itself: fetch it with git lfs pull'
    if text.isascii() and text.decode().replace('\n', ' ').replace('\r', ' ').isprintable():
        return 'is a text file, not a checkpoint'
    if head.startswith(b'\x80') and _LEGACY_MAGIC not in head:
        return 'is a pickled Python object, not a checkpoint of torch.save'
    return None


def _archive_problem(path: Path) -> str | None:
    """The same for a zip archive, the format of ``torch.save``."""
    names: list[str] = []
    try:
        with zipfile.ZipFile(path) as opened:
            is_whole, names = opened.testzip() is None, opened.namelist()
    except Exception:  # zipfile raises BadZipFile, EOFError, zlib.error, ...
        is_whole = False
    if not is_whole:
        return 'is damaged or truncated: download or copy it again'
    if any(name.endswith('/constants.pkl') for name in names):
        return "is a TorchScript program, not a checkpoint: save its network's state_dict() alone"
    if names and not any(name.endswith('/data.pkl') for name in names):
        return f'is an archive of {_some(names)}, not a checkpoint: unpack it'
    return None


def _unpickling_problem(error: Exception) -> str:
    """Why ``torch.load`` refused a file, without its advice to load it anyway."""
    found = re.search(r'GLOBAL ([\w.]+)', str(error))
    if found and isinstance(error, pickle.UnpicklingError):
        return (
            f'contains {found[1]}, which is not a weight: loading it could execute code. Save the '
            "network's state_dict() alone"
        )
    return 'is damaged, or torch.save did not write it'


def _some(names: Iterable[str]) -> str:
    """Lists the first three names, and the number of others."""
    names = list(names)
    more = f' and {len(names) - 3} more' if len(names) > 3 else ''
    return ', '.join(names[:3]) + more


def _one_line(error: Exception) -> str:
    text = ' '.join(str(error).split()) or type(error).__name__
    return text if len(text) < 400 else f'{text[:400]} ...'


@CheckpointLoader.register_scheme(prefixes='', force=True)
def load_from_local(filename: str, map_location: Any) -> Any:
    """Replaces MMEngine's loader of paths."""
    return read_file(Path(filename).expanduser(), map_location, str(filename))


def _load_url(
    url: str, model_dir: str | None = None, map_location: Any = None, progress: bool = False
) -> Any:
    """Replaces MMEngine's loader of URLs; downloads are kept in PyTorch's folder."""
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


# all of MMEngine's schemes that download use this function; its own would execute code from files
mmengine.runner.checkpoint.load_url = _load_url


@WEIGHT_INITIALIZERS.register_module(name='Pretrained', force=True)
class WholePretrainedInit(PretrainedInit):
    """MMEngine's ``init_cfg=dict(type='Pretrained', checkpoint=...)`` that requires all weights.

    MMEngine's own silently keeps random values for weights that the file lacks.

    Raises:
        UserError: The checkpoint cannot be read or does not fit.
    """

    def __call__(self, module: nn.Module) -> None:
        weights, prefix = read_weights(self.checkpoint, 'checkpoint'), self.prefix
        if prefix:
            prefix = prefix.removesuffix('.') + '.'
            parts = {name: x for name, x in weights.items() if name.startswith(prefix)}
            weights = {name.removeprefix(prefix): x for name, x in parts.items()}
        load_weights(module, weights, self.checkpoint, 'checkpoint')
        if hasattr(module, '_params_init_info'):
            update_init_info(module, init_info=self._get_init_info())
