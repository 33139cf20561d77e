"""Command line: ``python -m dataset_tools <tool>``. A tool's imports wait until it is its turn."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from dataset_tools.manifest import DatasetError, VideoSet

_Tools = argparse._SubParsersAction


def main(arguments: list[str] | None = None) -> int:
    """Runs one tool.

    Args:
        arguments: What follows ``python -m dataset_tools``; None takes it from the command line.

    Returns:
        Exit code: 0 done, 1 ``verify`` found problems, 2 an error, 130 interrupted.
    """
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except DatasetError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('interrupted; nothing half-made is left', file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m dataset_tools',
        description='Makes and checks video sets, <set>/{gt,lr_bd}/<video>/ + manifest.json.',
        epilog='example:\n  python -m dataset_tools sample --output data/sample',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tools = parser.add_subparsers(title='tools', metavar='TOOL', required=True)

    tool = _add(tools, 'sample', _sample, 'make training and test sets of real frames', '')
    tool.add_argument(
        '--output', type=Path, default=Path('data/sample'), help='default: %(default)s'
    )

    _add_still_tools(tools)

    tool = _add_maker(tools, 'composit', _composit, 'play each video back and forth', '--passes 3')
    length = tool.add_mutually_exclusive_group(required=True)
    length.add_argument('--frames', type=_positive, help='length of the videos made')
    length.add_argument(
        '--passes', type=_positive, help='times each video is run through; 3 of 100 frames are 298'
    )

    _add_maker(
        tools, 'degrade', _degrade, 'make LR frames of a set, or folder of video folders', ''
    )

    tool = _add(tools, 'verify', _verify, 'compare a set with its manifest', 'data/set')
    tool.add_argument('set', type=Path, help='the set folder')
    return parser


def _add_still_tools(tools: _Tools) -> None:
    """Adds the tools that start from one frame of each video."""
    tool = _add_maker(tools, 'static', _static, 'repeat one frame of each video', '--frames 300')
    _add_frames(tool)
    _add_index(tool)

    tool = _add_maker(
        tools,
        'sliding-window',
        _sliding_window,
        'move a window over one frame of each video, turning back at the borders',
        '--window 40x28 --step 1 4 --frames 200',
    )
    tool.add_argument(
        '--window', type=_window, required=True, metavar='WxH', help='in LR pixels, e.g. 40x28'
    )
    tool.add_argument(
        '--step',
        type=_positive,
        nargs='+',
        default=[1],
        help='LR pixels a frame; one video for each (default: 1)',
    )
    tool.add_argument(
        '--direction',
        choices=('horizontal', 'vertical', 'diagonal'),
        default='horizontal',
        help='default: %(default)s',
    )
    _add_frames(tool)
    _add_index(tool)

    tool = _add_maker(tools, 'gamma', _gamma, "vary one frame's gamma", '--frames 200 --period 100')
    tool.add_argument(
        '--gamma-min', type=float, default=1 / 1.5, help='least gamma (default: 1/1.5)'
    )
    tool.add_argument('--gamma-max', type=float, default=1.5, help='largest gamma (default: 1.5)')
    tool.add_argument(
        '--period', type=_positive, default=100, help='frames there and back (default: 100)'
    )
    _add_frames(tool)
    _add_index(tool)


def _add(
    tools: _Tools, name: str, run: Callable[[argparse.Namespace], int], summary: str, example: str
) -> argparse.ArgumentParser:
    tool = tools.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + '.',
        epilog=f'example:\n  python -m dataset_tools {name} {example}'.rstrip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tool.set_defaults(run=run)
    return tool


def _add_maker(
    tools: _Tools, name: str, run: Callable[[argparse.Namespace], int], summary: str, example: str
) -> argparse.ArgumentParser:
    tool = _add(
        tools, name, run, summary, f'data/source --output data/{name.replace("-", "_")} {example}'
    )
    tool.add_argument('source', type=Path, help='the set (or, to degrade, folder) to start from')
    tool.add_argument('--output', type=Path, required=True, help='the set to make')
    return tool


def _add_frames(tool: argparse.ArgumentParser) -> None:
    tool.add_argument('--frames', type=_positive, required=True, help='length of the videos made')


def _add_index(tool: argparse.ArgumentParser) -> None:
    tool.add_argument(
        '--index', type=int, default=0, help='which frame of each source video (default: 0)'
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is not a whole number of at least 1')
    return int(text)


def _window(text: str) -> tuple[int, int]:
    width, _, height = text.partition('x')
    return _positive(height), _positive(width)


def _sample(options: argparse.Namespace) -> int:
    from dataset_tools.sample import make_sample

    return _report(make_sample(options.output))


def _static(options: argparse.Namespace) -> int:
    from dataset_tools.static import make_static_set

    return _report([make_static_set(options.source, options.output, options.frames, options.index)])


def _sliding_window(options: argparse.Namespace) -> int:
    from dataset_tools.sliding_window import make_sliding_window_set

    made = make_sliding_window_set(
        options.source,
        options.output,
        options.window,
        options.step,
        options.direction,
        options.frames,
        options.index,
    )
    return _report([made])


def _gamma(options: argparse.Namespace) -> int:
    from dataset_tools.gamma import make_gamma_set

    made = make_gamma_set(
        options.source,
        options.output,
        options.gamma_min,
        options.gamma_max,
        options.period,
        options.frames,
        options.index,
    )
    return _report([made])


def _composit(options: argparse.Namespace) -> int:
    from dataset_tools.composit import make_composit_set

    return _report(
        [make_composit_set(options.source, options.output, options.frames, options.passes)]
    )


def _degrade(options: argparse.Namespace) -> int:
    from dataset_tools.degrade_folder import make_degraded_set

    return _report([make_degraded_set(options.source, options.output)])


def _verify(options: argparse.Namespace) -> int:
    from dataset_tools.verify import verify

    problems = verify(options.set)
    print('\n'.join(problems) if problems else f'{options.set}: sound')
    return 1 if problems else 0


def _report(made: Iterable[tuple[VideoSet, bool]]) -> int:
    """Prints one line for each set as it is made."""
    for video_set, fresh in made:
        videos = video_set.videos.values()
        sizes = sorted({video.sizes['gt'] for video in videos})
        print(
            f'{video_set.root}: {"made" if fresh else "already there"}, {len(videos)} videos, '
            f'{sum(video.frames for video in videos)} frames, HR '
            + ', '.join(f'{width}x{height}' for height, width in sizes)
        )
    return 0


if __name__ == '__main__':
    sys.exit(main())
