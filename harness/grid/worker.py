"""What a worker process does: train one run and evaluate it.

Imported once by the fork server, so that a run does not pay for importing MMagic.
"""

import itertools
import os
import shutil
import signal
import sys
import threading
import traceback
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path

import mmagic.engine  # noqa: F401  (registries that MMEngine would import run by run)
import torch
import torch.utils.tensorboard
from mmengine.config import Config

from harness.evaluation.evaluate import evaluate_set
from harness.evaluation.images import ImageSaver, images_folder
from harness.evaluation.model import default_device, load_model
from harness.training.checkpoints import latest_checkpoint

from . import ledger
from .evaluation_plan import EvaluationPlan
from .progress import Progress
from .torchrun import train_with_torchrun
from .train_run import train_run


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
    cfg = Config.fromfile(folder / 'config.py')
    first_gpu = slot * cfg.get('nproc', 1)
    if torch.cuda.is_available():
        torch.cuda.set_device(first_gpu % torch.cuda.device_count())
    try:
        with ledger.claim(folder):
            _run(folder, cfg, trained, evaluation, first_gpu)
    except ledger.AlreadyRunningError:
        pass
    except Exception as error:
        traceback.print_exc()
        reason = f'{type(error).__name__}: {error}'.splitlines()[0]
        ledger.write_status(folder, 'FAILED', reason=reason)
        sys.exit(1)


def _run(folder, cfg, trained, evaluation, first_gpu) -> None:
    if trained and not (folder / 'timing.json').is_file():
        if cfg.get('nproc', 1) > 1:
            train_with_torchrun(folder, cfg.nproc, first_gpu)
        else:
            train_run(folder, cfg)
    checkpoint = latest_checkpoint(folder) if trained else None
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
    progress = Progress(folder, 'evaluate', total)
    lr_kind = cfg.get('lr_kind', 'lr_bd')
    done = itertools.count(1)
    for name, test_set in test_sets.items():
        images = images_folder(folder, name)
        shutil.rmtree(images, ignore_errors=True)  # of another selection of frames, perhaps
        evaluate_set(
            model.generator,
            test_set,
            ledger.frames_csv(folder, name),
            lr_kind,
            device,
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
