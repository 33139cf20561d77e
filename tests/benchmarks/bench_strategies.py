"""Time and memory of the strategies: ``python tests/benchmarks/bench_strategies.py``.

With the paper's proportions (videos of T = 120 frames, clips of l = 15, B = 4), a narrow FRVSR and
small windows, PI-BPTT's time per iteration relative to RI-BPTT's for each R, beside

- the paper's ratio (Table VI),
- the arithmetic floor for the very start frames that were drawn: the frames of the state pass, one
  forward pass each, over the frames of the iterations, three forward passes each.

PI and RI trainings of equally many iterations take turns in one process; the comparison is of
processor time, which other load on the machine disturbs less, and medians of pairs are given.
Then the peak memory of processes that train RI, PI with the states that are used, and with all,
above what each has after the imports and a training with RI.
Writes work_dirs/bench/strategies.csv and strategies_memory.csv.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import pandas as pd
from mmengine.config import Config
from mmengine.hooks import Hook

from dataset_tools.frames import read_frame
from dataset_tools.sample.frames import photograph_path
from dataset_tools.sliding_window import sliding_window
from dataset_tools.writer import build_set
from harness.training.run import train

FRAMES, CLIP, BATCH, WINDOWS = 120, 15, 4, 4
PAPER = {2: 3.33, 4: 2.37, 8: 1.83, 16: 1.48, 32: 1.18, 48: 1.09, 64: 1.034}
CONFIG = 'mm_configs/frvsr/frvsr_paper.py'
FRVSR = dict(
    type='FRVSRNet',
    mid_channels=16,
    num_blocks=2,
    tail='pixel_shuffle',
    flow_net=dict(type='ConvFlowNet', channels=16),
)
_runs = 0

MEASURE = """
import pathlib, runpy, sys
from tests.benchmarks.memory import PeakMemory

