"""Options that the commands share; imports nothing, so that --help answers at once."""

import argparse
import os


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
