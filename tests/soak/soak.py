"""A grid of 200 tiny runs under random kills and damage ends with the numbers of an undisturbed one.

Real training steps on real crops. First the grid runs undisturbed, then again while its workers and
run_grid itself are killed, stopped and signalled, and files of runs are damaged; at last it is
left to finish. Every frame's PSNR and SSIM must then be the same. Takes about half an hour on two
cores:

    python tests/soak/soak.py work_dirs/soak --minutes 10

``events.txt`` says what happened when. With the seed that is printed the same troubles come in the
same order after the same pauses:

    python tests/soak/soak.py work_dirs/replay --minutes 10 --seed SEED
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd

REPOSITORY = Path(__file__).resolve().parents[2]
LENGTHS = {'coffee': 12, 'astronaut': 14, 'chelsea': 16}
CONFIG = """
_base_ = '{repository}/mm_configs/frvsr/frvsr_rr_quickstart.py'
model = dict(generator=dict(mid_channels=8, flow_net=dict(channels=8)))
train_cfg = dict(max_iters={iterations}, clip_length=4, crop_size=16, windows_per_video=2)
train_dataloader = dict(batch_size=2)
default_hooks = dict(checkpoint=dict(interval=10), logger=dict(interval=20))
"""
GRID = """
networks = dict(tiny=dict(config='{folder}/tiny.py', label='Tiny'))
train_sets = dict(real=dict(root='{data}', label='Real'))
test_sets = dict(moving=dict(root='{data}', label='Moving'))
sweeps = [
    dict(strategies=['RI'], seeds=list(range({half})), reset_every=[None, 8]),
    dict(strategies=['PI'], R=[4], seeds=list(range({half}))),
]
jobs = 2
"""


def make_data(root: Path) -> None:
    """Three short videos: windows that move over photographs."""
    from dataset_tools.frames import read_frame
    from dataset_tools.sample.frames import photograph_path
    from dataset_tools.sliding_window import sliding_window
    from dataset_tools.writer import build_set

    photographs = {n: read_frame(photograph_path(f'{n}.png')) for n in LENGTHS}
    videos = (
        (name, sliding_window(photographs[name], (24, 32), 1, 'diagonal', frames))
        for name, frames in LENGTHS.items()
    )
    build_set(
        root,
        tool='sliding-window',
        parameters={},
        source='photographs',
        total=sum(LENGTHS.values()),
        videos=videos,
    )


class Soak:
    """The disturbed grid.

    Args:
        grid_file: the grid.
        work_dir: its work directory.
        seed: of the disturbances.
    """

    def __init__(self, grid_file: Path, work_dir: Path, seed: int) -> None:
        self.grid_file, self.work_dir = grid_file, work_dir
        self.random = random.Random(seed)
        self._begin = time.monotonic()
        self.happened: Counter[str] = Counter()
        self.parent: subprocess.Popen = self.start()

    def start(self) -> subprocess.Popen:
        """run_grid; failed runs are started again."""
        self.note('run_grid started')
        return start_grid(self.grid_file, self.work_dir)

    def disturb(self, seconds: float) -> None:
        """Disturbs the grid every few seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(self.random.uniform(0.3, 4))
            if self.parent.poll() is not None:
                self.parent = self.start()
            trouble = self.random.choices(
                [
                    self.kill_worker,
                    self.terminate_worker,
                    self.kill_parent,
                    self.interrupt_parent,
                    self.damage_checkpoint,
                    self.truncate_result,
                    self.damage_record,
                ],
                [8, 4, 3, 1, 3, 2, 2],
            )[0]
            if trouble():
                self.note(trouble.__name__.replace('_', ' '))

    def note(self, event: str) -> None:
        self.happened[event] += 1
        with self.work_dir.with_name('events.txt').open('a') as events:
            events.write(f'{time.monotonic() - self._begin:8.2f} s  {event}\n')

    def workers(self) -> list[int]:
        """Processes that hold a run."""
        from harness.runs.claims import current_claim

        claims = map(current_claim, self.work_dir.glob('runs/*'))
        return [claim.owner.pid for claim in claims if claim and claim.is_held]

    def kill_worker(self, number: int = signal.SIGKILL) -> bool:
        found = self.workers()
        if found:
            _kill(self.random.choice(found), number)
        return bool(found)

    def terminate_worker(self) -> bool:
        return self.kill_worker(self.random.choice([signal.SIGTERM, signal.SIGUSR1]))

    def kill_parent(self) -> bool:
        _kill(self.parent.pid, signal.SIGKILL)
        return True

    def interrupt_parent(self) -> bool:
        _kill(self.parent.pid, signal.SIGINT)
        return True

    def damage_checkpoint(self) -> bool:
        """Cuts the end of the last checkpoint of any run."""
        return self._cut('iter_*.pth')

    def truncate_result(self) -> bool:
        return self._cut('frames_*.csv')

    def damage_record(self) -> bool:
        return self._cut('*.json', keep=7)

    def _cut(self, pattern: str, keep: int = 0) -> bool:
        files = [p for p in self.work_dir.glob(f'runs/*/{pattern}') if '.claim' not in p.name]
        files = [p for p in files if not p.name.startswith('claim')]
        if not files:
            return False
        path = self.random.choice(files)
        try:
            os.truncate(path, keep or path.stat().st_size // 2)
        except FileNotFoundError:
            return False
        return True


def start_grid(grid_file: Path, work_dir: Path) -> subprocess.Popen:
    command = [sys.executable, REPOSITORY / 'harness' / 'run_grid.py', grid_file]
    with open(work_dir.with_suffix('.log'), 'a') as log:
        return subprocess.Popen(
            [*map(str, command), '--work-dir', str(work_dir), '--retry-failed'],
            stdout=log,
            stderr=log,
            cwd=REPOSITORY,
        )


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def results(work_dir: Path) -> dict[str, pd.DataFrame]:
    """Per-frame results of all runs without the times."""
    return {
        str(path.relative_to(work_dir)): pd.read_csv(path).drop(columns='ms')
        for path in sorted(work_dir.glob('runs/*/frames_*.csv'))
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('folder', type=Path, help='for everything; must be new')
    parser.add_argument('--minutes', type=float, default=10, help='of disturbance')
    parser.add_argument('--runs', type=int, default=200)
    parser.add_argument('--iterations', type=int, default=60)
    parser.add_argument('--seed', type=int, help='of what happens (default: a new one)')
    args = parser.parse_args()
    # it is sent to children, which inherit that a background shell ignores it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    seed = random.randrange(10**6) if args.seed is None else args.seed
    print(f'seed {seed}', flush=True)
    folder = args.folder.resolve()
    if folder.exists():
        parser.error(f'{folder} exists')
    folder.mkdir(parents=True)
    make_data(folder / 'data')
    (folder / 'tiny.py').write_text(
        CONFIG.format(repository=REPOSITORY, iterations=args.iterations)
    )
    grid_file = folder / 'soak_grid.py'
    grid_file.write_text(GRID.format(folder=folder, data=folder / 'data', half=args.runs // 2))
    os.environ.setdefault('OMP_NUM_THREADS', '1')

    begin = time.monotonic()
    if start_grid(grid_file, folder / 'calm').wait():
        sys.exit(f'the undisturbed grid failed: {folder}/calm.log')
    calm_seconds = time.monotonic() - begin
    print(f'undisturbed: {calm_seconds:.0f} s', flush=True)

    begin = time.monotonic()
    soak = Soak(grid_file, folder / 'wild', seed)
    soak.disturb(60 * args.minutes)
    print(f'disturbed for {args.minutes:g} min: {dict(soak.happened)}', flush=True)
    soak.parent.wait()
    # a run that has lost all its checkpoints fails once, and is trained again then
    code = start_grid(grid_file, folder / 'wild').wait()
    code = code and start_grid(grid_file, folder / 'wild').wait()
    wild_seconds = time.monotonic() - begin

    calm, wild = results(folder / 'calm'), results(folder / 'wild')
    different = [name for name in calm if name not in wild or not calm[name].equals(wild[name])]
    summary = dict(
        seed=seed,
        runs=args.runs,
        undisturbed_seconds=round(calm_seconds),
        disturbed_seconds=round(wild_seconds),
        happened=dict(soak.happened),
        exit_code=code,
        results=len(calm),
        different=different,
    )
    (folder / 'summary.json').write_text(json.dumps(summary, indent=2))
    print(json.dumps(summary, indent=2))
    return int(bool(code or different or calm.keys() ^ wild.keys()))


if __name__ == '__main__':
    sys.path.insert(0, str(REPOSITORY))
    sys.exit(main())
