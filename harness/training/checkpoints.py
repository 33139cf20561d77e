"""Checkpoints that survive being interrupted while they are written."""

import logging
from pathlib import Path

from mmagic.registry import HOOKS
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log

from harness.checkpoints import DamagedError, read_file
from harness.errors import fail
from harness.runs.files import replacing
from harness.runs.folder import RunFolder, iterations_of


@register_backend('atomic')
class AtomicBackend(LocalBackend):
    """Local files that appear when they are complete."""

    def put(self, obj, filepath) -> None:
        path = Path(filepath)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(obj)


@HOOKS.register_module()
class ClipCheckpointHook(CheckpointHook):
    """MMEngine's hook for :class:`ClipTrainLoop`: whole files, and the states of all ranks.

    A damaged checkpoint is not found by :func:`latest_checkpoint`, so at least two are kept.

    Args:
        max_keep_ckpts: checkpoints to keep, at least 2; -1 keeps all.
        kwargs: as in MMEngine; checkpoints are counted in iterations.
    """

    def __init__(self, max_keep_ckpts: int = 2, **kwargs):
        if 0 <= max_keep_ckpts < 2:
            raise ValueError(f'max_keep_ckpts must be -1 or at least 2, got {max_keep_ckpts}')
        super().__init__(
            by_epoch=False,
            max_keep_ckpts=max_keep_ckpts,
            backend_args=dict(backend='atomic'),
            **kwargs,
        )

    def save_now(self, runner) -> None:
        """Writes a checkpoint after the current iteration, whatever the interval."""
        self._save_checkpoint(runner)

    def _save_checkpoint(self, runner) -> None:
        runner.train_loop.check_losses()
        runner.train_loop.synchronize()
        super()._save_checkpoint(runner)


def latest_checkpoint(folder: Path) -> Path | None:
    """The whole ``iter_<n>.pth`` with the largest n; None if there is none.

    Raises:
        UserError: it holds another iteration than its name says.
    """
    for path in reversed(RunFolder(folder).checkpoints):
        try:
            return _checked(path)
        except (DamagedError, OSError) as error:
            print_log(f'{error}; trying the one before', 'current', logging.WARNING)
    return None


def best_checkpoint(folder: Path) -> Path | None:
    """The checkpoint that validation found best; None if there is none, or it is damaged.

    Raises:
        UserError: it holds another iteration than its name says.
    """
    paths = RunFolder(folder).best_checkpoints
    try:
        return _checked(paths[-1]) if paths else None
    except (DamagedError, OSError):
        return None


def _checked(path: Path) -> Path:
    """Gives back a checkpoint that is whole.

    Raises:
        DamagedError: it is not.
        UserError: it holds another iteration than its name says.
    """
    content = read_file(path, 'meta')
    meta = content.get('meta') if isinstance(content, dict) else None
    held = meta.get('iter') if isinstance(meta, dict) else None
    if held != iterations_of(path):
        fail(
            f'{path}: holds iteration {held}, not that of its name: give it its own name again, or '
            'move it out of the folder'
        )
    return path
