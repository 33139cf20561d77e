"""The process of a run: trains and evaluates it.

A launcher only has to start ``python -m harness.grid.worker RUN_FOLDER``; run_grid.py has prepared
the folder. The fork server imports this module once, which saves local runs the import of MMagic.
"""

import itertools
import os
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path

import torch
import torch.utils.tensorboard
from mmengine.config import Config

from dataset_tools.manifest import DatasetError, VideoSet
from harness.configs import load_config
from harness.errors import UserError, fail, reason_of
from harness.evaluation.evaluate import evaluate_set
from harness.evaluation.images import ImageSaver
from harness.evaluation.model import default_device, load_model
from harness.evaluation.protocols import DEFAULT, PROTOCOLS
from harness.exits import INTERRUPTED
from harness.grid.launchers.torchrun import train_with_torchrun
from harness.grid.tracking import track
from harness.grid.train_process import train_run
from harness.runs.claims import AlreadyRunningError, claim, release_job
from harness.runs.evaluations import BEST, Evaluation, record_evaluation, why_missing
from harness.runs.files import read_json, redirect_output
from harness.runs.folder import Progress, RunFolder, iterations_of
from harness.runs.owners import RESTARTED_VARIABLE, this_job
from harness.runs.task import Task
from harness.training.checkpoints import best_checkpoint, latest_checkpoint
from harness.training.interruption import Interrupted, Interruption


