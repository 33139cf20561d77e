"""Speed of the metrics on 720p frames: ``python tests/benchmarks/bench_metrics.py``.

PSNR and SSIM of Y are compared with MMagic's own (wanted: at least 5 times its speed, values within
1e-3 dB and 1e-5); all others are set against our PSNR and SSIM, so that one knows what they cost.
Everything works on one thread. The two of a comparison take turns, times are of the processor, and
medians are given, for other load on the machine comes and goes. Frames are bigbuckbunny.mp4's,
1280x720, with noise for SR. Writes work_dirs/bench/metrics.csv.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch

from dataset_tools.sample.frames import origin_frames
from dataset_tools.sample.plan import Origin
from harness import compat
from harness.evaluation.protocols import PROTOCOLS
from harness.evaluation.scorer import BASIC_METRICS, VideoScorer

compat.apply()

from mmagic.evaluation.metrics import psnr as mmagic_psnr  # noqa: E402
from mmagic.evaluation.metrics import ssim as mmagic_ssim  # noqa: E402

TARGET = 5
TOLERANCES = (1e-3, 1e-5)  # dB, SSIM
Frames = list[np.ndarray]


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--repeats', type=int, default=9)
    repeats = parser.parse_args().repeats
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    gts = list(origin_frames(Origin('bigbuckbunny.mp4', (0, repeats))))
    rng = np.random.default_rng(0)
    srs = [np.rint((gt + rng.normal(0, 8, gt.shape)).clip(0, 255)).astype(np.uint8) for gt in gts]
    ours = _scorer()
    rows = [_compare('MMagic PSNR, SSIM', _mmagic, ours, gts, srs)]
    _check_values(rows[0], gts, srs)
    for name, protocol in PROTOCOLS.items():
        if name != 'default' and not protocol.against_lr:
            rows.append(_compare(f'protocol {name}', _scorer(protocol=protocol), ours, gts, srs))
    for name in ('tof', 'warp_error'):
        rows.append(_compare(f'with {name}', _scorer(name), ours, gts, srs))
    path = Path('work_dirs/bench/metrics.csv')
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('w', newline='') as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    print(f'{path}: written')


def _scorer(*metrics: str, protocol=PROTOCOLS['default']) -> Callable[..., dict[str, float]]:
    return VideoScorer([*BASIC_METRICS, *metrics], protocol)


def _mmagic(gt: np.ndarray, sr: np.ndarray) -> dict[str, float]:
    settings = dict(convert_to='Y', channel_order='RGB')
    return dict(psnr_y=mmagic_psnr(gt, sr, **settings), ssim_y=mmagic_ssim(gt, sr, **settings))


def _compare(name: str, other: Callable, ours: Callable, gts: Frames, srs: Frames) -> dict:
    """Times both on every frame; the first one warms up."""
    times = [
        (_seconds(partial(other, gt, sr)), _seconds(partial(ours, gt, sr)))
        for gt, sr in zip(gts, srs, strict=True)
    ][1:]
    row = {
        'compared': name,
        'ms': round(1e3 * median(other for other, _ in times), 1),
        'ms_ours': round(1e3 * median(ours for _, ours in times), 1),
        'times_ours': round(median(other / ours for other, ours in times), 2),
        'psnr_difference': '',
        'ssim_difference': '',
    }
    print(f'{name}: {row["ms"]} ms, {row["times_ours"]} times our PSNR and SSIM')
    return row


def _check_values(row: dict, gts: Frames, srs: Frames) -> None:
    """Adds the largest differences from MMagic's values, and says if a target is missed."""
    ours = _scorer()
    pairs = [(_mmagic(gt, sr), ours(gt, sr)) for gt, sr in zip(gts, srs, strict=True)]
    largest = [max(abs(a[m] - b[m]) for a, b in pairs) for m in BASIC_METRICS]
    row['psnr_difference'], row['ssim_difference'] = (f'{value:.1e}' for value in largest)
    print(f'differences from MMagic: {largest[0]:.1e} dB, {largest[1]:.1e}')
    if row['times_ours'] < TARGET or any(
        value > limit for value, limit in zip(largest, TOLERANCES, strict=True)
    ):
        print(f'above {TOLERANCES[0]} dB or {TOLERANCES[1]}, or below {TARGET} times the speed')


def _seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


if __name__ == '__main__':
    main()
