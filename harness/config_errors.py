"""Turns errors from building the parts of a config into one line instead of a traceback."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mmengine.config import Config

from dataset_tools.manifest import DatasetError
from harness.errors import UserError

#: MMEngine's message for an optimizer of unknown type
_NO_OPTIMIZER = 'None is not a callable object'


class ConfigError(UserError):
    """An entry of a config from which nothing can be built."""


def check_model(cfg: Mapping) -> None:
    """Refuses MMagic's own models, whose networks do not expose their states.

    Raises:
        UserError: The config has such a model, or none.
    """
    from mmagic.registry import MODELS

    name = cfg.get('model', {}).get('type')
    found = MODELS.get(name) if isinstance(name, str) else name
    if name is None or (found and found.__module__.startswith('mmagic.')):
        whose = f"{name} is MMagic's own" if name else 'has no type'
        raise UserError(
            f"model: {whose}; this harness takes dict(type='RecurrentVSR', "
            'generator=...), as in the configs in mm_configs/, '
            "which load MMagic's weights without conversion"
        )


@contextmanager
def building(cfg: Config, key: str) -> Iterator[None]:
    """Adds the config file and the entry to every error that is raised in the block.

    Args:
        cfg: The config.
        key: The entry from which something is built.

    Raises:
        ConfigError: Any error was raised, except by a set folder or by the file system.
    """
    try:
        yield
    except (ConfigError, DatasetError, OSError):
        raise
    except Exception as error:
        raise ConfigError(f'config {cfg.filename} {build_problem(key, error)}') from error


def build_problem(key: str, error: Exception) -> str:
    """One line about an error from building the entry ``key``; our own errors name their entry."""
    text = ' '.join(str(error.args[0] if error.args else error).split())
    text = text.split(' Please check whether')[0]  # MMEngine's advice on registries
    if text == _NO_OPTIMIZER:
        text = 'optimizer.type is not in the registry of optimizers'
    elif not isinstance(error, UserError):
        text = f'{type(error).__name__}: {text}'
    return text if text.startswith(key.split(' ')[0]) else f'{key}: {text}'
