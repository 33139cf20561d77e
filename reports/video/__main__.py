"""``python -m reports video WORK_DIR``: makes a video of methods' results on one test video."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

DESCRIPTION = """Make an mp4 and a GIF of one video of a test set: ground truth, bicubic
interpolation and chosen methods side by side, or two of them with a wipe, with the frame number
and their PSNR curves. Frames are those that the grid saved (save_frames of the grid file); if they
are missing, the networks are run again, which needs torch and their checkpoints.
"""
EXAMPLES = """examples:
  python -m reports video work_dirs/quickstart --set static --video bikes_street
  python -m reports video work_dirs/quickstart --set static --video bikes_street --layout wipe \\
      --methods 'FRVSR-RR w/ RI' 'FRVSR-RR w/ PI (R=8)' --frames 0:150 --output talk
"""


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m reports video',
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('work_dir', type=Path, help='work directory of the grid')
    parser.add_argument('--set', required=True, help='a test set of the grid, by its key')
    parser.add_argument('--video', required=True, help='a video of the test set')
    parser.add_argument(
        '--methods',
        nargs='+',
        metavar='NAME',
        help="methods by their names in the tables, and 'GT' and 'Bicubic'; default: GT, bicubic, "
        'and the first network with RI and with its last other strategy',
    )
    parser.add_argument('--layout', choices=('side-by-side', 'wipe'), default='side-by-side')
    parser.add_argument('--fps', type=int, default=25, help='frames per second (25)')
    parser.add_argument('--frames', metavar='A:B', help='from frame A to before B; all by default')
    parser.add_argument(
        '--formats', nargs='+', choices=('mp4', 'gif'), default=['mp4', 'gif'], help='both'
    )
    parser.add_argument(
        '--output', type=Path, help='path without suffix (WORK_DIR/report/SET_VIDEO)'
    )
    args = parser.parse_args(argv)
    if not 1 <= args.fps <= 120:
        parser.error('--fps must be from 1 to 120')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Makes the video; returns the exit code."""
    args = parse_args(argv)
    from harness.cli import user_errors

    with user_errors():
        run(args)
    return 0


def run(args: argparse.Namespace) -> None:
    """Finds or makes the frames and writes the files.

    Raises:
        UserError: there is no such set, video, method, or no frames of it.
    """
    from reports.results import load_grid
    from reports.video.drawing import Clip, compose
    from reports.video.frames import Frames, choose
    from reports.video.writing import write

    grid = load_grid(args.work_dir)
    shown = choose(grid, args.set, args.video, args.methods)
    place = (args.work_dir, grid, args.set, args.video, shown)
    if missing := Frames(*place).missing():
        _run_networks(args, missing)
    panels = Frames(*place).panels()
    clip = Clip(panels, args.video, _range(args.frames, panels[0].count), args.layout)
    output = args.output or args.work_dir / 'report' / f'{args.set}_{args.video}'
    for path in write(compose(clip), len(clip.numbers), output, args.formats, args.fps):
        print(path)


def _run_networks(args: argparse.Namespace, trials: list[str]) -> None:
    """Runs networks in a separate process, because reports do not import torch."""
    from harness.errors import fail

    print(f'running networks again for {", ".join(trials)}', file=sys.stderr)
    command = [sys.executable, '-m', 'harness.grid.frames', str(args.work_dir)]
    command += ['--set', args.set, '--video', args.video, '--trials', *trials]
    if subprocess.run(command, check=False).returncode:
        fail(f'{args.video}: frames are not saved, and could not be made: see above')


def _range(text: str | None, count: int) -> range:
    from harness.errors import fail

    if not text:
        return range(count)
    first, colon, last = text.partition(':')
    if not colon or not all(part.isdecimal() or not part for part in (first, last)):
        fail(f'--frames {text}: must look like 0:150')
    numbers = range(count)[int(first or 0) : int(last or count)]
    if not numbers:
        fail(f'--frames {text}: no frame of the {count} is in it')
    return numbers


if __name__ == '__main__':
    sys.exit(main())
