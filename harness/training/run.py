"""One training from a resolved config, the same for train.py and run_grid.py."""

import platform
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import barrier, get_world_size, is_distributed, is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

import harness.data
import harness.networks
import harness.training  # noqa: F401  (fills the registries)
from harness.checkpoints import check_overlap
from harness.configs import import_custom_modules
from harness.distributed import init_distributed
from harness.files import write_json

from .checkpoints import latest_checkpoint


def train(cfg: Config, hooks: Sequence[Hook] = ()) -> Path:
    """Trains as ``cfg`` says and returns the last checkpoint.

    ``cfg.work_dir`` receives MMEngine's logs and checkpoints, the resolved config and
    ``timing.json`` (milliseconds per iteration and their parts). With ``cfg.resume`` a training
    that was interrupted goes on from its last checkpoint, or begins where there is none.

    Args:
        cfg: resolved config with ``work_dir``.
        hooks: further hooks.

    Raises:
        UserError: ``load_from`` or ``spynet_pretrained`` names no fitting checkpoint, the training
            set cannot give the clips, or the training diverged.
    """
    # denormal numbers in decaying states make convolutions on the CPU many times slower
    torch.set_flush_denormal(True)
    init_distributed(cfg.get('launcher', 'none'))
    if is_distributed() and not torch.cuda.is_available():
        # the Runner would ask for a GPU
        unused = cfg.get('find_unused_parameters', False)
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            device_ids=None,
            broadcast_buffers=False,
            find_unused_parameters=unused,
        )
    import_custom_modules(cfg)
    if cfg.get('resume') and not cfg.get('load_from'):
        resume_if_begun(cfg)
    runner = Runner.from_cfg(cfg)
    if cfg.get('load_from') and not cfg.get('resume') and not _loads_a_part(cfg):
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        check_overlap(model, cfg.load_from, 'load_from')
    for hook in hooks:
        runner.register_hook(hook)
    runner.train()
    barrier()  # the main process writes the last checkpoint
    checkpoint = latest_checkpoint(Path(cfg.work_dir))
    if is_main_process():
        _write_timing(runner, Path(cfg.work_dir) / 'timing.json')
    runner.logger.info(f'last checkpoint: {checkpoint}')
    return checkpoint


def _loads_a_part(cfg: Config) -> bool:
    """Whether a hook does the checking, and knows more names for the weights."""
    return any(hook.get('type') == 'PartialLoadHook' for hook in cfg.get('custom_hooks', ()))


def resume_if_begun(cfg: Config) -> None:
    """Lets a training go on from the last whole checkpoint of its ``work_dir``, or begin.

    MMEngine's automatic resume takes the last one, whole or not, and it takes ``load_from``, the
    weights to begin with, for the training that is to go on.
    """
    latest = latest_checkpoint(Path(cfg.work_dir))
    cfg.resume = latest is not None
    if latest:
        cfg.load_from = str(latest)


def _write_timing(runner: Runner, path: Path) -> None:
    iterations = runner.train_loop.iter
    seconds = runner.train_loop.timer.seconds
    timing = dict(
        iterations=iterations,
        **runner.train_loop.timer.ms_per_iteration(iterations),
        train_seconds=sum(seconds.values()),
        parameters=sum(p.numel() for p in runner.train_loop.model.parameters()),
        device=device_name(),
        threads=torch.get_num_threads(),
        processes=get_world_size(),
    )
    write_json(path, timing)


def device_name() -> str:
    """The GPU or the CPU that trains."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return platform.processor() or platform.machine()
