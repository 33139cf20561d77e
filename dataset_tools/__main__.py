"""Command line: ``python -m dataset_tools <tool>``. Only the chosen tool's imports are loaded."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys

from dataset_tools.manifest import DatasetError
from dataset_tools.signals import Ended, ending_signals

# Each has ``add_parser(tools)`` and imports nothing heavy until its tool runs.
_MODULES = (
    'dataset_tools.commands.sets',
    'dataset_tools.commands.stills',
    'dataset_tools.commands.videos',
    'dataset_tools.commands.prepare',
    'dataset_tools.commands.info',
    'dataset_tools.commands.preview',
    'dataset_tools.commands.pack',
)


def main(arguments: list[str] | None = None) -> int:
    """Runs one tool.

    Args:
        arguments: Arguments after ``python -m dataset_tools``; None means those of the command
            line.

    Returns:
        Exit code: 0 done, 1 ``verify`` found problems, 2 an error; 128 plus the signal's number
        (130 for Ctrl-C) if interrupted.
    """
    options = _parser().parse_args(arguments)
    try:
        with ending_signals():
            code = options.run(options)
            sys.stdout.flush()
            return code
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except Ended as end:
        print('interrupted; no partial output is left', file=sys.stderr)
        return 128 + end.args[0]
    except (DatasetError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('interrupted; no partial output is left', file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m dataset_tools',
        description='Makes and checks video sets, <set>/{gt,lr_bd}/<video>/ + manifest.json.',
        epilog='example:\n  python -m dataset_tools sample --output data/sample',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tools = parser.add_subparsers(title='tools', metavar='TOOL', required=True)
    for module in _MODULES:
        importlib.import_module(module).add_parser(tools)
    return parser


if __name__ == '__main__':
    sys.exit(main())
