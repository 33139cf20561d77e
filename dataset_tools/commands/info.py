"""Subcommand ``info``: a table of the videos of a set."""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from dataset_tools.commands.shared import Tools, add_tool
from dataset_tools.limits import size_text

_COLUMNS = ('video', 'frames', 'different', 'size', 'lr_size', 'motion', 'texture', 'disk_mb')


def add_parser(tools: Tools) -> None:
    """Adds the subcommand."""
    tool = add_tool(
        tools, 'info', _run, 'show length, size, motion, texture and disk use', 'data/sample/train'
    )
    tool.description = f'{tool.description}\n\n' + (
        'motion: mean optical flow, LR pixels per frame; texture: mean gradient of Y, grey levels'
        '\nper pixel; both from a few evenly spaced frames. different: number of distinct frames.'
    )
    tool.add_argument('set', type=Path, help='the set folder, packed or not')
    tool.add_argument('--csv', action='store_true', help='print comma-separated values')


def _run(options: argparse.Namespace) -> int:
    from dataset_tools.measures import describe_videos

    infos = describe_videos(options.set)
    rows = [
        (
            info.video,
            info.frames,
            info.different,
            size_text(info.size),
            size_text(info.lr_size),
            f'{info.motion:.3f}',
            f'{info.texture:.2f}',
            f'{info.disk / 1e6:.2f}',
        )
        for info in infos
    ]
    if options.csv:
        csv.writer(sys.stdout, lineterminator='\n').writerows([_COLUMNS, *rows])
        return 0
    frames, different, disk = (
        sum(getattr(info, key) for info in infos) for key in ('frames', 'different', 'disk')
    )
    total = (f'{len(rows)} videos', frames, different, '', '', '', '', f'{disk / 1e6:.2f}')
    _print_table([_COLUMNS, *rows, total])
    return 0


def _print_table(rows: list[tuple]) -> None:
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(rows[0]))]
    for name, *values in rows:
        cells = [str(value).rjust(width) for value, width in zip(values, widths[1:], strict=True)]
        print('  '.join([str(name).ljust(widths[0]), *cells]).rstrip())
