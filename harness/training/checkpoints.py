"""Checkpoints that survive being interrupted while they are written."""

import logging
import zipfile
from pathlib import Path
from typing import Optional

from mmagic.registry import HOOKS
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log

from harness.files import replacing


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
        runner.train_loop.synchronize()
        super()._save_checkpoint(runner)


def latest_checkpoint(folder: Path) -> Optional[Path]:
    """The whole ``iter_<n>.pth`` with the largest n; None if there is none."""
    for path in sorted(folder.glob('iter_*.pth'), key=iterations_of, reverse=True):
        if is_whole(path):
            return path
        print_log(f'{path} is damaged; trying the one before', 'current', logging.WARNING)
    return None


def best_checkpoint(folder: Path) -> Optional[Path]:
    """The checkpoint that validation found best; None if there is none, or it is damaged."""
    paths = sorted(folder.glob('best_*_iter_*.pth'), key=iterations_of)
    return paths[-1] if paths and is_whole(paths[-1]) else None


def iterations_of(checkpoint: Path) -> int:
    """Number of iterations after which a checkpoint was written, from its name."""
    return int(checkpoint.stem.rpartition('_')[2])


def is_whole(path: Path) -> bool:
    """Whether a file of ``torch.save`` is complete and its checksums are right."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except Exception:  # damage makes zipfile raise much: BadZipFile, EOFError, zlib.error, ...
        return False
