"""Speed of dataset_tools on 720p frames: ``python tests/benchmarks/bench_dataset_tools.py``.

Each tool works with one thread, and is compared with the time that decoding the PNG files it reads
and encoding those it writes take alone (wanted: at most 1.3 times that; ``static`` writes links
and hardly any PNG, so it is compared with nothing); then with two threads. Tool and codec take
turns, the comparison is of processor time, and medians are given, for other load on the machine
comes and goes. Frames are bigbuckbunny.mp4's, 1280x720. Writes work_dirs/bench/dataset_tools.csv.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

import cv2

from dataset_tools.composit.sets import make_composit_set
from dataset_tools.degrade.sets import make_degraded_set
from dataset_tools.frames import encode_png, read_frame
from dataset_tools.gamma import make_gamma_set
from dataset_tools.jump import make_jump_set
from dataset_tools.loop import make_loop_set
from dataset_tools.manifest import VideoSet
from dataset_tools.sample.frames import origin_frames
from dataset_tools.sample.plan import Origin
from dataset_tools.sliding_window import make_sliding_window_set
from dataset_tools.static import make_static_set
from dataset_tools.texture import make_texture_set
from dataset_tools.writer import build_set

TARGET = 1.3

# Name -> (makes a set of the source, given the output and the number of jobs; files that it reads).
TOOLS: dict[str, tuple[Callable[[Path, Path, int], object], str]] = {
    'degrade bd': (lambda s, o, jobs: make_degraded_set(s, o, jobs=jobs), 'all'),
    'degrade bi': (lambda s, o, jobs: make_degraded_set(s, o, ['bi'], jobs=jobs), 'all'),
    'degrade bd bi': (lambda s, o, jobs: make_degraded_set(s, o, ['bd', 'bi'], jobs=jobs), 'all'),
    'static': (lambda s, o, jobs: make_static_set(s, o, 379, jobs=jobs), 'first'),
    'sliding-window': (
        lambda s, o, jobs: make_sliding_window_set(
            s, o, (160, 290), [1], 'horizontal', 20, jobs=jobs
        ),
        'first',
    ),
    'gamma': (lambda s, o, jobs: make_gamma_set(s, o, 0.67, 1.5, 20, 40, jobs=jobs), 'first'),
    'composit': (lambda s, o, jobs: make_composit_set(s, o, passes=3, jobs=jobs), 'all'),
    'loop': (lambda s, o, jobs: make_loop_set(s, o, 30, jobs=jobs), 'all'),
    'jump': (lambda s, o, jobs: make_jump_set(s, o, [3, 7], 10, jobs=jobs), 'all'),
    'texture': (lambda s, o, jobs: make_texture_set(s, o, 1, jobs=jobs), 'all'),
}


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--repeats', type=int, default=5)
    repeats = parser.parse_args().repeats
    # The jobs compared shall be the only threads.
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        source = _make_source(Path(folder) / 'source')
        rows = [_measure(name, source, Path(folder) / 'made', repeats) for name in TOOLS]
    path = Path('work_dirs/bench/dataset_tools.csv')
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('w', newline='') as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    print(f'{path}: written; {os.cpu_count()} cores')


def _make_source(root: Path) -> Path:
    """Two videos of 10 frames."""
    frames = list(origin_frames(Origin('bigbuckbunny.mp4', (0, 19))))
    videos = {'a': frames[:10], 'b': frames[10:]}
    build_set(root, tool='t', parameters={}, source=None, total=20, videos=videos.items())
    return root


def _measure(name: str, source: Path, output: Path, repeats: int) -> dict[str, object]:
    make, reads = TOOLS[name]
    codec, one, two = [], [], []
    for _ in range(repeats):
        one.append(_time(lambda: make(source, output, 1)))
        stored = [path for path in sorted(output.rglob('*.png')) if not path.is_symlink()]
        codec.append(_codec_time(_files(source, reads), stored))
        shutil.rmtree(output)
        two.append(_time(lambda: make(source, output, 2)))
        made = sum(video.frames for video in VideoSet.load(output).videos.values())
        shutil.rmtree(output)
    ratio = median(a.processor / b.processor for a, b in zip(one, codec, strict=True))
    row = {
        'tool': name,
        'frames': made,
        'pngs': len(stored),
        'fps_1_job': round(made / median(time.wall for time in one), 1),
        'fps_codec': round(made / median(time.wall for time in codec), 1),
        'times_codec': round(ratio, 2),
        'speedup_2_jobs': round(median(a.wall / b.wall for a, b in zip(one, two, strict=True)), 2),
    }
    fine = name == 'static' or ratio <= TARGET
    print(*(f'{key} {value};' for key, value in row.items()), '' if fine else f'above {TARGET}')
    return row


class _Time(NamedTuple):
    """Seconds by the clock and of all threads."""

    wall: float
    processor: float


def _time(work: Callable[[], object]) -> _Time:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return _Time(time.perf_counter() - wall, time.process_time() - processor)


def _codec_time(read: list[Path], written: list[Path]) -> _Time:
    images = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in written]

    def work() -> None:
        for path in read:
            read_frame(path)
        for image in images:
            encode_png(image)

    return _time(work)


def _files(source: Path, reads: str) -> list[Path]:
    videos = VideoSet.load(source).videos.values()
    return [
        source / 'gt' / video.name / f'{index:08d}.png'
        for video in videos
        for index in range(video.frames if reads == 'all' else 1)
    ]


if __name__ == '__main__':
    main()
