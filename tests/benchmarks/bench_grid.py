"""Cost of the harness around runs: ``python tests/benchmarks/bench_grid.py``.

Needs the sample sets (``python -m dataset_tools sample``). Writes work_dirs/bench/grid.csv:

- ``status``: seconds of ``run_grid.py --status`` for 1,001 runs with 15 evaluations each, a third
  of them done, a third running and a third failed (wanted: 2 s);
- ``run``: seconds that one more run takes, of a single training step on a tiny network and an
  evaluation of one short video, started by the fork server (wanted: 2 s of overhead, which this is
  together with the work itself).

Medians, by the clock; other load lengthens them.
"""

import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.grid.expand import expand, run_folder
from harness.grid.validation import load_grid
from harness.runs import claims
from harness.runs.evaluations import record_evaluation
from harness.runs.task import Task

REPOSITORY = Path(__file__).resolve().parents[2]
QUICKSTART = 'mm_configs/grids/quickstart.py'
SEEDS = list(range(200))
AXES = dict(networks=['frvsr_rr'], seeds=SEEDS, reset_every=[None, 9, 15])
WANTED = 2.0
TINY = """
_base_ = '{repository}/mm_configs/frvsr/frvsr_rr_quickstart.py'
model = dict(generator=dict(mid_channels=8, flow_net=dict(channels=8)))
train_cfg = dict(max_iters=1, clip_length=4, crop_size=16)
train_dataloader = dict(batch_size=1)
"""
GRID = """
networks = dict(tiny=dict(config='{folder}/tiny.py'))
train_sets = dict(sample=dict(root='{repository}/data/sample/train'))
test_sets = dict(clip=dict(root='{folder}/clip'))
sweeps = [dict(strategies=['RI'], seeds=list(range({runs})))]
"""


def run_grid(*args) -> float:
    """Seconds of the command."""
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, 'harness/run_grid.py', *map(str, args)],
        cwd=REPOSITORY,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - begin


def make_statuses(work_dir: Path) -> list[str]:
    """Made-up runs in every state; the options of run_grid that plan them."""
    grid = load_grid(
        QUICKSTART, dict(networks=['frvsr_rr'], seeds=SEEDS, reset_every=[None, 9, 15])
    )
    for number, run in enumerate(expand(grid)):
        folder = run_folder(work_dir, run)
        folder.path.mkdir(parents=True)
        evaluations = grid.evaluation.evaluations(run.variants)
        Task(run.is_trained, False, False, 60, evaluations).write(folder)
        if number % 3 == 0:
            for evaluation in evaluations:
                folder.frames_csv(evaluation.key).write_text('video,frame\n')
                record_evaluation(folder, evaluation, 500)
            folder.write_status('DONE')
        elif number % 3 == 1:
            claims.take(folder.path)
            where = dict(stage='train', iteration=5, max_iters=10, first=0)
            folder.write_status('RUNNING', **where, begun=time.time())
        else:
            folder.write_failure('loss is nan')
    seeds = ','.join(map(str, SEEDS))
    return ['--set', 'network=frvsr_rr', '--set', 'reset_every=none,9,15', '--seeds', seeds]


def seconds_of_status() -> float:
    with tempfile.TemporaryDirectory() as folder:
        options = make_statuses(Path(folder))
        command = [QUICKSTART, '--work-dir', folder, *options, '--status']
        return statistics.median(run_grid(*command) for _ in range(5))


def seconds_of_run(few: int = 2, many: int = 12) -> float:
    """Of one more run: the difference between a grid of few runs and one of many."""
    with tempfile.TemporaryDirectory() as folder:
        clip = [sys.executable, '-m', 'dataset_tools', 'static', 'data/sample/moving']
        subprocess.run(
            [*clip, '--output', f'{folder}/clip', '--frames', '2'], check=True, cwd=REPOSITORY
        )
        names = dict(repository=REPOSITORY, folder=folder)
        Path(folder, 'tiny.py').write_text(TINY.format(**names))
        seconds = {few: [], many: []}
        for repetition in range(3):
            for runs in seconds:
                grid = Path(folder, f'grid_{runs}_{repetition}.py')
                grid.write_text(GRID.format(**names, runs=runs))
                work_dir = Path(folder, grid.stem)
                run_grid(grid, '--work-dir', work_dir, '--jobs', 1)
                # not the reports: from the first claim to the last result
                ended = [p.stat().st_mtime for p in work_dir.glob('runs/*/status.json')]
                seconds[runs].append(max(ended) - min(ended))
        return (statistics.median(seconds[many]) - statistics.median(seconds[few])) / (many - few)


def main() -> None:
    """Runs the benchmark."""
    os.chdir(REPOSITORY)
    rows = [('status', seconds_of_status()), ('run', seconds_of_run())]
    path = Path('work_dirs/bench/grid.csv')
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['what', 'seconds', 'share_of_wanted'])
        for what, seconds in rows:
            writer.writerow([what, f'{seconds:.2f}', f'{seconds / WANTED:.2f}'])
            print(f'{what:8}{seconds:6.2f} s, wanted {WANTED} s')


if __name__ == '__main__':
    main()
