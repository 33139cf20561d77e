"""Runs one training from a resolved config, for train.py and run_grid.py."""

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import barrier, get_world_size, is_distributed, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

import harness.data
import harness.networks.zoo
import harness.training.registered  # noqa: F401  (fills the registries)
from harness.clip_limits import number_problems
from harness.config_errors import building, check_model
from harness.configs import import_custom_modules
from harness.distributed import init_distributed
from harness.errors import fail
from harness.gpus import warn_of_unusable_gpus
from harness.runs.files import write_json
from harness.training.checkpoints import latest_checkpoint
from harness.training.runner import ClipRunner

#: entries of a config that must be positive whole numbers if present
COUNTS = (
    'train_cfg.max_iters',
    'train_cfg.clip_length',
    'train_cfg.crop_size',
    'train_cfg.windows_per_video',
    'train_cfg.repeats',
    'train_cfg.state_pass_batch',
    'train_cfg.val_interval',
    'train_dataloader.batch_size',
)


def train(cfg: Config, hooks: Sequence[Hook] = ()) -> Path | None:
    """Trains a network.

    ``cfg.work_dir`` receives MMEngine's logs and checkpoints, the resolved config and
    ``timing.json`` (milliseconds per iteration and their parts). With ``cfg.resume``, an
    interrupted training resumes from its last checkpoint, or starts if there is none.

    Args:
        cfg: The resolved config, with ``work_dir``.
        hooks: Further hooks.

    Returns:
        The last checkpoint; None if none was written.

    Raises:
        UserError: An entry of the config cannot be built, a checkpoint that it names cannot be read
            or does not fit, the training set cannot provide the clips, or the training diverged.
    """
    # denormal numbers in decaying states would slow down convolutions on the CPU many times
    torch.set_flush_denormal(True)
    warn_of_unusable_gpus()
    init_distributed(cfg.get('launcher', 'none'))
    if is_distributed() and not torch.cuda.is_available():
        # otherwise the Runner would require a GPU
        unused = cfg.get('find_unused_parameters', False)
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            device_ids=None,
            broadcast_buffers=False,
            find_unused_parameters=unused,
        )
    _check_counts(cfg)
    if torch.cuda.is_available():  # batches are copied while the GPU computes
        cfg.train_dataloader.setdefault('pin_memory', True)
    with building(cfg, 'custom_imports'):
        import_custom_modules(cfg)
    with building(cfg, 'model'):
        check_model(cfg)
    if cfg.get('resume') and not cfg.get('load_from'):
        resume_if_begun(cfg)
    runner = ClipRunner.from_cfg(cfg)
    for hook in hooks:
        runner.register_hook(hook)
    runner.train()
    barrier()  # waits for the main process to write the last checkpoint
    checkpoint = latest_checkpoint(Path(cfg.work_dir))
    if is_main_process():
        _write_timing(runner, Path(cfg.work_dir) / 'timing.json')
    runner.logger.info(f'last checkpoint: {checkpoint}')
    return checkpoint


def _check_counts(cfg: Config) -> None:
    given = {key: entry for key in COUNTS if (entry := _entry(cfg, key)) is not None}
    problems = number_problems(given)
    if problems:
        text = '; '.join(f'{key}: {problem}' for key, problem in problems.items())
        fail(f'config {cfg.filename} {text}')


def _entry(cfg: Config, key: str) -> Any:
    """The entry ``'section.name'``; None if there is none."""
    section, name = key.split('.')
    return (cfg.get(section) or {}).get(name)


def resume_if_begun(cfg: Config) -> None:
    """Makes a training resume from the last complete checkpoint in ``work_dir``, or start.

    It replaces MMEngine's automatic resume, which also takes incomplete checkpoints and would
    resume from ``load_from``, the initial weights.
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
    """The name of the GPU or CPU that trains."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return platform.processor() or platform.machine()
