"""Our BasicVSR training step against MMagic's: ``python tests/benchmarks/bench_basicvsr_step.py``.

The same network, weights and batch (15 frames, RI), the loss of MMagic's own ``BasicVSR`` model and
ours, forward and backward and Adam step. The variants take turns; the comparison is of processor
time (of one thread), medians of pairs. Writes work_dirs/bench/basicvsr_step.csv.

Wanted is 0.8 of MMagic's time; measured are 0.99, and 0.89 to 0.91 with channels_last. Both share
the convolutions: four fifths of the step; the largest, at HR size, reach 92 to 105 GFLOP/s of the
118 that a thread can.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import torch
from mmagic.registry import MODELS
from mmengine.optim import OptimWrapper

import harness.networks.zoo  # noqa: F401  (fills the registry)
from dataset_tools.degrade.filters import degrade
from dataset_tools.frames import read_frame
from dataset_tools.sample.frames import photograph_path

FRAMES, LR_SIZE = 15, 32
LOSS = dict(type='CharbonnierLoss', loss_weight=1.0, reduction='mean')


def batch(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """LR (B, T, 3, h, w) and GT clips, uint8, that move over a photograph."""
    photo = read_frame(photograph_path('coffee.png'))
    still = degrade(photo, 'bd')
    lrs, gts = [], []
    for number in range(size):
        tops = [number * 8 + t for t in range(FRAMES)]
        lrs.append([still[t : t + LR_SIZE, t : t + LR_SIZE] for t in tops])
        gts.append([photo[4 * t : 4 * (t + LR_SIZE), 4 * t : 4 * (t + LR_SIZE)] for t in tops])
    return tuple(torch.from_numpy(np.array(x)).permute(0, 1, 4, 2, 3) for x in (lrs, gts))


def mmagic_step(net: dict, inputs, gts):
    """MMagic's model with its own preprocessor."""
    from mmagic.structures import DataSample  # after harness, which mends NumPy for it

    model = MODELS.build(
        dict(
            type='BasicVSR',
            generator=dict(net, type='BasicVSRNet'),
            pixel_loss=LOSS,
            train_cfg=dict(fix_iter=0),
            data_preprocessor=dict(type='mmagic.DataPreprocessor', mean=[0.0] * 3, std=[255.0] * 3),
        )
    )
    samples = [DataSample(gt_img=gt) for gt in gts]
    data = dict(inputs=list(inputs), data_samples=samples)
    return model, lambda optim: model.train_step(data, optim_wrapper=optim)


def our_step(net: dict, inputs, gts, **options):
    """Ours; ``options`` go to :class:`RecurrentVSR`."""
    model = MODELS.build(
        dict(
            type='RecurrentVSR',
            generator=dict(net, type='StatefulBasicVSRNet'),
            pixel_loss=LOSS,
            **options,
        )
    )
    data = dict(inputs=inputs, gts=gts)
    return model, lambda optim: model.train_step(data, optim_wrapper=optim)


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--repeats', type=int, default=9)
    parser.add_argument('--compile', action='store_true', help='measure torch.compile, too')
    args = parser.parse_args()
    torch.set_num_threads(1)
    net = dict(mid_channels=32, num_blocks=4)
    inputs, gts = batch(2)
    steps = {
        'mmagic': mmagic_step(net, inputs, gts),
        'ours': our_step(net, inputs, gts),
        'ours, channels_last': our_step(net, inputs, gts, channels_last=True),
    }
    if args.compile:
        steps['ours, compiled'] = our_step(net, inputs, gts)
    weights = steps['ours'][0].generator.state_dict()
    optims = {}
    for name, (model, _) in steps.items():
        model.generator.load_state_dict(weights)
        model.train()
        optims[name] = OptimWrapper(torch.optim.Adam(model.parameters(), lr=1e-4))
        if name == 'ours, compiled':
            model.generator.compile()
    losses = {name: float(step(optims[name])['loss']) for name, (_, step) in steps.items()}
    assert max(losses.values()) - min(losses.values()) < 1e-4, losses
    seconds = {name: [] for name in steps}
    for _ in range(args.repeats):
        for name, (_, step) in steps.items():
            begin = time.process_time()
            step(optims[name])
            seconds[name].append(time.process_time() - begin)
    rows = [
        dict(
            variant=name,
            ms=round(1e3 * median(s), 1),
            times_mmagic=round(median(a / b for a, b in zip(s, seconds['mmagic'], strict=True)), 3),
        )
        for name, s in seconds.items()
    ]
    path = Path('work_dirs/bench/basicvsr_step.csv')
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)
    for row in rows:
        print(*(f'{key} {value};' for key, value in row.items()))
    print(f'{path}: written; one thread')


if __name__ == '__main__':
    main()
