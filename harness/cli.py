"""Code that all commands share; it imports nothing heavy, so that ``--help`` is fast."""

import argparse
import errno
import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dataset_tools.manifest import DatasetError
from harness.errors import UserError

#: errors of output paths: full disk, quota, read-only, no permission, wrong kind, name too long
_STORAGE_ERRORS = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG),
)


@contextmanager
def user_errors() -> Iterator[None]:
    """Prints errors that the user can fix as one line instead of a traceback.

    Ctrl-C ends the command with one word and exit code 130. If the reader of the output has gone,
    as ``head`` does, the command ends silently. Characters that the terminal cannot show, as with
    ``LC_ALL=C``, become question marks.
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
    except KeyboardInterrupt:  # unless the command handles it itself
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
    """Adds ``--cfg-options``, as in MMagic's tools."""
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='override config entries'
    )


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Adds ``--cfg-options`` and ``--launcher``, as in MMagic's tools."""
    add_cfg_options(parser)
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def parse_run_args(
    parser: argparse.ArgumentParser, argv: Sequence[str] | None = None
) -> argparse.Namespace:
    """Parses the arguments, and sets the local rank in the environment for MMEngine."""
    args = parser.parse_args(argv)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args