def run_in_process(folder: RunFolder, slot: int, threads: int) -> None:
    """Entry point of a local worker process; see :func:`work`.

    Args:
        folder: The run's folder.
        slot: The number of the worker, which selects its GPU if there are several.
        threads: The number of its CPU threads.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Ctrl-C, run_grid.py ends its workers
    _die_with_parent()
    redirect_output(folder.log)
    torch.set_num_threads(threads)
    sys.exit(work(folder, slot))


def work(folder: RunFolder, slot: int = 0) -> int:
    """Finishes the run of ``folder`` and writes the outcome to ``status.json``.

    Returns:
        The exit code: 0 on success, or if another process works on the run; 1 if the run failed;
        75 if a signal interrupted it, so that it can resume.
    """
    interruption = Interruption()
    try:
        with claim(folder, read_json(folder.task_json).get('hang_after', 3600.0)):
            return _run(folder, slot, interruption)
    except AlreadyRunningError as error:
        print(error)
        return 0


def _run(folder: RunFolder, slot: int, interruption: Interruption) -> int:
    try:
        task = Task.read(folder)
        cfg = load_config(str(folder.config))
        first_gpu = slot * cfg.get('nproc', 1)
        if torch.cuda.is_available():
            torch.cuda.set_device(first_gpu % torch.cuda.device_count())
        missing = why_missing(folder, task.evaluations)
        if missing and task.trains and not _finished_training(folder, task.trains_again):
            if task.eval_only:
                fail(f'{folder.name} has no finished training to evaluate')
            if cfg.get('nproc', 1) > 1:
                train_with_torchrun(folder, cfg.nproc, interruption, first_gpu)
            else:
                train_run(folder, cfg, interruption)
        todo = [e for e in task.evaluations if e.key in missing]
        _evaluate(folder, cfg, todo, task.trains, interruption)
        folder.write_status('DONE')
        return 0
    except Interrupted as error:
        return _interrupted(folder, str(error))
    except Exception as error:
        if interruption.received:  # the signal may have ended others first, such as data workers
            reason = f'interrupted by {interruption.received.name}: {error}'
            return _interrupted(folder, reason.splitlines()[0])
        with suppress(OSError):  # the disk may be full
            traceback.print_exc()
        is_ours = isinstance(error, (UserError, DatasetError))
        folder.write_failure((str(error) if is_ours else reason_of(error)).splitlines()[0])
        return 1


def _interrupted(folder: RunFolder, reason: str) -> int:
    """Records that the run can resume; returns the exit code for it."""
    folder.write_status('INTERRUPTED', reason=reason, **folder.position())
    return INTERRUPTED


def _finished_training(folder: RunFolder, trains_again: bool) -> Path | None:
    """The final checkpoint of the training; None if there is still something to train.

    Raises:
        UserError: Training had finished, no checkpoint is left, and retraining was not requested.
    """
    iterations = folder.timing.get('iterations')
    if iterations is None:
        return None
    latest = latest_checkpoint(folder.path)
    if latest is None and not trains_again:
        fail(
            f'{folder.path} was trained, but has no complete checkpoint any more; restore '
            f'iter_{iterations}.pth, or retrain it with --retry-failed'
        )
    return latest if latest and iterations_of(latest) == iterations else None


def _evaluate(
    folder: RunFolder,
    cfg: Config,
    todo: Sequence[Evaluation],
    trained: bool,
    interruption: Interruption,
) -> None:
    sets = {e.test_set: load_set(e) for e in todo}
    frames = sum(v.frames for e in todo for v in sets[e.test_set].videos.values())
    progress = Progress(folder, 'evaluate', frames)
    counter = itertools.count(1)

    def on_frame() -> None:
        progress(next(counter))
        interruption.check()

    for choice, chosen in itertools.groupby(todo, lambda e: e.variant.checkpoint):
        weights = checkpoint_of(folder, choice) if trained else cfg.get('load_from')
        _evaluate_checkpoint(folder, cfg, weights, list(chosen), sets, on_frame)


def load_set(evaluation: Evaluation) -> VideoSet:
    """Loads the test set of an evaluation.

    Raises:
        UserError: It has changed since the run was prepared.
    """
    found = VideoSet.load(evaluation.root)
    if found.checksum != evaluation.checksum:
        fail(f'{evaluation.root} has changed since run_grid.py was started; start it again')
    return found


def checkpoint_of(folder: RunFolder, choice: str) -> Path:
    """The ``last`` or ``best`` checkpoint of a run.

    Raises:
        UserError: It is missing or damaged.
    """
    find = best_checkpoint if choice == BEST else latest_checkpoint
    path = find(folder.path)
    if path is None:
        fail(
            f'{folder.path}: the {choice} checkpoint is missing or damaged; restore it, or '
            'delete timing.json and all checkpoints to retrain the run'
        )
    return path


def _evaluate_checkpoint(
    folder: RunFolder,
    cfg: Config,
    weights: Path | str | None,
    todo: Sequence[Evaluation],
    sets: dict[str, VideoSet],
    on_frame: Callable[[], None],
) -> None:
    device = default_device()
    model = load_model(cfg, weights, device)
    for evaluation in todo:
        images = folder.images(evaluation.key)
        shutil.rmtree(images, ignore_errors=True)  # perhaps from another selection of frames
        table = evaluate_set(
            model.generator,
            sets[evaluation.test_set],
            folder.frames_csv(evaluation.key),
            cfg.get('lr_kind', 'lr_bd'),
            device,
            on_frame,
            evaluation.metrics,
            ImageSaver(images, evaluation.images),
            evaluation.variant.reset,
            PROTOCOLS[evaluation.protocol or DEFAULT.name],
        )
        iteration = iterations_of(weights) if isinstance(weights, Path) else None
        is_bidirectional = model.generator.bidirectional
        record_evaluation(
            folder, evaluation, iteration, **table.attrs, bidirectional=is_bidirectional
        )
        track(cfg, folder, evaluation, table, iteration)


def _die_with_parent() -> None:
    """Ends this process when run_grid.py ends, even if it was killed."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def work_in_job(folder: RunFolder) -> int:
    """:func:`work` as a launcher's job; a restarted job first releases its own earlier claim."""
    if os.environ.get(RESTARTED_VARIABLE, '0') not in ('', '0'):
        release_job(folder.path, this_job())
    return work(folder)


if __name__ == '__main__':
    sys.exit(work_in_job(RunFolder(Path(sys.argv[1]))))
