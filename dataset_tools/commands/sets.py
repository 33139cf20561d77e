"""Subcommands for whole sets: ``sample`` and ``verify``."""

from __future__ import annotations

import argparse
from pathlib import Path

from dataset_tools.commands.shared import Tools, add_tool, report
from dataset_tools.sample.plan import PLANS


def add_parser(tools: Tools) -> None:
    """Adds the subcommands."""
    tool = add_tool(
        tools, 'sample', _sample, 'make training and test sets of real frames', '--plan published'
    )
    tool.add_argument(
        '--plan',
        choices=list(PLANS),
        default='quickstart',
        help='for which grid: quickstart.py (default); published.py: test sets alone, small '
        'frames, LR frames for published weights; cure.py: training from published weights; '
        'study_*.py: videos that no recipe has seen',
    )
    tool.add_argument('--output', type=Path, help='default: data/sample, for other plans data/PLAN')
    tool = add_tool(tools, 'verify', _verify, 'compare a set with its manifest', 'data/set')
    tool.add_argument('set', type=Path, help='the set folder')


def _sample(options: argparse.Namespace) -> int:
    from dataset_tools.sample.sets import make_sample

    name = 'sample' if options.plan == 'quickstart' else options.plan
    output = options.output or Path('data') / name
    return report(make_sample(output, options.plan))


def _verify(options: argparse.Namespace) -> int:
    from dataset_tools.verify import verify

    problems = verify(options.set)
    print('\n'.join(problems) if problems else f'{options.set}: sound')
    return 1 if problems else 0
