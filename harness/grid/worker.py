"""What a worker process does: train one run and evaluate it.

Imported once by the fork server, so that a run does not pay for importing MMagic.
"""

import itertools
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path

import mmagic.engine  # noqa: F401  (registries that MMEngine would import run by run)
import torch
import torch.utils.tensorboard
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import find_latest_checkpoint

from harness.evaluation.evaluate import evaluate_set
from harness.evaluation.images import ImageSaver, images_folder
from harness.evaluation.model import default_device, load_model
from harness.training.run import train

from . import ledger
from .evaluation_plan import EvaluationPlan


class _Progress:
    """Writes how far a stage of a run is to ``status.json``, at most once a second."""

    def __init__(self, folder: Path, stage: str, total: int):
        self.folder = folder
        self.details = dict(stage=stage, max_iters=total)
        self.next = 0.0

    def __call__(self, done: int) -> None:
        if time.monotonic() >= self.next:
            self.next = time.monotonic() + 1
            ledger.write_status(self.folder, 'RUNNING', iteration=done, **self.details)


class StatusHook(Hook):
    """Reports the training's progress."""

    def __init__(self, progress: _Progress):
        self.progress = progress

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.progress(runner.iter + 1)


def run_in_process(folder: Path, trained: bool, evaluation: EvaluationPlan, slot: int) -> None:
    """Entry point of a worker process; leaves the outcome in ``status.json``.

    Args:
        folder: the run folder with the resolved ``config.py``.
        trained: False for networks that are evaluated without training.
        evaluation: the test sets, and what is computed and kept of each.
        slot: number of the worker, which chooses its GPU where there are several.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Ctrl-C run_grid ends its workers
    _die_with_parent()
    _redirect_output(folder / 'log.txt')
    torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
    if torch.cuda.is_available():
        torch.cuda.set_device(slot % torch.cuda.device_count())
    try:
        with ledger.claim(folder):
            _run(folder, Config.fromfile(folder / 'config.py'), trained, evaluation)
    except ledger.AlreadyRunningError:
        pass
    except Exception as error:
        traceback.print_exc()
        reason = f'{type(error).__name__}: {error}'.splitlines()[0]
        ledger.write_status(folder, 'FAILED', reason=reason)
        sys.exit(1)


def _run(folder, cfg, trained, evaluation) -> None:
    if trained and not (folder / 'timing.json').is_file():
        progress = _Progress(folder, 'train', cfg.train_cfg.max_iters)
        progress(0)
        cfg.work_dir = str(folder)
        cfg.launcher = 'none'
        cfg.resume = True
        train(cfg, [StatusHook(progress)])
    checkpoint = find_latest_checkpoint(str(folder)) if trained else None
    checksums = {name: test_set.checksum for name, test_set in evaluation.test_sets.items()}
    missing = ledger.missing_evaluations(folder, checksums)
    if missing:
        _evaluate(folder, cfg, checkpoint, missing, evaluation)
    ledger.write_status(folder, 'DONE', stage='evaluate')


def _evaluate(folder, cfg, checkpoint, names, evaluation) -> None:
    test_sets = {name: evaluation.test_sets[name] for name in names}
    device = default_device()
    model = load_model(cfg, checkpoint, device)
    total = sum(v.frames for s in test_sets.values() for v in s.videos.values())
    progress = _Progress(folder, 'evaluate', total)
    done = itertools.count(1)
    for name, test_set in test_sets.items():
        images = images_folder(folder, name)
        shutil.rmtree(images, ignore_errors=True)  # of another selection of frames, perhaps
        evaluate_set(
            model.generator,
            test_set,
            ledger.frames_csv(folder, name),
            device=device,
            on_frame=lambda: progress(next(done)),
            metrics=evaluation.metrics,
            images=ImageSaver(images, evaluation.images[name]),
        )
        ledger.record_evaluation(folder, name, test_set.checksum)


def _die_with_parent() -> None:
    """Ends this process when run_grid is gone, even if it was killed."""

    def watch():
        wait([parent_process().sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _redirect_output(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
