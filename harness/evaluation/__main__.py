"""The command ``python -m harness.evaluation``: score, compare-protocols and worst-case."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from tqdm import tqdm

DESCRIPTION = """Scores existing frames, from any source, against ground truth.

Without ground truth, score --lr degrades them again and compares them with the LR frames. Both
sides may be a set folder, a folder of frames, a folder of such folders or of video files, or a
video file. Videos are matched by name, and frames by order.
"""
WORST_CASE = """Finds the videos on which a network collapses soonest.

Each scene, the first frame of a video of SET, becomes a still video, sliding windows and a gamma
video. On the worst still video, the first frame is also changed by at most 2 grey levels, such that
a later SR frame changes most. Gains (dB) over bicubic interpolation are running medians of 10
frames; from the frame of collapse on, they stay 1 dB below the best one or below 0 until the end of
the video (or, for the backward branch of bidirectional networks, the beginning).
"""
EXAMPLES = """examples:
  python -m harness.evaluation score --gt data/vid4 --pred results/mrvsr --protocol mrvsr_vid4
  python -m harness.evaluation score --gt data/vid4 --pred results/mine \\
      --metrics tof warp_error --output frames.csv
  python -m harness.evaluation score --lr data/videolq --pred results/mine \\
      --metrics warp_error frame_difference niqe
  python -m harness.evaluation score --gt clip.mp4 --pred clip_sr.mp4
  python -m harness.evaluation compare-protocols --gt data/vid4 --pred results/mine
