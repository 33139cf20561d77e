"""What cannot be built as a config says: one line instead of a traceback."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mmengine.config import Config

from dataset_tools.manifest import DatasetError
from harness.errors import UserError

#: what MMEngine says of an optimizer of unknown type
_NO_OPTIMIZER = 'None is not a callable object'


class ConfigError(UserError):
    """An entry of a config that nothing can be built of."""


def check_model(cfg: Mapping) -> None:
    """Refuses MMagic's own models, whose networks hide their states.

    Raises:
        UserError: the config has one, or no model.
    """
    from mmagic.registry import MODELS

    name = cfg.get('model', {}).get('type')
    found = MODELS.get(name) if isinstance(name, str) else name
    if name is None or (found and found.__module__.startswith('mmagic.')):
        whose = f"{name} is MMagic's own" if name else 'has no type'
        raise UserError(
            f"model: {whose}; this harness takes dict(type='RecurrentVSR', "
            'generator=...), as the configs in mm_configs/ have it. '
            "MMagic's weights load into these as they are"
        )


@contextmanager
def building(cfg: Config, key: str) -> Iterator[None]:
    """Around the building of what a config says: names its file and the entry in every error.

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
    if text == _NO_OPTIMIZER:
        text = 'optimizer.type is not in the registry of optimizers'
    elif not isinstance(error, UserError):
        text = f'{type(error).__name__}: {text}'
    return text if text.startswith(key.split(' ')[0]) else f'{key}: {text}'
