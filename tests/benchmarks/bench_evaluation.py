"""Evaluation against its slowest part: ``python tests/benchmarks/bench_evaluation.py``.

Reading the frames, the network and scoring are timed alone, then the evaluation of the whole set,
where they run beside each other. The network is as wide as makes it take about as long as scoring,
which is where running side by side has most to gain; with more than one processor the evaluation
should take at most 1.15 times as long as its slowest part. All take turns, and medians of the
turns' ratios are given, but a machine that does something else spoils them.
Writes work_dirs/bench/evaluation.csv.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pandas as pd
import torch
from mmagic.registry import MODELS

import harness.networks.zoo  # noqa: F401  (fills the registry)
from dataset_tools.frames import read_frame
from dataset_tools.manifest import VideoSet
from dataset_tools.sample.frames import photograph_path
from dataset_tools.sliding_window import sliding_window
from dataset_tools.writer import build_set
from harness.evaluation.evaluate import evaluate_set
from harness.evaluation.inference import super_resolve
from harness.evaluation.scorer import VideoScorer, metric_columns
from harness.evaluation.videos import set_frames

WIDTHS = (8, 16, 24, 32, 48, 64)
LR_SIZE = (64, 72)


def make_set(root: Path, frames: int) -> VideoSet:
    """Two videos, HR 256 x 288, of windows that move over photographs."""
    videos = (
        (
            name,
            sliding_window(
                read_frame(photograph_path(f'{name}.png')), LR_SIZE, 1, 'diagonal', frames
            ),
        )
        for name in ('coffee', 'astronaut')
    )
    made = build_set(root, tool='t', parameters={}, source=None, total=2 * frames, videos=videos)
    return made[0]


def seconds(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Time of some work, wall time by default."""
    begin = clock()
    work()
    return clock() - begin


class Parts:
    """The parts of an evaluation, each by itself."""

    def __init__(self, test_set: VideoSet):
        self.test_set = test_set
        self.lrs, self.gts = self.read()

    def read(self) -> tuple[list, list]:
        """LR and GT frames of each video."""
        return tuple(
            [list(set_frames(self.test_set, kind, video)) for video in self.test_set.videos]
            for kind in ('lr_bd', 'gt')
        )

    def network(self, net, frames: int | None = None) -> None:
        """Super-resolves every video, or the beginning of the first one."""
        for lrs in self.lrs if frames is None else [self.lrs[0][:frames]]:
            for _ in super_resolve(net, lrs, 'cpu', len(lrs)):
                pass

    def score(self, frames: int | None = None) -> None:
        """Scores GT against itself, shifted by one frame."""
        for gts in self.gts if frames is None else [self.gts[0][: frames + 1]]:
            scorer = VideoScorer(metric_columns((), has_masks=False))
            for gt, other in zip(gts[1:], gts, strict=False):
                scorer(gt, other)

    def matching_network(self, frames: int = 8) -> torch.nn.Module:
        """An FRVSR that takes about as long as scoring."""
        self.score(frames)
        wanted = seconds(lambda: self.score(frames), time.thread_time)
        found = {}
        for width in WIDTHS:
            net = MODELS.build(
                dict(
                    type='FRVSRNet',
                    mid_channels=width,
                    num_blocks=2,
                    tail='pixel_shuffle',
                    flow_net=dict(type='ConvFlowNet', channels=8),
                )
            ).eval()
            self.network(net, 2)
            took = seconds(lambda net=net: self.network(net, frames), time.thread_time)
            found[abs(took - wanted)] = net
        return found[min(found)]


def main() -> int:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--frames', type=int, default=150, help='of each of two videos')
    parser.add_argument('--repeats', type=int, default=5)
    args = parser.parse_args()
    if len(os.sched_getaffinity(0)) < 2:
        print('one processor: nothing can run side by side')
        return 0
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    with tempfile.TemporaryDirectory() as folder:
        parts = Parts(make_set(Path(folder) / 'set', args.frames))
        net = parts.matching_network()
        output = Path(folder) / 'frames.csv'
        works = {
            'reading': parts.read,
            'network': lambda: parts.network(net),
            'scoring': parts.score,
            'evaluation': lambda: evaluate_set(net, parts.test_set, output),
        }
        turns = pd.DataFrame(
            [{name: seconds(work) for name, work in works.items()} for _ in range(args.repeats)]
        )
    alone = turns.drop(columns='evaluation')
    row = dict(
        what='evaluation',
        **{f'{name}_s': round(median(turns[name]), 3) for name in works},
        of_its_slowest_part=round(median(turns['evaluation'] / alone.max(axis=1)), 3),
        of_all_parts=round(median(turns['evaluation'] / alone.sum(axis=1)), 3),
    )
    print(*(f'{key} {value};' for key, value in row.items()))
    path = Path('work_dirs/bench/evaluation.csv')
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame([row]).to_csv(path, index=False)
    print(f'{path}: written')
    return 0


if __name__ == '__main__':
    sys.exit(main())
