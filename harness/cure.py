"""Fine-tune a published or own network for a few iterations, so that it survives still videos.

The network is evaluated before and after, on held-out videos and on still videos of their first
frames. All of this is a grid (see harness/run_grid.py) in the work directory; after an
interruption, the same command resumes it.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == '__main__':
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # the repository, not this folder

from dataset_tools.commands.shared import positive, window
from harness.cli import add_cfg_options

if TYPE_CHECKING:
    from mmengine.config import Config

#: parts of the names of networks that estimate optical flow
_FLOW = ('spynet', 'flow')

EXAMPLES = """example:
  python -m harness.networks published
  python -m dataset_tools sample --plan cure
  python harness/cure.py mm_configs/basicvsr/basicvsr_cure.py weights/basicvsr_reds4.pth \\
      --data data/cure/train --output weights/basicvsr_reds4_cured.pth

The config's optimizer is replaced by Adam with a learning rate that decays to 0 along a cosine, and
is ten times lower for optical flow. Model, losses and lr_kind are the config's.
"""


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', type=Path, help='config file of the network')
    parser.add_argument('weights', type=Path, help='checkpoint file')
    parser.add_argument('--data', type=Path, required=True, metavar='SET', help='set to train on')
    parser.add_argument('--output', type=Path, required=True, metavar='FILE', help='new weights')
    parser.add_argument('--work-dir', type=Path, help='default: work_dirs/cure_<output>')
    how = parser.add_argument_group('training')
    how.add_argument('--strategy', default='PI', help='see docs/strategies.md (default: PI)')
    how.add_argument('--R', type=positive, default=8, help="PI's repeats (default: 8)")
    how.add_argument('--iterations', type=positive, default=250, help='default: 250')
    how.add_argument('--clip-length', type=positive, default=7, help='frames (default: 7)')
    how.add_argument('--crop', type=positive, default=24, help='LR pixels (default: 24)')
    how.add_argument('--batch', type=positive, default=2, help='clips (default: 2)')
    how.add_argument('--lr', type=float, default=5e-5, help='learning rate (default: 5e-5)')
    test = parser.add_argument_group('evaluation')
    test.add_argument('--held-out', type=positive, default=2, help='videos (default: 2)')
    test.add_argument(
        '--frames', type=positive, default=300, help='length of still videos (default: 300)'
    )
    test.add_argument(
        '--window', type=window, default=(64, 64), metavar='WxH', help='LR pixels (default: 64x64)'
    )
    add_cfg_options(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    from harness.cli import user_errors
    from harness.errors import fail

    with user_errors():
        if args.output.exists():
            fail(f'--output {args.output}: exists; give another name')
        if args.output.suffix != '.pth':
            fail(f'--output {args.output}: give a file that ends in .pth')
        work_dir = args.work_dir or Path('work_dirs') / f'cure_{args.output.stem}'
        grid_file = prepare(args, work_dir.absolute())
        from harness import run_grid

        code = run_grid.main([str(grid_file), '--work-dir', str(work_dir)])
        if code == 0:
            save(work_dir, args.output)
            print(f'{args.output}: the new weights; report: {work_dir}/report/index.html')
        return code


def prepare(args: argparse.Namespace, work_dir: Path) -> Path:
    """Makes the test sets, and writes the config and the grid file into the work directory.

    Returns:
        The grid file.

    Raises:
        UserError: A config or checkpoint does not exist, or too many videos are held out.
        DatasetError: The set cannot be used.
    """
    from mmengine.config import Config

    from dataset_tools.crop import make_crop_set
    from dataset_tools.manifest import VideoSet
    from dataset_tools.static import make_static_set
    from harness.configs import load_config
    from harness.errors import fail

    cfg = load_config(str(args.config), args.cfg_options)
    if not args.weights.is_file():
        fail(f'checkpoint {args.weights}: no such file')
    lr_kind = cfg.get('lr_kind', 'lr_bd')
    source = VideoSet.load(args.data)
    source.require('gt', lr_kind)
    held_out = list(source.videos)[-args.held_out :]
    left = len(source.videos) - len(held_out)
    if not left:
        fail(
            f'--held-out {args.held_out}: leaves none of the {len(source.videos)} videos of '
            f'{args.data} for training; give a smaller number or a larger set'
        )
    moving, static = work_dir / 'data/moving', work_dir / 'data/static'
    make_crop_set(args.data, moving, args.window, 30, videos=held_out)
    make_static_set(moving, static, args.frames)
    config, grid_file = work_dir / 'config.py', work_dir / 'grid.py'
    set_recipe(cfg, args, held_out)
    cfg.dump(config)
    weights = str(args.weights.absolute())
    network = dict(config=str(config), weights=weights, label=args.weights.stem)
    bicubic = dict(config='mm_configs/bicubic/bicubic_bi.py', options=[f'lr_kind={lr_kind}'])
    grid = dict(
        networks=dict(network=network, bicubic=dict(bicubic, label='Bicubic')),
        train_sets=dict(data=dict(root=str(args.data.absolute()), label=source.name)),
        test_sets=dict(
            moving=dict(root=str(moving), label='Moving'),
            static=dict(root=str(static), label='Static'),
        ),
        sweeps=[
            dict(networks=['network'], strategies=[None, args.strategy], R=[args.R]),
            dict(networks=['bicubic'], strategies=[None]),
        ],
        jobs=1,
    )
    Config(grid).dump(grid_file)
    return grid_file


def set_recipe(cfg: 'Config', args: argparse.Namespace, held_out: list[str]) -> None:
    """Replaces the training data, optimizer and schedule of a config."""
    cfg.train_cfg.update(
        max_iters=args.iterations, clip_length=args.clip_length, crop_size=args.crop
    )
    dataset = dict(data_root=str(args.data.absolute()), leave_out=held_out)
    cfg.train_dataloader.update(batch_size=args.batch)
    cfg.train_dataloader.dataset.update(dataset, lr_kind=cfg.get('lr_kind', 'lr_bd'))
    cfg.optim_wrapper = dict(
        type='OptimWrapper',
        optimizer=dict(type='Adam', lr=args.lr, betas=(0.9, 0.99)),
        paramwise_cfg=dict(custom_keys=dict.fromkeys(_FLOW, dict(lr_mult=0.1))),
        clip_grad=dict(max_norm=1.0),
    )
    schedule = dict(begin=0, end=args.iterations, T_max=args.iterations, eta_min=1e-7)
    cfg.param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=False, **schedule)]
    cfg.default_hooks.logger.update(interval=10)
    cfg.default_hooks.checkpoint.update(interval=max(args.iterations // 4, 1))


def save(work_dir: Path, output: Path) -> None:
    """Copies the final weights of the training to ``output``."""
    import torch

    from harness.checkpoints import read_weights
    from harness.runs.files import replacing
    from harness.runs.grid_json import read_grid_record
    from harness.training.checkpoints import latest_checkpoint

    (run,) = (run for run in read_grid_record(work_dir).runs if run['strategy'])
    checkpoint = latest_checkpoint(work_dir / 'runs' / run['run_id'])
    weights = read_weights(str(checkpoint), 'checkpoint')
    output.parent.mkdir(parents=True, exist_ok=True)
    with replacing(output) as temporary:
        torch.save(dict(state_dict=weights), temporary)


if __name__ == '__main__':
    sys.exit(main())
