"""Subcommand ``preview``: draws a set as a contact sheet or a short video."""

from __future__ import annotations

import argparse
from pathlib import Path

from dataset_tools.commands.shared import Tools, add_tool, positive


def add_parser(tools: Tools) -> None:
    """Adds the subcommand."""
    tool = add_tool(
        tools,
        'preview',
        _run,
        'draw a contact sheet (PNG), or a short video (mp4, GIF) of all videos side by side',
        'data/sample/train --output train.png',
    )
    tool.add_argument('set', type=Path, help='the set folder, packed or not')
    tool.add_argument(
        '--output', type=Path, required=True, metavar='FILE', help='ends in .png, .mp4 or .gif'
    )
    tool.add_argument(
        '--videos',
        type=positive,
        default=12,
        metavar='N',
        help='show at most N videos, evenly spaced over the set (default: 12)',
    )


def _run(options: argparse.Namespace) -> int:
    from dataset_tools.preview import make_preview

    shown = make_preview(options.set, options.output, options.videos)
    print(f'{options.output}: {shown} videos of {options.set}')
    return 0
