"""What the command lines of this package share; light, so that ``--help`` answers at once."""

import argparse
import errno
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dataset_tools.manifest import DatasetError
from harness.errors import UserError

#: what a place to write to may be: full, over quota, read-only, not ours, not a folder, a file
_STORAGE_ERRORS = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG),
)


@contextmanager
def user_errors() -> Iterator[None]:
    """Shows errors that the user can mend as one line instead of a traceback.

    Ctrl-C ends the command with one word and a shell's code for it, 130. A reader of the output
    that has gone, as ``head`` does, ends it without a word. What a terminal cannot show, as with
    ``LC_ALL=C``, is shown as question marks.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='replace')
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except KeyboardInterrupt:  # where nothing finer is done about it
        print('\ninterrupted', file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    except (UserError, DatasetError) as error:
        sys.exit(f'error: {error}')
    except OSError as error:
        if error.errno not in _STORAGE_ERRORS:
            raise
        where = f'{error.filename}: ' if error.filename else ''
        sys.exit(f'error: {where}{error.strerror}')


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
