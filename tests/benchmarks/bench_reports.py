"""Time of a whole report of 100 runs: ``python tests/benchmarks/bench_reports.py``.

The grid is made up: two networks, two training sets, five strategies and five seeds, evaluated on
sets of the lengths of Vid4, REDS4, Quasi-Static and Composit, with two optional quantities a frame.
Writes work_dirs/bench/reports.csv: seconds of each stage and of the command (wanted: 60 s), by the
clock and of the processor. The smaller is judged: other load lengthens the first, and work on
several processors the second.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from reports.differences import differences
from reports.excel.workbook import write_workbook
from reports.outputs import Outputs
from reports.paper import compare
from reports.results import load_grid
from reports.tables.standard import all_tables

TARGET_SECONDS = 60
TEST_SETS = {
    'vid4': ('Vid4', [41, 34, 49, 47]),
    'reds4': ('REDS4', [100] * 4),
    'quasi_static': ('Quasi-Static', [379, 172, 250, 300]),
    'composit': ('Composit', [181] * 11 + [298] * 4),
}
STRATEGIES = [('RI', False, None), *(('PI', fc, r) for fc in (False, True) for r in (1, 8))]


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--keep', type=Path, help='make the grid here and leave it there')
    keep = parser.parse_args().keep
    with tempfile.TemporaryDirectory() as folder:
        work_dir = keep or Path(folder)
        runs = make_grid(work_dir, seeds=5)
        rows = _stages(work_dir)
    total = min(rows[-1]['seconds'], rows[-1]['processor_seconds'])
    rows[-1]['share_of_target'] = round(total / TARGET_SECONDS, 2)
    path = Path('work_dirs/bench/reports.csv')
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('w', newline='') as file:
        writer = csv.DictWriter(file, ['stage', 'seconds', 'processor_seconds', 'share_of_target'])
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        print(*(f'{key} {value};' for key, value in row.items()))
    verdict = 'within' if total <= TARGET_SECONDS else 'above'
    print(f'{runs} runs: {verdict} {TARGET_SECONDS} s; {path}: written; {os.cpu_count()} cores')


def make_grid(work_dir: Path, seeds: int) -> int:
    """Writes a work directory of finished runs with invented numbers; returns how many."""
    generator = np.random.default_rng(0)
    runs = []
    axes = itertools.product(('frvsr', 'basicvsr'), ('vimeo', 'reds'), STRATEGIES, range(seeds))
    for network, train_set, (strategy, fc, repeats), seed in axes:
        name = f'{network}-{strategy}-R{repeats}-{"FC-" if fc else ""}{train_set}-s{seed}'
        run = {'run_id': name, 'network': network, 'strategy': strategy, 'fc': fc, 'seed': seed}
        run |= {'repeats': repeats, 'train_set': train_set}
        run |= {'iterations': 500_000 if network == 'frvsr' else 300_000}
        runs.append(run)
        _write_run(work_dir / 'runs' / name, run, generator)
    labels = {'frvsr': 'FRVSR', 'basicvsr': 'BasicVSR'}
    plan = {
        'name': 'bench',
        'networks': {key: {'label': label, 'paper': label} for key, label in labels.items()},
        'train_sets': {
            'vimeo': _set('Vimeo', 'Vimeo', [120] * 278),
            'reds': _set('REDStrain', 'REDS', [100] * 236),
        },
        'test_sets': {key: _set(label, label, n) for key, (label, n) in TEST_SETS.items()},
        'runs': runs,
    }
    (work_dir / 'grid.json').write_text(json.dumps(plan))
    return len(runs)


def _set(label: str, paper: str, lengths: list[int]) -> dict:
    videos = {f'{index:03d}': frames for index, frames in enumerate(lengths)}
    return {
        'label': label,
        'paper': paper,
        'videos': videos,
        'sizes': dict.fromkeys(videos, (720, 1280)),
    }


def _write_run(folder: Path, run: dict, generator: np.random.Generator) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'status.json').write_text(json.dumps({'status': 'DONE'}))
    step = 300.0 + 1200.0 / (run['repeats'] or 1000)
    timing = {'ms_per_iteration': step, 'load_ms': 9.0, 'state_pass_ms': step - 300}
    timing |= {'step_ms': 291.0, 'parameters': 2_589_093, 'device': 'Tesla V100', 'threads': 1}
    (folder / 'timing.json').write_text(json.dumps(timing))
    for key, (_, lengths) in TEST_SETS.items():
        parts = [_video(f'{i:03d}', n, run, generator) for i, n in enumerate(lengths)]
        pd.concat(parts).to_csv(folder / f'frames_{key}.csv', index=False, float_format='%.6f')


def _video(name: str, frames: int, run: dict, generator: np.random.Generator) -> pd.DataFrame:
    """Falls by up to 5 dB under RI, and is steady under PI."""
    time_axis = np.arange(frames)
    fall = 5.0 * (time_axis / 300) ** 2 if run['strategy'] == 'RI' else 0.0
    base = 28.0 + generator.normal(0, 0.2) + 3.0 * (run['network'] == 'basicvsr')
    psnr = base - fall + generator.normal(0, 0.1, frames)
    columns = {'video': name, 'frame': time_axis, 'psnr_y': psnr, 'ssim_y': psnr / 35, 'ms': 39.0}
    noise = generator.random((2, frames))
    noise[:, 0] = np.nan  # nothing before the first frame
    return pd.DataFrame(columns | {'tof': noise[0], 'warp_error': noise[1] / 1000})


def _stages(work_dir: Path) -> list[dict[str, object]]:
    found, stages = {}, []

    def take(stage: str, work: Callable[[], object]) -> None:
        start, processor = time.perf_counter(), _processor_seconds()
        found[stage] = work()
        wall, processor = time.perf_counter() - start, _processor_seconds() - processor
        row = {'seconds': round(wall, 2), 'processor_seconds': round(processor, 2)}
        stages.append({'stage': stage} | row)

    take('load', lambda: load_grid(work_dir))
    grid = found['load']
    take('differences', lambda: differences(grid))
    take('paper', lambda: compare(grid))
    take('tables', lambda: all_tables(grid, Outputs()))
    path = work_dir / 'bench.xlsx'
    extra = found['paper'], found['differences']
    take('workbook', lambda: write_workbook(grid, found['tables'], *extra, path))
    command = [sys.executable, '-m', 'reports', str(work_dir)]
    take('whole command', lambda: subprocess.run(command, check=True, capture_output=True))
    return stages


def _processor_seconds() -> float:
    """Of this process and of those it has waited for; other load on the machine counts less."""
    spent = os.times()
    return sum(spent[:4])


if __name__ == '__main__':
    main()