"""


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    from dataset_tools.schema import DEGRADATIONS
    from harness.evaluation.protocols import PROTOCOLS
    from harness.evaluation.scorer import OPTIONAL_METRICS

    parser = argparse.ArgumentParser(
        prog='python -m harness.evaluation',
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title='commands', metavar='COMMAND', required=True)
    protocols = '\n'.join(f'  {name:<16}{p.about}' for name, p in PROTOCOLS.items())
    command = _add_command(commands, 'score', 'compute PSNR, SSIM and more per frame', protocols)
    target = command.add_mutually_exclusive_group(required=True)
    target.add_argument('--gt', type=Path, help='ground truth')
    target.add_argument(
        '--lr', type=Path, metavar='DIR', help='LR frames, if there is no ground truth'
    )
    command.add_argument(
        '--lr-kind',
        choices=[f'lr_{name}' for name in DEGRADATIONS],
        metavar='KIND',
        help="degradation of SR for --lr (default: the set's only LR kind, or lr_bd)",
    )
    against_gt = [name for name, protocol in PROTOCOLS.items() if not protocol.against_lr]
    command.add_argument('--protocol', choices=against_gt, metavar='NAME')
    command.add_argument(
        '--metrics',
        nargs='+',
        choices=list(OPTIONAL_METRICS),
        default=[],
        help='metrics besides PSNR and SSIM',
    )
    command.add_argument('--output', type=Path, metavar='CSV', help='write per-frame scores')
    command.set_defaults(run=run_score)
    command = _add_command(
        commands, 'compare-protocols', 'score the same frames by all protocols', protocols
    )
    command.add_argument('--gt', type=Path, required=True, help='ground truth')
    command.set_defaults(run=run_comparison)
    _add_worst_case(commands)
    return parser.parse_args(argv)


def _add_worst_case(commands: 'argparse._SubParsersAction') -> None:
    from dataset_tools.commands.shared import positive, window
    from harness.cli import add_cfg_options

    command = commands.add_parser(
        'worst-case',
        help='find the videos on which a network collapses soonest',
        description=WORST_CASE,
        epilog='example:\n  python -m harness.evaluation worst-case '
        'mm_configs/basicvsr/basicvsr_paper.py \\\n      weights/basicvsr_reds4.pth '
        'data/cure/moving --cfg-options lr_kind=lr_bi --output worst.csv',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument('config', help='config file')
    command.add_argument('checkpoint', help='checkpoint file')
    command.add_argument('set', type=Path, help='set whose first frames are the scenes')
    command.add_argument(
        '--window', type=window, default=(64, 64), metavar='WxH', help='LR pixels (default: 64x64)'
    )
    command.add_argument(
        '--frames', type=positive, default=150, help='length of the videos (default: 150)'
    )
    command.add_argument('--output', type=Path, metavar='CSV', help='write the curves')
    add_cfg_options(command)
    command.set_defaults(run=run_worst_case)


def _add_command(
    commands: 'argparse._SubParsersAction', name: str, text: str, protocols: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=text,
        description=f'{DESCRIPTION}\nprotocols:\n{protocols}',
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument('--pred', type=Path, required=True, help='results')
    return command


def run_score(args: argparse.Namespace) -> None:
    """Prints the means, and writes the scores of all frames."""
    from harness.evaluation.frames_csv import write_frames
    from harness.evaluation.protocols import DEFAULT, PROTOCOLS
    from harness.evaluation.score import count_frames, pair_videos, score, video_means
    from harness.evaluation.scorer import check_metrics

    kind = _lr_kind(args) if args.lr else 'gt'
    protocol = PROTOCOLS['lr' if args.lr else args.protocol or DEFAULT.name]
    check_metrics(args.metrics, protocol)
    pairs = pair_videos(args.lr or args.gt, args.pred, kind)
    with _progress(count_frames(pairs, protocol)) as bar:
        table = score(pairs, protocol, args.metrics, bar.update, kind)
    if args.output:  # before printing, which ends the command if the reader has gone
        write_frames(table, args.output)
    _show(video_means(table))
    if shift := table.attrs['shift']:
        print(f'warning: {args.pred}: {shift} against {args.gt}', file=sys.stderr)
    if args.lr:
        print(f'psnr_y and ssim_y: SR, degraded as {kind}, against {args.lr}')
    if args.output:
        print(f'{args.output}: {len(table)} frames, protocol {protocol.name}')


def _lr_kind(args: argparse.Namespace) -> str:
    """The LR kind of ``--lr``."""
    from dataset_tools.manifest import MANIFEST, VideoSet
    from harness.errors import fail

    if args.protocol:
        fail('--protocol: only applies to --gt; --lr has its own protocol')
    if args.lr_kind or not (args.lr / MANIFEST).is_file():
        return args.lr_kind or 'lr_bd'
    kinds = VideoSet.load(args.lr).lr_kinds
    if len(kinds) != 1:
        fail(f'{args.lr}: has {", ".join(kinds) or "no LR frames"}; choose one with --lr-kind')
    return kinds[0]


def run_comparison(args: argparse.Namespace) -> None:
    """Prints a row for each protocol."""
    from harness.evaluation.score import compare_protocols, pair_videos

    with _progress(None) as bar:
        table = compare_protocols(pair_videos(args.gt, args.pred), bar.update)
    _show(table)


def run_worst_case(args: argparse.Namespace) -> None:
    """Prints a row for each video, the worst first."""
    from tqdm import tqdm

    from dataset_tools.manifest import VideoSet
    from harness.configs import load_config
    from harness.errors import fail
    from harness.evaluation.frames_csv import write_frames
    from harness.evaluation.model import default_device, load_model
    from harness.evaluation.worst_case import search

    cfg, test_set = load_config(args.config, args.cfg_options), VideoSet.load(args.set)
    if not Path(args.checkpoint).is_file():
        fail(f'checkpoint {args.checkpoint}: no such file')
    if args.output and args.output.is_dir():
        fail(f'--output {args.output}: is a folder')  # before minutes of searching
    device = default_device()
    net = load_model(cfg, args.checkpoint, device).generator
    if not net.has_states and not net.bidirectional:
        fail(f'{type(net).__name__} processes each frame by itself, so no state can collapse')
    with tqdm(unit=' videos', disable=None) as bar:

        def on_video(name: str) -> None:
            bar.update()
            bar.set_postfix_str(name)

        kind = cfg.get('lr_kind', 'lr_bd')
        table, curves = search(net, test_set, kind, device, args.window, args.frames, on_video)
    if args.output:
        write_frames(curves, args.output)
    _show(table)
    if args.output:
        print(f'{args.output}: the curves of {len(table)} videos')


def _progress(total: int | None) -> 'tqdm':
    from tqdm import tqdm

    return tqdm(total=total, unit=' frames', disable=None)  # None: only in a terminal


def _show(table: 'pd.DataFrame') -> None:
    print(table.to_string(float_format='{:.5g}'.format, na_rep='-'))


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    from harness.cli import user_errors

    with user_errors():
        args.run(args)
    return 0


if __name__ == '__main__':
    sys.exit(main())
