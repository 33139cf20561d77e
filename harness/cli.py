"""What the command lines of this package share; light, so that ``--help`` answers at once."""

import argparse
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dataset_tools.manifest import DatasetError
from harness.errors import UserError

#: what a place to write to may be: full, over quota, read-only, not ours, not a folder
_STORAGE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOTDIR)


@contextmanager
def user_errors() -> Iterator[None]:
    """Shows errors that the user can mend as one line instead of a traceback."""
    try:
        yield
    except (UserError, DatasetError) as error:
        sys.exit(f'error: {error}')
    except OSError as error:
        if error.errno not in _STORAGE_ERRORS:
            raise
        sys.exit(f'error: {error.filename}: {error.strerror}')


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Adds ``--cfg-options``, as MMagic's tools have it."""
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='override config entries'
    )


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Adds ``--cfg-options`` and ``--launcher``, as MMagic's tools have them."""
    add_cfg_options(parser)
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def parse_run_args(parser: argparse.ArgumentParser, argv=None) -> argparse.Namespace:
    """Parses and hands the local rank on to where MMEngine looks for it."""
    args = parser.parse_args(argv)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args
