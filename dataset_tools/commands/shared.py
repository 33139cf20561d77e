"""Helpers of the subcommands: their help, common options, and the line that reports a set."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

from dataset_tools.limits import size_text
from dataset_tools.manifest import DEGRADATIONS, VideoSet

Tools = argparse._SubParsersAction
Run = Callable[[argparse.Namespace], int]


def add_tool(
    tools: Tools, name: str, run: Run, summary: str, example: str
) -> argparse.ArgumentParser:
    """Adds a subcommand.

    Args:
        tools: What ``add_subparsers`` returned.
        name: Name of the tool.
        run: Runs the tool; takes the options and returns the exit code.
        summary: One line that says what it does, in lower case, without a full stop.
        example: Arguments of the example that ends its help.
    """
    tool = tools.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + '.',
        epilog=f'example:\n  python -m dataset_tools {name} {example}'.rstrip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tool.set_defaults(run=run)
    return tool


def add_maker(
    tools: Tools, name: str, run: Run, summary: str, example: str
) -> argparse.ArgumentParser:
    """Adds a subcommand that makes one set from another; see ``add_tool``."""
    output = f'data/{name.replace("-", "_")}'
    tool = add_tool(tools, name, run, summary, f'data/source --output {output} {example}')
    tool.add_argument('source', type=Path, help='the set to start from')
    add_output(tool)
    return tool


def add_output(tool: argparse.ArgumentParser) -> None:
    """Adds the options of every tool that makes a set."""
    tool.add_argument('--output', type=Path, required=True, help='the set to make')
    tool.add_argument('--jobs', type=positive, help='frames made in parallel (default: all cores)')


def add_kind(tool: argparse.ArgumentParser) -> None:
    """Adds the option ``--kind``: which LR frames to make."""
    tool.add_argument(
        '--kind',
        choices=DEGRADATIONS,
        nargs='+',
        default=['bd'],
        help='LR frames to make (default: bd). bd (Gaussian, every 4th pixel): as in FRVSR; '
        'bd_tecogan, bd_rlsp, bd_duf, bd_basicvsr: as in those codebases; bi (bicubic): '
        "MATLAB's; bi_pil: Pillow's. Weights need the kind they were trained on",
    )


def positive(text: str) -> int:
    """Parses a whole number of at least 1, as ``type=`` of an option."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is not a whole number of at least 1')
    return int(text)


def report(made: Iterable[tuple[VideoSet, bool]]) -> int:
    """Prints one line for each set as it is made.

    Args:
        made: Sets, and whether each was made now (False: already there).

    Returns:
        Exit code 0.
    """
    for video_set, fresh in made:
        videos = video_set.videos.values()
        kind = video_set.kinds[0]
        sizes = sorted({video.sizes[kind] for video in videos})
        print(
            f'{video_set.root}: {"made" if fresh else "already there"}, {len(videos)} videos, '
            f'{sum(video.frames for video in videos)} frames, {"HR" if kind == "gt" else "LR"} '
            + ', '.join(map(size_text, sizes))
        )
    return 0


def window(text: str) -> tuple[int, int]:
    """An argument WxH as (height, width)."""
    width, _, height = text.partition('x')
    return positive(height), positive(width)
