"""Subcommands that make videos from one frame of each source video."""

from __future__ import annotations

import argparse

from dataset_tools.commands.shared import Tools, add_maker, positive, report, window


def add_parser(tools: Tools) -> None:
    """Adds the subcommands."""
    tool = add_maker(tools, 'static', _static, 'repeat one frame of each video', '--frames 300')
    _add_still(tool)
    _add_sliding_window(tools)
    _add_gamma(tools)
    tool = add_maker(
        tools, 'texture', _texture, 'rank frames by texture, pick dense and sparse ones', '--pick 4'
    )
    tool.add_argument(
        '--pick', type=positive, default=1, help='how many of each (default: %(default)s)'
    )


def _add_sliding_window(tools: Tools) -> None:
    tool = add_maker(
        tools,
        'sliding-window',
        _sliding_window,
        'move a window over one frame of each video, turning back at the borders',
        '--window 40x28 --step 1 4 --frames 200',
    )
    tool.add_argument(
        '--window', type=window, required=True, metavar='WxH', help='in LR pixels, e.g. 40x28'
    )
    tool.add_argument(
        '--step',
        type=positive,
        nargs='+',
        default=[1],
        help='LR pixels per frame; one video for each (default: 1)',
    )
    tool.add_argument(
        '--direction',
        choices=('horizontal', 'vertical', 'diagonal'),
        default='horizontal',
        help='default: %(default)s',
    )
    _add_still(tool)
    _add_on(tool)


def _add_gamma(tools: Tools) -> None:
    tool = add_maker(tools, 'gamma', _gamma, "vary one frame's gamma", '--frames 200 --period 100')
    tool.add_argument(
        '--gamma-min', type=float, default=1 / 1.5, help='smallest gamma (default: 1/1.5)'
    )
    tool.add_argument('--gamma-max', type=float, default=1.5, help='largest gamma (default: 1.5)')
    tool.add_argument(
        '--period', type=positive, default=100, help='frames of one full cycle (default: 100)'
    )
    _add_still(tool)
    _add_on(tool)


def _add_still(tool: argparse.ArgumentParser) -> None:
    tool.add_argument('--frames', type=positive, required=True, help='length of the videos made')
    tool.add_argument(
        '--index', type=int, default=0, help='which frame of each source video (default: 0)'
    )


def _add_on(tool: argparse.ArgumentParser) -> None:
    tool.add_argument(
        '--on',
        choices=('hr', 'lr'),
        default='hr',
        help='change HR and make LR from it (default), or change only LR, as in the paper: then '
        'there is no ground truth',
    )


def _static(options: argparse.Namespace) -> int:
    from dataset_tools.static import make_static_set

    made = make_static_set(
        options.source, options.output, options.frames, options.index, options.jobs
    )
    return report([made])


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
        options.on,
        options.jobs,
    )
    return report([made])


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
        options.on,
        options.jobs,
    )
    return report([made])


def _texture(options: argparse.Namespace) -> int:
    from dataset_tools.texture import make_texture_set

    made = make_texture_set(options.source, options.output, options.pick, options.jobs)
    return report([made])
