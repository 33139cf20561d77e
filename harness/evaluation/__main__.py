"""Command line: ``python -m harness.evaluation score`` and ``compare-protocols``."""

import argparse
import sys
from pathlib import Path
from typing import Optional

DESCRIPTION = """Scores frames that are on disk, whoever made them, against ground truth.

Both sides may be a set folder, a folder of frames, a folder of such folders or of video files, or
a video file. Videos go together by name, frames by order.
"""
EXAMPLES = """examples:
  python -m harness.evaluation score --gt data/vid4 --pred results/mrvsr --protocol mrvsr_vid4
  python -m harness.evaluation score --gt data/vid4 --pred results/mine \\
      --metrics tof warp_error --output frames.csv
  python -m harness.evaluation score --gt clip.mp4 --pred clip_sr.mp4
  python -m harness.evaluation compare-protocols --gt data/vid4 --pred results/mine
"""


def parse_args(argv=None) -> argparse.Namespace:
    from .protocols import DEFAULT, PROTOCOLS
    from .scorer import OPTIONAL_METRICS

    parser = argparse.ArgumentParser(
        prog='python -m harness.evaluation',
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title='commands', metavar='COMMAND', required=True)
    protocols = '\n'.join(f'  {name:<16}{p.about}' for name, p in PROTOCOLS.items())
    command = _add_command(commands, 'score', 'PSNR, SSIM and more of every frame', protocols)
    command.add_argument('--protocol', choices=PROTOCOLS, default=DEFAULT.name, metavar='NAME')
    command.add_argument(
        '--metrics',
        nargs='+',
        choices=list(OPTIONAL_METRICS),
        default=[],
        help='what to compute besides PSNR and SSIM',
    )
    command.add_argument('--output', type=Path, metavar='CSV', help='write the scores of frames')
    command.set_defaults(run=run_score)
    command = _add_command(
        commands, 'compare-protocols', 'the same frames under all protocols', protocols
    )
    command.set_defaults(run=run_comparison)
    return parser.parse_args(argv)


def _add_command(commands, name: str, text: str, protocols: str) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=text,
        description=f'{DESCRIPTION}\nprotocols:\n{protocols}',
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument('--gt', type=Path, required=True, help='ground truth')
    command.add_argument('--pred', type=Path, required=True, help='results')
    return command


def run_score(args: argparse.Namespace) -> None:
    """Prints means and writes the scores of all frames."""
    from .frames_csv import write_frames
    from .protocols import PROTOCOLS
    from .score import count_frames, pair_videos, score, video_means

    pairs, protocol = pair_videos(args.gt, args.pred), PROTOCOLS[args.protocol]
    with _progress(count_frames(pairs, protocol)) as bar:
        table = score(pairs, protocol, args.metrics, bar.update)
    if args.output:  # before anything is printed, for the reader may be gone
        write_frames(table, args.output)
    _show(video_means(table))
    if shift := table.attrs['shift']:
        print(f'warning: {args.pred}: {shift} against {args.gt}', file=sys.stderr)
    if args.output:
        print(f'{args.output}: {len(table)} frames, protocol {args.protocol}')


def run_comparison(args: argparse.Namespace) -> None:
    """Prints a row a protocol."""
    from .score import compare_protocols, pair_videos

    with _progress(None) as bar:
        table = compare_protocols(pair_videos(args.gt, args.pred), bar.update)
    _show(table)


def _progress(total: Optional[int]):
    from tqdm import tqdm

    return tqdm(total=total, unit=' frames', disable=None)  # None: only in a terminal


def _show(table) -> None:
    print(table.to_string(float_format='{:.5g}'.format, na_rep='-'))


def main(argv=None) -> int:
    args = parse_args(argv)
    from harness.cli import user_errors

    with user_errors():
        args.run(args)
    return 0


if __name__ == '__main__':
    sys.exit(main())
