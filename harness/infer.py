"""Super-resolve a video file, a folder of frames or an image, frame by frame."""

import argparse
import signal
import sys
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == '__main__':
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # the repository, not this folder

from harness.cli import add_cfg_options
from harness.runs.resets import Reset

if TYPE_CHECKING:
    import torch
    from mmengine.config import Config
    from tqdm import tqdm

    from harness.evaluation.frame import SRFrame
    from harness.networks.recurrent import RecurrentNet
    from harness.video_files import Video

EXAMPLES = """examples:
  python harness/infer.py mm_configs/frvsr/frvsr_paper.py iter_500000.pth my_clip.mp4 sr.mp4
  python harness/infer.py mm_configs/basicvsr/basicvsr_paper.py basicvsr.pth frames/ sr_frames/ \\
      --states segments --device cuda:1 --dtype float16
  python harness/infer.py mm_configs/basicvsr/basicvsr_paper.py basicvsr.pth film.mp4 sr.mp4 \\
      --reset-every 60-overlap20
  python harness/infer.py mm_configs/bicubic/bicubic_bd.py none photo.png upsampled/

memory: unidirectional networks hold one frame and their state, however long the video is.
  Bidirectional ones also need features of the whole video (BasicVSR, 64 channels: 8 MB per frame of
  240x135); --states says where to keep them. Networks that cannot process a video in such passes
  hold all of it; then --reset-every limits the memory.
Videos and photographs are rotated upright as their metadata say. An mp4 keeps the input's pixel
aspect ratio but not its sound; a variable frame rate becomes the average one. If a video is
truncated or damaged, the frames before the damage are written, and the exit code is 1.
"""


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file')
    parser.add_argument(
        'checkpoint', help="checkpoint file, may be one of MMagic; 'none' if there are no weights"
    )
    parser.add_argument(
        'input', type=Path, help='video file, folder of numbered images (png, jpg, bmp) or image'
    )
    parser.add_argument('output', type=Path, help='folder for PNG frames, or a file *.mp4 (H.264)')
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace an existing output (in a folder: its PNG files)',
    )
    parser.add_argument('--device', help='cpu, cuda, cuda:1, ... (default: a GPU if there is one)')
    parser.add_argument(
        '--dtype',
        choices=['float32', 'float16', 'bfloat16'],
        default='float32',
        help='precision of convolutions (default: float32); half precision is fast on GPUs and '
        'slow on most CPUs',
    )
    parser.add_argument(
        '--reset-every',
        type=_reset,
        metavar='N',
        help='cut the video into pieces of N frames, each super-resolved as a separate video; '
        'N-overlapM: pieces overlap by M frames, and their ends are discarded; '
        'N-normX, N-distanceX: only where the state has drifted off (see docs/grids.md)',
    )
    parser.add_argument(
        '--states',
        choices=['disk', 'segments', 'memory'],
        default='disk',
        help='where features of bidirectional networks are kept: in a temporary file in TMPDIR '
        '(default); recomputed segment by segment, with about sqrt(T) of T frames in memory; or '
        'all in memory',
    )
    parser.add_argument(
        '--fps',
        type=_frame_rate,
        default=Fraction(25),
        help='frames per second of an .mp4 made from images (default: 25); video files keep theirs',
    )
    add_cfg_options(parser)
    return parser.parse_args(argv)


def _reset(text: str) -> Reset:
    try:
        return Reset.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _frame_rate(text: str) -> Fraction:
    """Parses a number above 0: whole, decimal or a fraction."""
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if rate <= 0:
        raise argparse.ArgumentTypeError(f'must be a number above 0, got {text!r}')
    return rate


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    from harness.cli import user_errors
    from harness.configs import load_config
    from harness.errors import fail

    with user_errors():
        if args.checkpoint != 'none' and not Path(args.checkpoint).exists():
            fail(f'checkpoint {args.checkpoint}: no such file')
        cfg = load_config(args.config, args.cfg_options)
        from harness.video_files import check_output, open_video

        check_output(args.output, args.input, args.overwrite)
        video = open_video(args.input)
        return infer(cfg, video, args)


def infer(cfg: 'Config', video: 'Video', args: argparse.Namespace) -> int:
    """Writes the SR frames of ``video``.

    Returns:
        The exit code: 0, or 128 + the number of the signal that interrupted it.

    Raises:
        UserError: The video is truncated or damaged; all frames before that have been written.
    """
    import torch
    from tqdm import tqdm

    from dataset_tools.signals import Ended, ending_signals
    from harness.errors import fail
    from harness.evaluation.inference import super_resolve
    from harness.runs.evaluations import not_finite_text
    from harness.video_files import is_mp4

    device = _device(args.device)
    net = _load_network(cfg, args.checkpoint, device)
    if net.bidirectional and not net.sweeps() and not args.reset_every:
        print('note: this network takes the whole video at once; --reset-every limits its memory')
    for note in video.notes:
        print(f'note: {note}')
    with tqdm(total=video.expected, unit='frame') as bar:

        def on_hidden(done: int, total: int) -> None:
            bar.set_postfix_str(f'earlier passes {done}/{total}' * (done < total), refresh=False)
            bar.update(0)

        srs = super_resolve(
            net,
            video.frames,
            device,
            reset=args.reset_every,
            states=args.states,
            dtype=getattr(torch, args.dtype),
            on_hidden=on_hidden,
        )
        try:
            with ending_signals():
                ms, not_finite = _write(srs, video, args, bar)
        except KeyboardInterrupt as end:
            kept = 'not written' if is_mp4(args.output) else f'has {bar.n} complete frames'
            print(f'\ninterrupted; {args.output}: {kept}', file=sys.stderr)
            return 128 + (end.args[0] if isinstance(end, Ended) else signal.SIGINT)
    print(f'{args.output}: {bar.n} frames, {ms / bar.n:.0f} ms per frame in the network')
    if not_finite:
        print(f'warning: {args.output}: {not_finite_text(not_finite)}', file=sys.stderr)
    if video.fault:
        fail(f'{video.fault}; {args.output} has the {bar.n} frames that could be read')
    return 0


def _write(
    srs: 'Iterable[SRFrame]', video: 'Video', args: argparse.Namespace, bar: 'tqdm'
) -> tuple[float, int]:
    """Writes the SR frames; returns the network's milliseconds, and how many are not finite."""
    from harness.video_files import open_output

    ms, not_finite = 0.0, 0
    rate = video.rate or args.fps
    with open_output(args.output, video.names, rate, video.pixel_aspect) as write:
        for sr in srs:
            write(sr.rgb)
            bar.update()
            ms += sr.ms
            not_finite += not sr.is_finite
        bar.total = bar.n  # the length in a file's metadata may be wrong
    return ms, not_finite


def _device(name: str | None) -> 'torch.device':
    import torch

    from harness.errors import fail
    from harness.evaluation.model import default_device

    try:
        device = torch.device(name or default_device())
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        fail(f'--device {name}: {str(error).splitlines()[0]}')
    return device


def _load_network(cfg: 'Config', checkpoint: str, device: 'torch.device') -> 'RecurrentNet':
    from harness.errors import fail
    from harness.evaluation.model import learns, load_model

    net = load_model(cfg, None if checkpoint == 'none' else checkpoint, device).generator
    if checkpoint == 'none' and learns(net):
        fail('checkpoint none: this network needs weights; give a checkpoint file')
    return net


if __name__ == '__main__':
    sys.exit(main())
