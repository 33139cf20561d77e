"""One command for a machine with a GPU, at most ten minutes: ``make gpu-check``.

First the tests marked ``gpu``. Then, with the full-size networks of the PI-BPTT paper, what its
Table V has: training time per iteration of RI and PI for R = 1 to 64 (l = 15, LR crops of 64x64,
batches of 4 and 8), inference time at 180x320, peak memory, each with and without ``torch.compile``
(inference only). Writes work_dirs/gpu_check/gpu_check.csv and gpu_check.md.

A PI training of one epoch gives the time of a step and of the state pass; the time per iteration
for each R is step + state pass / iterations of the epoch (paper, Sec. VI-A). ``--small`` tries
everything out on small networks and frames, also on a CPU.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from mmengine.config import Config
from mmengine.hooks import Hook

import harness.networks.zoo  # noqa: F401  (fills the registry)
from dataset_tools.frames import read_frame
from dataset_tools.sample.frames import photograph_path
from dataset_tools.sliding_window import sliding_window
from dataset_tools.writer import build_set
from harness.evaluation.inference import super_resolve
from harness.evaluation.model import default_device, load_model
from harness.gpus import unusable_gpus
from harness.training.run import device_name, train

OUTPUT = Path('work_dirs/gpu_check')
CONFIGS = {
    'FRVSR': 'mm_configs/frvsr/frvsr_paper.py',
    'BasicVSR': 'mm_configs/basicvsr/basicvsr_paper.py',
}
REPEATS = (1, 2, 4, 8, 16, 32, 48, 64)


class Sizes(NamedTuple):
    """How large everything is."""

    crop: int = 64
    frames: int = 120
    clip: int = 15
    batches: tuple[int, ...] = (4, 8)
    iterations: int = 10
    inference: tuple[int, int] = (180, 320)
    network: dict = {}


SMALL = Sizes(16, 20, 4, (2,), 4, (24, 32), dict(num_blocks=1))


def make_set(root: Path, sizes: Sizes) -> Path:
    """Eight videos that move over photographs, a little larger than the crops."""
    names = ('coffee.png', 'astronaut.png', 'chelsea.png', 'rocket.jpg') * 2
    window = (sizes.crop, sizes.crop)
    videos = (
        (
            f'video{number}',
            sliding_window(read_frame(photograph_path(name)), window, 1, 'diagonal', sizes.frames),
        )
        for number, name in enumerate(names)
    )
    total = len(names) * sizes.frames
    build_set(root, tool='t', parameters={}, source=None, total=total, videos=videos)
    return root


def training_times(name: str, root: Path, folder: Path, batch: int, sizes: Sizes) -> list[dict]:
    """Milliseconds per iteration of RI and of PI for each R, and the peak of memory."""
    cfg = Config.fromfile(CONFIGS[name], import_custom_modules=False)
    cfg.model.generator.update(sizes.network)
    videos = 8
    repeats = -(-sizes.iterations * batch // videos)
    cfg.train_cfg = dict(
        type='PIBPTTLoop',
        repeats=repeats,
        max_iters=sizes.iterations,
        clip_length=sizes.clip,
        crop_size=sizes.crop,
    )
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False, batch_size=batch)
    cfg.train_dataloader.dataset.update(data_root=str(root), cache=True)
    cfg.default_hooks.checkpoint.update(interval=10**9, save_last=False)
    cfg.visualizer.vis_backends = [dict(type='mmengine.LocalVisBackend')]
    cfg.work_dir, cfg.log_level, cfg.launcher = str(folder), 'ERROR', 'none'
    cfg.experiment_name = f'{name}{batch}_{time.monotonic_ns()}'
    cold = dict(cfg.train_cfg, max_iters=2)
    measured, cfg.train_cfg = cfg.train_cfg, cold
    train(cfg.copy())  # chooses kernels, decodes the frames
    cfg.train_cfg, cfg.experiment_name = measured, cfg.experiment_name + '_measured'
    timer = _Timer()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    train(cfg, [timer])
    parts = timer.loop.timer.seconds
    step = (parts['step'] + parts['load']) / sizes.iterations
    about = dict(network=name, batch=batch)
    rows = [dict(about, quantity='training_ms', strategy='RI', value=1e3 * step)]
    for r in REPEATS:
        share = parts['state_pass'] * batch / (r * videos)
        rows.append(
            dict(about, quantity='training_ms', strategy='PI', R=r, value=1e3 * (step + share))
        )
    if torch.cuda.is_available():
        peak = torch.cuda.max_memory_allocated() / 1e9
        rows.append(dict(about, quantity='training_peak_gb', strategy='PI', R=repeats, value=peak))
    return rows


class _Timer(Hook):
    """Keeps the loop."""

    def before_train(self, runner):
        self.loop = runner.train_loop


def inference_times(name: str, sizes: Sizes) -> list[dict]:
    """Milliseconds a frame, frames a second and peak of memory, compiled and not."""
    cfg = Config.fromfile(CONFIGS[name], import_custom_modules=False)
    cfg.model.generator.update(sizes.network)
    device, rows = default_device(), []
    net = load_model(cfg, None, device).generator
    frames = torch.randint(0, 256, (20, *sizes.inference, 3), dtype=torch.uint8).numpy()
    for compiled in (False, True) if device.type == 'cuda' else (False,):
        if compiled:
            net.compile()
        about = dict(network=name, compiled=compiled)
        try:
            list(super_resolve(net, frames[:6], device))  # chooses kernels, compiles
            if device.type == 'cuda':
                torch.cuda.reset_peak_memory_stats()
            begin = time.perf_counter()
            ms = [sr.ms for sr in super_resolve(net, frames, device)]
        except Exception as error:  # of the compiler; the rest is of use without it
            rows.append(dict(about, quantity='failed', value=str(error).splitlines()[0]))
            continue
        seconds = time.perf_counter() - begin
        rows.append(dict(about, quantity='inference_ms', value=sum(ms) / len(ms)))
        rows.append(dict(about, quantity='frames_per_second', value=len(ms) / seconds))
        if device.type == 'cuda':
            peak = torch.cuda.max_memory_allocated() / 1e9
            rows.append(dict(about, quantity='inference_peak_gb', value=peak))
    return rows


def write(rows: list[dict], tests: str) -> None:
    """The figures as CSV and page."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(rows)
    table.to_csv(OUTPUT / 'gpu_check.csv', index=False)
    shown = table.fillna('').to_string(index=False)
    about = f'{device_name()}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}'
    page = f'# GPU check\n\n{about}; tests: {tests}\n\n```\n{shown}\n```\n'
    (OUTPUT / 'gpu_check.md').write_text(page)
    print(f'{page}\n{OUTPUT}: written')


def main() -> int:
    """Runs tests and measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--small', action='store_true', help='try it out, also without a GPU')
    args = parser.parse_args()
    if not args.small and (not torch.cuda.is_available() or unusable_gpus()):
        print(f'error: {unusable_gpus() or "there is no GPU"}', file=sys.stderr)
        return 1
    command = [sys.executable, '-m', 'pytest', '-q', '-m', 'gpu', 'tests/harness']
    tests = 'not run' if args.small else ('passed', 'FAILED')[bool(subprocess.call(command))]
    sizes, rows = SMALL if args.small else Sizes(), []
    with tempfile.TemporaryDirectory() as temporary:
        root = make_set(Path(temporary) / 'set', sizes)
        for name in CONFIGS:
            for batch in sizes.batches:
                rows += training_times(name, root, Path(temporary) / 'run', batch, sizes)
            rows += inference_times(name, sizes)
    write(rows, tests)
    return int(tests == 'FAILED')


if __name__ == '__main__':
    sys.exit(main())
