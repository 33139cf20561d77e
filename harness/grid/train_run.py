"""Trains the run of a folder, in one process or as one of torchrun's."""

import sys
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from harness.files import write_json
from harness.training.run import resume_if_begun, train

from .progress import Progress


class StatusHook(Hook):
    """Reports the training's progress."""

    def __init__(self, progress: Progress):
        self.progress = progress

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if is_main_process():
            self.progress(runner.iter + 1)


def train_run(folder: Path, cfg: Config, launcher: str = 'none') -> None:
    """Trains, or goes on training, the run of ``folder``."""
    progress = Progress(folder, 'train', cfg.train_cfg.max_iters)
    if launcher == 'none':
        progress(0)
    cfg.work_dir = str(folder)
    cfg.launcher = launcher
    resume_if_begun(cfg)
    train(cfg, [StatusHook(progress)])


if __name__ == '__main__':
    run_folder = Path(sys.argv[1])
    try:
        train_run(run_folder, Config.fromfile(run_folder / 'config.py'), 'pytorch')
    except Exception as error:
        reason = f'{type(error).__name__}: {error}'.splitlines()[0]
        write_json(run_folder / 'torchrun_error.json', dict(reason=reason))
        raise
