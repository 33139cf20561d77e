"""Reading MMEngine configs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config, DictAction
from mmengine.utils import import_modules_from_strings

from dataset_tools.manifest import DatasetError
from harness.errors import UserError, fail


class ConfigError(UserError):
    """An entry of a config that nothing can be built of."""


def load_config(path: str, options: Sequence[str] = ()) -> Config:
    """Reads a config file without importing what it names, and applies ``KEY=VALUE`` options.

    Raises:
        UserError: no such file, or not a config.
    """
    if not Path(path).is_file():
        fail(f'config {path}: no such file')
    try:
        cfg = Config.fromfile(path, import_custom_modules=False)
    except Exception as error:  # a config is a program and may raise anything
        fail(f'config {path}: {type(error).__name__}: {error}')
    for option in options:
        if '=' not in option:
            fail(f'--cfg-options {option}: must look like KEY=VALUE')
    cfg.merge_from_dict(
        {
            key: DictAction._parse_iterable(value)
            for key, value in (option.split('=', 1) for option in options)
        }
    )
    return cfg


def import_custom_modules(cfg: Config) -> None:
    """Imports what a config names in ``custom_imports``, so that its types are registered."""
    import_modules_from_strings(**cfg.get('custom_imports', {'imports': None}))


@contextmanager
def building(cfg: Config, key: str) -> Iterator[None]:
    """Around the building of what a config says: what goes wrong is one line with file and key.

    Args:
        cfg: the config.
        key: the entry that is built.

    Raises:
        ConfigError: anything was raised, except by a set folder or by the disk.
    """
    try:
        yield
    except (ConfigError, DatasetError, OSError):
        raise
    except Exception as error:
        raise ConfigError(f'config {cfg.filename} {build_problem(key, error)}') from error


def build_problem(key: str, error: Exception) -> str:
    """One line on what was raised when the entry ``key`` was built; errors of ours name theirs."""
    text = ' '.join(str(error.args[0] if error.args else error).split())
    text = text.split(' Please check whether')[0]  # MMEngine's advice on registries
    if not isinstance(error, UserError):
        text = f'{type(error).__name__}: {text}'
    return text if text.startswith(key.split(' ')[0]) else f'{key}: {text}'
