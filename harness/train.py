"""Train one network from a config, like MMagic's tools/train.py."""

import argparse
import sys
from pathlib import Path

if __name__ == '__main__':
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # the repository, not this folder

from harness.cli import add_run_options, parse_run_args

EXAMPLES = """examples:
  python harness/train.py mm_configs/frvsr/frvsr_rr_quickstart.py
  python harness/train.py mm_configs/frvsr/frvsr_paper.py --resume \\
      --cfg-options train_cfg.type=PIBPTTLoop train_cfg.repeats=8
  torchrun --nproc_per_node=4 harness/train.py mm_configs/basicvsr/basicvsr_paper.py \\
      --launcher pytorch
"""


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--work-dir', help='folder for logs and checkpoints (default: work_dirs/<config>)'
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='resume from the last checkpoint in the work dir, or from the given one',
    )
    add_run_options(parser)
    return parse_run_args(parser, argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    from harness.cli import user_errors
    from harness.configs import load_config
    from harness.errors import fail

    with user_errors():
        cfg = load_config(args.config, args.cfg_options)
        cfg.launcher = args.launcher
        cfg.work_dir = args.work_dir or f'work_dirs/{Path(args.config).stem}'
        cfg.resume = False
        if args.resume and args.resume != 'auto':
            if not Path(args.resume).exists():
                fail(f'--resume {args.resume}: no such checkpoint')
            cfg.resume, cfg.load_from = True, args.resume

        from harness.training.run import resume_if_begun, train

        if args.resume == 'auto':
            resume_if_begun(cfg)
        train(cfg)
    return 0


if __name__ == '__main__':
    sys.exit(main())
