"""Subcommands that make videos from whole source videos."""

from __future__ import annotations

import argparse
from pathlib import Path

from dataset_tools.commands.shared import (
    Tools,
    add_kind,
    add_maker,
    add_output,
    add_tool,
    positive,
    report,
    window,
)
from dataset_tools.manifest import DatasetError


def add_parser(tools: Tools) -> None:
    """Adds the subcommands."""
    _add_composit(tools)
    tool = add_maker(
        tools,
        'jump',
        _jump,
        'cut from each video to the next ones at the given frames',
        '--cuts 30 60 --frames 90',
    )
    tool.add_argument(
        '--cuts', type=positive, nargs='+', required=True, help='first frame of each later scene'
    )
    tool.add_argument('--frames', type=positive, required=True, help='length of the videos made')
    tool = add_maker(tools, 'loop', _loop, 'play each video in a loop', '--frames 500')
    tool.add_argument('--frames', type=positive, required=True, help='length of the videos made')
    _add_crop(tools)
    _add_degrade(tools)
    tool = add_maker(
        tools, 'compress', _compress, 'encode LR frames as H.264 and decode them again', '--crf 23'
    )
    tool.add_argument(
        '--crf', type=int, default=23, help='constant rate factor, 0 (best) to 51 (default: 23)'
    )


def _add_crop(tools: Tools) -> None:
    tool = add_maker(
        tools,
        'crop',
        _crop,
        'take a section of each video and crop it to a window in the middle',
        '--window 64x64 --frames 30',
    )
    tool.add_argument(
        '--window', type=window, required=True, metavar='WxH', help='in LR pixels, e.g. 64x64'
    )
    tool.add_argument('--frames', type=positive, required=True, help='maximum length of a video')
    tool.add_argument('--first', type=int, default=0, help='number of the first frame (default: 0)')
    tool.add_argument('--videos', nargs='+', metavar='NAME', help='only these')


def _add_composit(tools: Tools) -> None:
    tool = add_tool(
        tools,
        'composit',
        _composit,
        'play each video back and forth',
        'data/source --output data/composit --passes 3\n'
        '  python -m dataset_tools composit data/reds_validation data/spmcs '
        '--output data/composit --preset paper',
    )
    tool.add_argument(
        'source',
        type=Path,
        nargs='+',
        help='the source set; for the preset two sets: REDS validation videos, SPMCS',
    )
    add_output(tool)
    length = tool.add_mutually_exclusive_group(required=True)
    length.add_argument('--frames', type=positive, help='length of the videos made')
    length.add_argument(
        '--passes',
        type=positive,
        help='how often each video is played; 3 passes of 100 frames are 298 frames',
    )
    length.add_argument(
        '--preset',
        choices=('paper',),
        help="a reconstruction of the paper's 15 videos (the paper does not list them)",
    )


def _add_degrade(tools: Tools) -> None:
    tool = add_maker(
        tools,
        'degrade',
        _degrade,
        'make LR frames from a set or a folder of video folders',
        '--kind bd bi',
    )
    add_kind(tool)
    tool.add_argument(
        '--pad',
        action='store_true',
        help='pad sizes that 4 does not divide by reflection instead of cropping them',
    )


def _composit(options: argparse.Namespace) -> int:
    if len(options.source) != (2 if options.preset else 1):
        raise DatasetError(
            'composit: give one set; with --preset paper two, REDS validation videos and SPMCS'
        )
    if options.preset:
        from dataset_tools.composit.paper import make_paper_composit_set

        reds, spmcs = options.source
        return report([make_paper_composit_set(reds, spmcs, options.output, options.jobs)])

    from dataset_tools.composit.sets import make_composit_set

    made = make_composit_set(
        options.source[0], options.output, options.frames, options.passes, options.jobs
    )
    return report([made])


def _jump(options: argparse.Namespace) -> int:
    from dataset_tools.jump import make_jump_set

    made = make_jump_set(options.source, options.output, options.cuts, options.frames, options.jobs)
    return report([made])


def _crop(options: argparse.Namespace) -> int:
    from dataset_tools.crop import make_crop_set

    made = make_crop_set(
        options.source,
        options.output,
        options.window,
        options.frames,
        options.first,
        options.videos,
        options.jobs,
    )
    return report([made])


def _loop(options: argparse.Namespace) -> int:
    from dataset_tools.loop import make_loop_set

    return report([make_loop_set(options.source, options.output, options.frames, options.jobs)])


def _degrade(options: argparse.Namespace) -> int:
    from dataset_tools.degrade.sets import make_degraded_set

    made = make_degraded_set(
        options.source, options.output, options.kind, options.pad, options.jobs
    )
    return report([made])


def _compress(options: argparse.Namespace) -> int:
    from dataset_tools.compress import make_compressed_set

    return report([make_compressed_set(options.source, options.output, options.crf, options.jobs)])
