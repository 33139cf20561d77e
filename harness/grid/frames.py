"""Writes all SR frames of one video by running finished networks again.

``python -m harness.grid.frames WORK_DIR --set SET --video VIDEO --trials ID ...`` writes
``WORK_DIR/videos/<set>/<video>/<trial>/<frame:08d>.png``, and the same for ``gt`` and ``bicubic``.
``python -m reports video`` calls it if the evaluation did not save these frames.
"""

import argparse
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from dataset_tools.manifest import VideoSet

SHIFTED = 0.05  # tolerance in dB between a frame's score now and in the evaluation


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='python -m harness.grid.frames', description=__doc__)
    parser.add_argument('work_dir', type=Path, help='work directory of the grid')
    parser.add_argument('--set', required=True, help='a test set of the grid')
    parser.add_argument('--video', required=True, help='a video of it')
    parser.add_argument(
        '--trials', nargs='+', required=True, help='run ids, or RUN@VARIANT for their variants'
    )
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    from harness.cli import user_errors

    with user_errors():
        for trial in args.trials:
            save_frames(args.work_dir, args.set, args.video, trial)
    return 0


def save_frames(work_dir: Path, set_key: str, video: str, trial: str) -> None:
    """Runs one trial on one video and saves every frame.

    Args:
        work_dir: The grid's work directory.
        set_key: A test set of the grid.
        video: A video of the set.
        trial: A run id, or ``RUN@VARIANT``.

    Raises:
        UserError: There is no such finished evaluation or no checkpoint, or the set has changed.
    """
    from harness.configs import load_config
    from harness.errors import fail
    from harness.evaluation.bicubic import bicubic
    from harness.evaluation.inference import super_resolve
    from harness.evaluation.model import default_device, load_model
    from harness.evaluation.videos import set_frames
    from harness.grid.worker import checkpoint_of, load_set
    from harness.runs.evaluations import Crop
    from harness.runs.files import read_json, write_json
    from harness.runs.folder import RunFolder
    from harness.runs.task import Task

    run_id, _, variant = trial.partition('@')
    run = RunFolder.of(work_dir, run_id)
    task = Task.read(run)
    wanted = [e for e in task.evaluations if (e.test_set, e.variant.name) == (set_key, variant)]
    if not wanted:
        fail(f'{trial}: is not evaluated on {set_key}')
    test_set, cfg = load_set(wanted[0]), load_config(str(run.config))
    if video not in test_set.videos:
        fail(f'{set_key}: has no video {video!r}; there are {", ".join(test_set.videos)}')
    lr_kind, folder = cfg.get('lr_kind', 'lr_bd'), work_dir / 'videos' / set_key / video
    about = test_set.videos[video]
    if read_json(folder / 'set.json').get('checksum') != test_set.checksum:
        shutil.rmtree(folder, ignore_errors=True)  # from another version of the set
        folder.mkdir(parents=True)
        write_json(folder / 'set.json', dict(checksum=test_set.checksum))
    size = Crop(0, 0, *about.hr_size)
    plain = (bicubic(lr, size, _phase(lr_kind)) for lr in set_frames(test_set, lr_kind, video))
    _write(folder / f'bicubic_{lr_kind}', plain, about.frames, 'bicubic')
    if 'gt' in test_set.kinds:
        _write(folder / 'gt', set_frames(test_set, 'gt', video), about.frames, 'gt')
    if _is_whole(folder / trial, about.frames):
        return
    weights = (
        checkpoint_of(run, wanted[0].variant.checkpoint) if task.trains else cfg.get('load_from')
    )
    device = default_device()
    net = load_model(cfg, weights, device).generator
    lrs = set_frames(test_set, lr_kind, video)
    srs = super_resolve(net, lrs, device, about.frames, wanted[0].variant.reset)
    frames = _checked((sr.rgb for sr in srs), test_set, video, run.frames_csv(wanted[0].key))
    _write(folder / trial, frames, about.frames, trial)


def _phase(lr_kind: str) -> float:
    from dataset_tools.degrade.filters import phase

    return phase(lr_kind)


def _is_whole(folder: Path, count: int) -> bool:
    return len(list(folder.glob('*.png'))) == count


def _write(folder: Path, frames: Iterable[np.ndarray], count: int, what: str) -> None:
    """Writes the frames unless all of them exist already."""
    from tqdm import tqdm

    from harness.evaluation.images import write_png

    if _is_whole(folder, count):
        return
    for number, frame in enumerate(
        tqdm(frames, total=count, desc=what, unit=' frames', disable=None)
    ):
        write_png(folder / f'{number:08d}.png', frame)


def _checked(
    frames: Iterable[np.ndarray], test_set: VideoSet, video: str, scores: Path
) -> Iterator[np.ndarray]:
    """Yields the frames; prints a line at the end if they differ from those that were scored."""
    import pandas as pd

    from harness.evaluation.metrics import psnr, rgb_to_y
    from harness.evaluation.videos import set_frames

    table = pd.read_csv(scores, converters={'video': str})
    known = table[table['video'] == video].set_index('frame')['psnr_y']
    gts = set_frames(test_set, 'gt', video) if 'gt' in test_set.kinds else None
    worst = 0.0
    for number, frame in enumerate(frames):
        if gts is not None:
            score = psnr(rgb_to_y(next(gts)), rgb_to_y(frame))
            worst = max(worst, abs(score - known.get(number, score)))
        yield frame
    if worst > SHIFTED:
        print(
            f'note: scores of {video} differ by up to {worst:.2f} dB from those in {scores.name}, '
            'because of another processor or another protocol of the set',
            file=sys.stderr,
        )


if __name__ == '__main__':
    sys.exit(main())
