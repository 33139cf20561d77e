"""Command line: ``python -m harness.networks summary`` and ``convert-frvsr``."""

import argparse
import sys
from pathlib import Path

EXAMPLES = {
    'summary': """examples:
  python -m harness.networks summary
  python -m harness.networks summary --size 180x320 --no-time --csv networks.csv
  python -m harness.networks summary --config mm_configs/frvsr/frvsr_rr_quickstart.py
""",
    'convert-frvsr': """example:
  python -m harness.networks convert-frvsr FRVSR_4x_BD_REDS_iter400K.pth frvsr.pth
""",
}


def parse_args(argv=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m harness.networks',
        description='What there is to know about the networks, and foreign weights for them.',
    )
    commands = parser.add_subparsers(title='commands', metavar='COMMAND', required=True)

    summary = _add_command(commands, 'summary', 'print a table of all networks', _summary)
    summary.add_argument(
        '--config',
        nargs='+',
        default=[],
        type=Path,
        metavar='FILE',
        help='configs to show after those of the papers (mm_configs/*/*_paper.py)',
    )
    summary.add_argument(
        '--size', type=_size, default=(64, 64), metavar='HxW', help='LR frame (default 64x64)'
    )
    summary.add_argument('--no-time', action='store_true', help='do not measure the time')
    summary.add_argument('--csv', type=Path, metavar='FILE', help='also write the table there')

    convert = _add_command(
        commands, 'convert-frvsr', 'make FRVSR weights of TecoGAN-PyTorch loadable', _convert_frvsr
    )
    convert.add_argument('source', type=Path, metavar='IN', help="checkpoint of that code's FRNet")
    convert.add_argument('target', type=Path, metavar='OUT', help='checkpoint to write')
    return parser.parse_args(argv)


def _add_command(commands, name, summary, run) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + '.',
        epilog=EXAMPLES[name],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    return command


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.partition('x')
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise argparse.ArgumentTypeError(f'{text!r} is not HEIGHTxWIDTH in pixels')
    return int(height), int(width)


def _summary(args) -> None:
    from harness.errors import fail

    if args.csv and not args.csv.parent.is_dir():
        fail(f'--csv {args.csv}: no such folder')  # now, not after minutes of measuring

    from rich.console import Console
    from rich.progress import track

    from .summary import paper_configs, print_table, summarize, write_csv

    configs = track([*paper_configs(), *args.config], console=Console(stderr=True), transient=True)
    rows = [summarize(config, args.size, timed=not args.no_time) for config in configs]
    if args.csv:  # before anything is printed, for the reader may be gone
        write_csv(rows, args.csv)
    print_table(rows, args.size)


def _convert_frvsr(args) -> None:
    from .convert import CONFIG, convert_frvsr

    options = convert_frvsr(args.source, args.target)
    settings = ' '.join(f'model.generator.{key}={value}' for key, value in options.items())
    kind = 'lr_bd' if options['upsampler'] == 'bicubic_bd' else 'lr_bi'
    print(
        f'{args.target}: made. To evaluate it:\n  python harness/test.py {CONFIG} {args.target} '
        f'--lr-kind {kind} --cfg-options {settings}'
    )


def main(argv=None) -> int:
    args = parse_args(argv)
    from harness.cli import user_errors

    with user_errors():
        args.run(args)
    return 0


if __name__ == '__main__':
    sys.exit(main())
