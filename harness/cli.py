"""What the command lines of this package share."""

import errno
import sys
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config, DictAction
from mmengine.utils import import_modules_from_strings

from dataset_tools.manifest import DatasetError

#: what a place to write to may be: full, over quota, read-only, not ours, not a folder
_STORAGE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOTDIR)


class UserError(RuntimeError):
    """Something the user can mend; shown as one line."""


def fail(message: str):
    """Ends the command with one line that says what is wrong."""
    raise UserError(message)


@contextmanager
def user_errors():
    """Shows errors that the user can mend as one line instead of a traceback."""
    try:
        yield
    except (UserError, DatasetError) as error:
        sys.exit(f'error: {error}')
    except OSError as error:
        if error.errno not in _STORAGE_ERRORS:
            raise
        sys.exit(f'error: {error.filename}: {error.strerror}')


def load_config(path: str, options: list[str] = ()) -> Config:
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
