"""Trains the run of a folder, in one process or as one of torchrun's."""

import sys
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from harness.configs import load_config
from harness.errors import reason_of
from harness.exits import INTERRUPTED
from harness.runs.files import write_json
from harness.runs.folder import Progress, RunFolder, iterations_of
from harness.training.interruption import Interrupted, Interruption, InterruptionHook
from harness.training.run import resume_if_begun, train


class StatusHook(Hook):
    """Reports the training's progress."""

    def __init__(self, progress: Progress):
        self.progress = progress

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if is_main_process():
            self.progress(runner.iter + 1)

    def after_state_pass_batch(self, runner) -> None:
        """A batch of windows has gone through PI's state pass."""
        if is_main_process():
            self.progress.alive()

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if is_main_process():
            self.progress.alive()


def train_run(
    folder: RunFolder, cfg: Config, interruption: Interruption, launcher: str = 'none'
) -> None:
    """Trains, or goes on training, the run of ``folder``.

    Raises:
        Interrupted: a signal came; a checkpoint is written.
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