bench = runpy.run_path(sys.argv[1])
place = [pathlib.Path(path) for path in sys.argv[2:4]]
bench['run'](*place, dict(type='RIBPTTLoop'), 2, {crop})  # decodes the frames
peak = PeakMemory()
meter = bench['run'](*place, {loop}, 2, {crop})
bank = getattr(meter.loop, 'bank', None)
print(peak.megabytes(), bank.nbytes if bank else 0)
"""


class Meter(Hook):
    """Processor and wall seconds from the first to the last iteration."""

    def before_train(self, runner):
        self.begin = time.process_time(), time.perf_counter()

    def after_train(self, runner):
        self.processor = time.process_time() - self.begin[0]
        self.wall = time.perf_counter() - self.begin[1]
        self.loop = runner.train_loop


def make_set(root: Path) -> Path:
    """Four videos of 120 frames, LR 40 x 40: windows that move over photographs."""
    names = ('coffee.png', 'astronaut.png', 'chelsea.png', 'rocket.jpg')
    videos = (
        (
            name.partition('.')[0],
            sliding_window(
                read_frame(photograph_path(name))[:300, :400], (40, 40), 1, 'diagonal', FRAMES
            ),
        )
        for name in names
    )
    build_set(root, tool='t', parameters={}, source=None, total=4 * FRAMES, videos=videos)
    return root


def _photo(name):
    return read_frame(photograph_path(name))[:300, :400]


def run(root: Path, folder: Path, loop: dict, iterations: int, crop: int) -> Meter:
    """Trains for some iterations."""
    global _runs
    _runs += 1
    cfg = Config.fromfile(CONFIG, import_custom_modules=False)
    cfg.model.generator = FRVSR
    cfg.train_cfg = dict(
        max_iters=iterations, clip_length=CLIP, crop_size=crop, windows_per_video=WINDOWS, **loop
    )
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False, batch_size=BATCH)
    cfg.train_dataloader.dataset.update(data_root=str(root), cache=True)
    cfg.default_hooks.checkpoint.interval = 10**9
    cfg.default_hooks.checkpoint.save_last = False
    cfg.visualizer.vis_backends = [dict(type='mmengine.LocalVisBackend')]
    cfg.work_dir, cfg.log_level, cfg.launcher = str(folder), 'ERROR', 'none'
    cfg.experiment_name = f'bench{_runs}'
    meter = Meter()
    train(cfg, [meter])
    return meter


def floor_of(loop, iterations: int) -> float:
    """The ratio if nothing but frames cost time."""
    passed, epoch = 0, 0
    while loop.planner.first_iteration(epoch) < iterations:
        starts = [0] * loop.planner.num_entries
        for batch in loop.planner.plan(epoch).batches:
            for clip in batch:
                starts[clip.entry] = max(starts[clip.entry], clip.index.start)
        passed += sum(starts)
        epoch += 1
    return 1 + passed / (3 * iterations * BATCH * CLIP)


def compare_times(root: Path, folder: Path, repeats: list[int], pairs: int, crop: int) -> None:
    """Prints and writes PI/RI for each R."""
    rows = []
    run(root, folder, dict(type='RIBPTTLoop'), 4, crop)  # decodes the frames, warms up
    for r in repeats:
        iterations = 4 * WINDOWS * r // BATCH * max(1, 16 // r)
        times = []
        for _ in range(pairs):
            pi = run(root, folder, dict(type='PIBPTTLoop', repeats=r), iterations, crop)
            ri = run(root, folder, dict(type='RIBPTTLoop'), iterations, crop)
            times.append((pi.processor, ri.processor, pi.loop.timer.seconds['state_pass']))
        ratios = sorted(p / q for p, q, _ in times)
        row = dict(
            R=r,
            iterations=iterations,
            pairs=pairs,
            ms_ri=round(1e3 * median(q for _, q, _ in times) / iterations, 2),
            ms_pi=round(1e3 * median(p for p, _, _ in times) / iterations, 2),
            state_pass_ms=round(1e3 * median(s for _, _, s in times) / iterations, 2),
            ratio=round(median(ratios), 3),
            lowest=round(ratios[0], 3),
            highest=round(ratios[-1], 3),
            floor=round(floor_of(pi.loop, iterations), 3),
            paper=PAPER[r],
        )
        print(*(f'{key} {value};' for key, value in row.items()), flush=True)
        rows.append(row)
    write(rows, 'strategies')


def peak_memory(root: Path, folder: Path, crop: int) -> None:
    """Prints and writes the peak memory of training with few and with all states."""
    rows = []
    for name, loop in (
        ('RI', dict(type='RIBPTTLoop')),
        ('PI, used states', dict(type='PIBPTTLoop', repeats=8)),
        ('PI, all states', dict(type='PIBPTTLoop', repeats=8, states='all')),
    ):
        code = MEASURE.format(loop=loop, crop=crop)
        command = [sys.executable, '-c', code, __file__, str(root), str(folder)]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        peak, bank = map(float, out.splitlines()[-1].split())
        rows.append(
            dict(
                strategy=name,
                bank_mb=round(bank / 1e6, 1),
                peak_mb=round(peak),
            )
        )
        print(*(f'{key} {value};' for key, value in rows[-1].items()), flush=True)
    write(rows, 'strategies_memory')


def write(rows: list[dict], name: str) -> None:
    """Writes raw figures."""
    path = Path(f'work_dirs/bench/{name}.csv')
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)
    print(f'{path}: written')


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--pairs', type=int, default=5, help='repetitions')
    parser.add_argument('--R', type=int, nargs='+', choices=PAPER, default=list(PAPER))
    parser.add_argument('--crop', type=int, default=16, help='side of the LR windows')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root, folder = make_set(Path(temporary) / 'set'), Path(temporary) / 'run'
        compare_times(root, folder, args.R, args.pairs, args.crop)
        peak_memory(root, folder, 2 * args.crop)


if __name__ == '__main__':
    main()
