"""Reading MMEngine configs."""

from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config, DictAction
from mmengine.utils import import_modules_from_strings

from harness.errors import fail


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
