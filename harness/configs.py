"""Reads MMEngine configs and imports the modules that they name."""

import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import mmengine.config.config
import mmengine.config.utils
from mmengine.config import Config, DictAction
from mmengine.config.utils import _is_builtin_module

from harness.errors import fail


def _open_text(
    file: str, mode: str = 'r', buffering: int = -1, encoding: str | None = None, **options: Any
) -> IO[Any]:
    """``open`` that skips a byte order mark, which Windows editors write and Python's parser
    rejects.
    """
    if encoding == 'utf-8' and mode == 'r':
        encoding = 'utf-8-sig'
    return open(file, mode, buffering, encoding, **options)


mmengine.config.config.open = _open_text  # also for the files that a config names in _base_


def _is_standard(module: str, is_builtin: Callable[[str], bool] = _is_builtin_module) -> bool:
    """Whether a config may import this module and use it while it is read.

    MMEngine alone looks for the standard library in /usr/lib, and calls ``os`` none of it.
    """
    return module.split('.')[0] in sys.stdlib_module_names or is_builtin(module)


mmengine.config.config._is_builtin_module = _is_standard
mmengine.config.utils._is_builtin_module = _is_standard

#: the folder in which this project's own configs are found
_REPOSITORY = Path(__file__).resolve().parents[1]


def find_config(path: str, folder: str = '.') -> str:
    """Finds a config in the current folder, in ``folder``, or among this project's configs."""
    places = (Path(path), Path(folder) / path, _REPOSITORY / path)
    return str(next((place for place in places if place.is_file()), path))


def load_config(path: str, options: Sequence[str] = ()) -> Config:
    """Reads a config file without importing the modules that it names.

    If the config names modules of the user in ``custom_imports``, its folder is added as
    ``module_folders``, in which they are searched.

    Args:
        path: The file; this project's configs (``mm_configs/...``) are found from any folder.
        options: ``KEY=VALUE`` changes to the config.

    Raises:
        UserError: There is no such file, it is not a config, or an option does not fit.
    """
    path = find_config(path)
    if not Path(path).is_file():
        fail(f'config {path}: no such file')
    try:
        cfg = Config.fromfile(path, import_custom_modules=False)
    except Exception as error:  # a config is a program and may raise anything
        fail(f'config {path}: {type(error).__name__}: {error}')
    for option in options:
        key, equals, value = option.partition('=')
        if not equals:
            fail(f'--cfg-options {option}: must look like KEY=VALUE')
        try:
            cfg.merge_from_dict({key: DictAction._parse_iterable(value)})
        except Exception as error:  # MMEngine passes on any error of its dicts and lists
            fail(f'--cfg-options {option}: does not fit {path} ({type(error).__name__}: {error})')
    if own_modules(cfg) and 'module_folders' not in cfg:
        cfg.module_folders = [str(Path(path).resolve().parent)]
    return cfg


def custom_modules(cfg: dict) -> list[str]:
    """The modules in a config's ``custom_imports`` and in ``'module:Class'`` of plain networks.

    Raises:
        UserError: ``custom_imports`` is neither a list of names nor ``dict(imports=[...])``.
    """
    entry = cfg.get('custom_imports') or []
    names = entry.get('imports', []) if isinstance(entry, dict) else entry
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, (list, tuple)) or not all(isinstance(n, str) for n in names):
        fail(f'custom_imports: {entry!r} must be a list of modules, or dict(imports=[...])')
    net = cfg.get('model')
    while isinstance(net, dict):
        net = net.get('generator', net.get('net'))
    plain = [net.partition(':')[0]] if isinstance(net, str) and ':' in net else []
    return list(dict.fromkeys([*names, *plain]))


def own_modules(cfg: dict) -> list[str]:
    """The modules of :func:`custom_modules` that do not belong to this project."""
    return [name for name in custom_modules(cfg) if name.split('.')[0] != 'harness']


def module_file(name: str, folders: Iterable[str]) -> Path | None:
    """Finds the file of a module without importing it; None if there is none.

    Args:
        name: The module's name, with its packages.
        folders: Folders to search after Python's own search path.
    """
    path: list[str] | None = [*sys.path, *folders]
    spec = None
    for depth in range(1, name.count('.') + 2):
        spec = importlib.machinery.PathFinder.find_spec('.'.join(name.split('.')[:depth]), path)
        if spec is None:
            return None
        path = list(spec.submodule_search_locations or ())
    return Path(spec.origin) if spec and spec.origin else None


def import_custom_modules(cfg: dict) -> None:
    """Imports the modules that a config names, so that their types are registered.

    Runs of a grid also import its ``plugins``.

    Raises:
        UserError: There is no such module, it raises, or another of the same name is loaded.
    """
    import_modules([*custom_modules(cfg), *cfg.get('plugins', ())], cfg.get('module_folders', ()))


def import_modules(names: Iterable[str], folders: Sequence[str]) -> None:
    """Imports modules from Python's search path or else from ``folders``.

    Raises:
        UserError: As for :func:`import_custom_modules`.
    """
    for name in names:
        file = module_file(name, folders)
        if file is None and name not in sys.modules:
            where = f'in {", ".join(folders)} or ' if folders else ''
            fail(f'custom_imports: no module {name} {where}on the Python path (PYTHONPATH)')
        sys.path.extend(folder for folder in folders if folder not in sys.path)
        try:
            module = importlib.import_module(name)
        except Exception as error:  # a module may raise anything
            fail(f'custom_imports: {file}: {type(error).__name__}: {error}')
        found = getattr(module, '__file__', None)
        if file and found and Path(found).resolve() != file.resolve():
            fail(f'custom_imports: {name} is already loaded from {found}, so {file} cannot be')
