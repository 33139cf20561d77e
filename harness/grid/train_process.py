"""Trains a run, in a single process or as one of torchrun's processes."""

import sys
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from harness.configs import load_config
from harness.errors import reason_of
from harness.exits import INTERRUPTED
from harness.runs.files import write_json
from harness.runs.folder import Progress, RunFolder, iterations_of
from harness.training.interruption import Interrupted, Interruption, InterruptionHook
from harness.training.run import resume_if_begun, train


class StatusHook(Hook):
    """Writes the training's progress to ``status.json``."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        if is_main_process():
            self.progress(runner.iter + 1)

    def after_state_pass_batch(self, runner: Runner) -> None:
        """Called after each batch of windows in the state pass of PI."""
        if is_main_process():
            self.progress.alive()

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        if is_main_process():
            self.progress.alive()


def train_run(
    folder: RunFolder, cfg: Config, interruption: Interruption, launcher: str = 'none'
) -> None:
    """Starts or resumes the training of the run of ``folder``.

    Raises:
        Interrupted: A signal was received; a checkpoint has been written.
    """
    cfg.work_dir = str(folder.path)
    cfg.launcher = launcher
    resume_if_begun(cfg)
    first = iterations_of(Path(cfg.load_from)) if cfg.resume else 0
    progress = Progress(folder, 'train', cfg.train_cfg.max_iters, first)
    if launcher == 'none':
        progress.alive()
    train(cfg, [StatusHook(progress), InterruptionHook(interruption)])


if __name__ == '__main__':
    run_folder = RunFolder(Path(sys.argv[1]))
    try:
        config = load_config(str(run_folder.config))
        train_run(run_folder, config, Interruption(), 'pytorch')
    except Interrupted:
        sys.exit(INTERRUPTED)
    except Exception as error:
        write_json(run_folder.torchrun_error, dict(reason=reason_of(error).splitlines()[0]))
        raise
