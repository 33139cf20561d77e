"""Evaluate a checkpoint on set folders frame by frame, like MMagic's tools/test.py."""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == '__main__':
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # the repository, not this folder

from harness.cli import add_run_options, parse_run_args

if TYPE_CHECKING:
    from mmengine.config import Config

    from dataset_tools.manifest import VideoSet

EXAMPLES = """examples:
  python harness/test.py mm_configs/frvsr/frvsr_rr_quickstart.py \\
      work_dirs/frvsr_rr_quickstart/iter_500.pth
  torchrun --nproc_per_node=4 harness/test.py mm_configs/basicvsr/basicvsr_paper.py \\
      basicvsr.pth --data data/reds/reds4 --launcher pytorch
"""


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    from harness.evaluation.protocols import DEFAULT, PROTOCOLS
    from harness.evaluation.scorer import OPTIONAL_METRICS

    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file; may be one of MMagic')
    parser.add_argument(
        '--data', nargs='+', metavar='SET', help="set folders (default: the config's test_sets)"
    )
    parser.add_argument('--work-dir', help='folder for the CSV files (default: work_dirs/<config>)')
    parser.add_argument(
        '--lr-kind', help="LR frames of the sets (default: the config's lr_kind, or lr_bd)"
    )
    parser.add_argument(
        '--metrics',
        nargs='+',
        default=[],
        choices=list(OPTIONAL_METRICS),
        help='metrics besides PSNR and SSIM',
    )
    parser.add_argument(
        '--protocol',
        choices=PROTOCOLS,
        default=DEFAULT.name,
        metavar='NAME',
        help=f'scoring protocol: {", ".join(PROTOCOLS)}',
    )
    add_run_options(parser)
    return parse_run_args(parser, argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    from harness.cli import user_errors
    from harness.configs import load_config
    from harness.errors import fail

    with user_errors():
        if not Path(args.checkpoint).exists():
            fail(f'checkpoint {args.checkpoint}: no such file')
        cfg = load_config(args.config, args.cfg_options)
        work_dir = Path(args.work_dir or f'work_dirs/{Path(args.config).stem}')
        from dataset_tools.manifest import VideoSet

        roots = args.data or cfg.get('test_sets')
        if not roots:
            fail(f'config {args.config}: has no test_sets; name set folders with --data')
        sets = [VideoSet.load(root) for root in roots]
        names = [test_set.name for test_set in sets]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            fail(f'two sets are named {twice[0]}, so their results would have the same name')
        args.lr_kind = args.lr_kind or cfg.get('lr_kind', 'lr_bd')
        evaluate(cfg, args, sets, work_dir)
    return 0


def evaluate(
    cfg: 'Config', args: argparse.Namespace, sets: 'Sequence[VideoSet]', work_dir: Path
) -> None:
    """Writes ``frames_<set>.csv`` for each set and prints the means."""
    from mmengine.dist import is_main_process
    from tqdm import tqdm

    from harness.distributed import init_distributed
    from harness.evaluation.evaluate import evaluate_set, summarize
    from harness.evaluation.model import default_device, load_model
    from harness.evaluation.protocols import PROTOCOLS
    from harness.evaluation.scorer import check_metrics
    from harness.runs.evaluations import not_finite_text

    protocol = PROTOCOLS[args.protocol]
    check_metrics(args.metrics, protocol)
    init_distributed(args.launcher)
    model = load_model(cfg, args.checkpoint, default_device())
    work_dir.mkdir(parents=True, exist_ok=True)
    claim_results(cfg, args, sets, work_dir)
    for test_set in sets:
        output = work_dir / f'frames_{test_set.name}.csv'
        frames = sum(video.frames for video in test_set.videos.values())
        with tqdm(total=frames, desc=test_set.name, disable=not is_main_process()) as bar:
            table = evaluate_set(
                model.generator,
                test_set,
                output,
                args.lr_kind,
                default_device(),
                lambda: bar.update(),
                args.metrics,
                protocol=protocol,
            )
        if is_main_process():
            psnr, ssim = summarize(table)
            print(f'{test_set.name}: PSNR {psnr:.2f} dB, SSIM {ssim:.4f} ({output})')
            if shift := table.attrs['shift']:
                lr = f'{args.lr_kind} may be the wrong LR frames for these weights'
                print(f'warning: {test_set.name}: {shift}; {lr}', file=sys.stderr)
            if count := table.attrs['not_finite']:
                print(f'warning: {test_set.name}: {not_finite_text(count)}', file=sys.stderr)


def claim_results(
    cfg: 'Config', args: argparse.Namespace, sets: 'Sequence[VideoSet]', work_dir: Path
) -> None:
    """Records in ``evaluated.json`` from what the result files will be computed.

    Raises:
        UserError: Results of another checkpoint, model, set or protocol would be replaced.
    """
    from mmengine.dist import barrier, is_main_process

    from harness.errors import fail
    from harness.runs.files import read_json, sha256, write_json

    path = work_dir / 'evaluated.json'
    known, model = read_json(path), json.dumps(cfg.model.to_dict(), sort_keys=True, default=str)
    of = dict(
        checkpoint=sha256(Path(args.checkpoint)),
        model=hashlib.sha256(model.encode()).hexdigest(),
        lr_kind=args.lr_kind,
        protocol=args.protocol,
    )
    wanted: dict[str, dict[str, Any]] = {
        f'frames_{s.name}.csv': dict(of, set=s.checksum) for s in sets
    }
    for name, about in wanted.items():
        there = known.get(name, {})
        if (work_dir / name).exists() and there != about:
            other = next(key for key in about if there.get(key) != about[key])
            what = f'of another {other}' if there else 'of an unknown checkpoint'
            fail(f'{work_dir / name}: contains results {what}; use another --work-dir or delete it')
    barrier()
    if is_main_process():
        write_json(path, {**known, **wanted})


if __name__ == '__main__':
    sys.exit(main())
