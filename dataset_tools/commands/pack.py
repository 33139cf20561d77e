"""Subcommand ``pack``: stores a set in tiles, so that training reads windows quickly."""

from __future__ import annotations

import argparse
from pathlib import Path

from dataset_tools.commands.shared import Tools, add_output, add_tool, report


def add_parser(tools: Tools) -> None:
    """Adds the subcommand."""
    tool = add_tool(
        tools,
        'pack',
        _run,
        'store a set losslessly in tiles, so that training reads windows of it quickly',
        'data/reds/train --output data/reds/train_packed',
    )
    tool.add_argument('set', type=Path, help='the set folder')
    add_output(tool)


def _run(options: argparse.Namespace) -> int:
    from dataset_tools.pack.writer import make_packed_set

    return report([make_packed_set(options.set, options.output, options.jobs)])
