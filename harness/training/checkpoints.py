"""Writes checkpoints atomically and finds the last or best complete one."""

import logging
from pathlib import Path
from typing import Any

from mmagic.registry import HOOKS
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log
from mmengine.runner import Runner

from harness.checkpoints import DamagedError, read_file
from harness.errors import fail
from harness.runs.files import replacing
from harness.runs.folder import RunFolder, iterations_of


@register_backend('atomic')
class AtomicBackend(LocalBackend):
    """Local files that appear only when they are complete."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        path = Path(filepath)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(obj)


@HOOKS.register_module()
class ClipCheckpointHook(CheckpointHook):
    """MMEngine's hook for :class:`ClipTrainLoop`: complete files with the states of all ranks.

    At least two checkpoints are kept, because :func:`latest_checkpoint` skips damaged ones.

    Args:
        max_keep_ckpts: The number of checkpoints to keep, at least 2; -1 keeps all.
        kwargs: As in MMEngine; intervals are counted in iterations.

    Raises:
        ValueError: ``max_keep_ckpts`` is 0 or 1.
    """

    def __init__(self, max_keep_ckpts: int = 2, **kwargs: Any) -> None:
        if 0 <= max_keep_ckpts < 2:
            raise ValueError(f'max_keep_ckpts must be -1 or at least 2, got {max_keep_ckpts}')
        super().__init__(
            by_epoch=False,
            max_keep_ckpts=max_keep_ckpts,
            backend_args=dict(backend='atomic'),
            **kwargs,
        )

    def save_now(self, runner: Runner) -> None:
        """Writes a checkpoint after the current iteration, regardless of the interval."""
        self._save_checkpoint(runner)

    def _save_checkpoint(self, runner: Runner) -> None:
        runner.train_loop.check_losses()
        runner.train_loop.synchronize()
        super()._save_checkpoint(runner)


def latest_checkpoint(folder: Path) -> Path | None:
    """The complete ``iter_<n>.pth`` with the largest n; None if there is none.

    Raises:
        UserError: Its iteration differs from its name.
    """
    for path in reversed(RunFolder(folder).checkpoints):
        try:
            return _checked(path)
        except (DamagedError, OSError) as error:
            print_log(f'{error}; trying the previous one', 'current', logging.WARNING)
    return None


def best_checkpoint(folder: Path) -> Path | None:
    """The best checkpoint by validation; None if there is none or it is damaged.

    Raises:
        UserError: Its iteration differs from its name.
    """
    paths = RunFolder(folder).best_checkpoints
    try:
        return _checked(paths[-1]) if paths else None
    except (DamagedError, OSError):
        return None


def _checked(path: Path) -> Path:
    """Returns a checkpoint if it is complete.

    Raises:
        DamagedError: It is not.
        UserError: Its iteration differs from its name.
    """
    content = read_file(path, 'meta')
    meta = content.get('meta') if isinstance(content, dict) else None
    held = meta.get('iter') if isinstance(meta, dict) else None
    if held != iterations_of(path):
        fail(
            f'{path}: is of iteration {held}, which differs from its name: restore its original '
            'name, or move it out of the folder'
        )
    return path
