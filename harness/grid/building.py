"""The part of the validation that needs torch: builds everything that runs consist of.

It runs in a separate process. Nothing is trained and no frame is read.
"""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from mmagic.registry import HOOKS, LOOPS, MODELS, PARAM_SCHEDULERS
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

import harness.data
import harness.networks.zoo
import harness.training.registered  # noqa: F401  (fills the registries)
from harness.checkpoints import (
    FOREIGN,
    load_weights,
    read_checkpoint,
    read_weights,
    weights_of,
)
from harness.config_errors import build_problem, check_model
from harness.configs import import_custom_modules
from harness.errors import fail
from harness.evaluation.inference import check_guard
from harness.evaluation.model import default_device, learns
from harness.formats import bytes_text
from harness.grid.expand import Run, Start
from harness.networks.model import RecurrentVSR
from harness.networks.recurrent import RecurrentNet
from harness.runs.resets import Reset
from harness.training.loops import ClipTrainLoop
from harness.training.pi_loop import PIBPTTLoop
from harness.training.pool_loop import PoolLoop
from harness.training.state_bank import BankOptions, check_fits, free_space


class Bank(NamedTuple):
    """The size in bytes of a run's hidden-state bank in one of its processes, and its place."""

    size: int
    options: BankOptions
    folder: Path


def find_problems(starts: Sequence[Start], work_dir: Path, jobs: int, here: bool) -> list[str]:
    """Finds everything that would make a run fail at its start.

    Args:
        starts: The runs.
        work_dir: The default folder of banks on disk.
        jobs: The number of simultaneous runs.
        here: Whether they run on this machine; otherwise memory and GPUs are not checked.

    Returns:
        A line for each problem.
    """
    problems: list[str] = []
    built: dict[str, ClipTrainLoop | None] = {}
    banks = []
    for where, run, trains in starts:
        builder = Builder(where, problems)
        key = _without_seed(run.content)
        if key not in built:
            built[key] = builder.build(run, trains, here)
        loop = built[key]
        if here and isinstance(loop, (PIBPTTLoop, PoolLoop)):
            repeats = f', R={run.axes.repeats}' if run.axes.repeats else ''
            about = f'train_cfg.bank ({run.axes.strategy}{repeats})'
            bank = builder.part(about, _fitting_bank, loop, run, work_dir)
            banks += [bank] if bank else []
    nproc = max((start.run.content.get('nproc', 1) for start in starts), default=1)
    if here and nproc > 1:
        problems += _too_few_gpus(min(jobs, len(starts)), nproc)
    return problems + list(_crowded(banks, jobs, nproc))


def _too_few_gpus(jobs: int, nproc: int) -> list[str]:
    """A line if there are too few GPUs for runs of several processes, which need one for each."""
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not gpus or jobs * nproc <= gpus:
        return []
    return [f'jobs: {jobs} runs of {nproc} processes need {jobs * nproc} GPUs, there are {gpus}']


def _without_seed(content: dict) -> str:
    """A key that is equal for runs that differ only in their seed."""
    content = {key: value for key, value in content.items() if key != 'randomness'}
    return json.dumps(content, sort_keys=True, default=str)


class Builder:
    """Builds the parts of a config as training does, and records those that cannot be built.

    Args:
        where: How messages name the network.
        problems: Receives a line for each problem.
    """

    def __init__(self, where: str, problems: list[str]) -> None:
        self.where = where
        self.problems = problems

    def part(self, key: str, make: Callable, *args: Any, **kwargs: Any) -> Any:
        """Returns what ``make`` returns; if it raises, records a problem of ``key``: None."""
        try:
            return make(*args, **kwargs)
        except Exception as error:
            self.problems.append(f'{self.where} {build_problem(key, error)}')
            return None

    def build(self, run: Run, trains: bool, here: bool) -> ClipTrainLoop | None:
        """Builds all parts of a run.

        The optimizer wrapper, which may need a GPU, is built only ``here``.

        Returns:
            The training loop; None if the run is not trained or the loop cannot be built.
        """
        cfg = run.cfg
        init_default_scope('mmagic')
        self.part('custom_imports', import_custom_modules, cfg)
        model = self._model(cfg.model)
        if model and not run.is_trained:
            self.part('weights', _check_weights, model, run)
        if model:
            for reset in filter(None, (variant.reset for variant in run.variants)):
                self.part('reset_every', _check_reset, model.generator, reset)
        if not trains:
            return None
        hooks = self._hooks(cfg)
        if model and run.weights and Path(run.weights).is_file() and not any(map(_mends, hooks)):
            self.part('load_from', _check_start_weights, model, run.weights)
        loader = self.part(
            'train_dataloader', Runner.build_dataloader, cfg.train_dataloader, seed=0
        )
        if model is None:
            return None
        if here:
            self._optimizer(cfg, model)
        if loader is None:
            return None
        runner = SimpleNamespace(model=model, seed=0, register_hook=lambda *_, **__: None)
        given = dict(runner=runner, dataloader=loader)
        return self.part('train_cfg', LOOPS.build, cfg.train_cfg, default_args=given)

    def _model(self, cfg: Config) -> RecurrentVSR | None:
        count = len(self.problems)
        self.part('model', check_model, dict(model=cfg))
        if len(self.problems) > count:
            return None
        try:
            return MODELS.build(cfg)
        except Exception:
            self.part('model.generator', MODELS.build, cfg['generator'])
            if len(self.problems) == count:  # the generator is not the cause
                self.part('model', MODELS.build, cfg)
            return None

    def _optimizer(self, cfg: Config, model: torch.nn.Module) -> None:
        wrapper = self.part('optim_wrapper', build_optim_wrapper, model, cfg.optim_wrapper)
        if wrapper is None:
            return
        given = dict(optimizer=wrapper)
        entries = cfg.get('param_scheduler') or []
        for number, entry in enumerate([entries] if isinstance(entries, dict) else entries):
            key = f'param_scheduler[{number}]'
            self.part(key, PARAM_SCHEDULERS.build, entry, default_args=given)

    def _hooks(self, cfg: Config) -> list[Hook]:
        hooks = {f'default_hooks.{key}': hook for key, hook in cfg.get('default_hooks', {}).items()}
        hooks |= {f'custom_hooks[{i}]': hook for i, hook in enumerate(cfg.get('custom_hooks', ()))}
        given = {key: hook for key, hook in hooks.items() if hook is not None}
        return [self.part(key, HOOKS.build, hook) for key, hook in given.items()]


def _check_weights(model: torch.nn.Module, run: Run) -> None:
    """Checks that a trainable network which is not trained has weights, and that they fit."""
    if run.weights:
        weights = read_weights(run.weights, 'weights')
        load_weights(model, weights, run.weights, 'weights', FOREIGN)
    elif learns(model) and not run.random:
        fail(
            'weights: has parameters, but neither weights nor a training, so random weights '
            'would be evaluated: set weights=FILE, strategies or random=True'
        )


def _mends(hook: Hook | None) -> bool:
    """Whether a hook changes checkpoints before their weights are used."""
    return type(hook).after_load_checkpoint is not Hook.after_load_checkpoint if hook else False


def _check_start_weights(model: torch.nn.Module, source: str) -> None:
    """Checks the initial weights of a training, read as the training will read them."""
    weights = weights_of(read_checkpoint(source, 'load_from'))
    load_weights(model, weights, source, 'load_from', FOREIGN)


def _check_reset(net: RecurrentNet, reset: Reset) -> None:
    if not net.has_states and not net.bidirectional:
        fail(f'{type(net).__name__} processes each frame by itself and has no state to reset')
    if reset.is_guard:
        check_guard(net)


def _fitting_bank(loop: PIBPTTLoop | PoolLoop, run: Run, work_dir: Path) -> Bank:
    """The bank of one process of a run.

    Here the loop knows of no other ranks, so its own figure is the total of all of them.

    Raises:
        UserError: It does not fit.
    """
    options = loop.bank_options
    # the work directory may not exist yet
    existing = next(
        folder for folder in (work_dir, *work_dir.absolute().parents) if folder.is_dir()
    )
    folder = Path(options.folder or existing)
    size = loop.bank_bytes()
    if _on_gpu(options):
        size //= run.cfg.get('nproc', 1)
    check_fits(size, options, default_device(), folder)
    return Bank(size, options, folder)


def _on_gpu(options: BankOptions) -> bool:
    return options.place == 'device' and torch.cuda.is_available()


def _crowded(banks: Sequence[Bank], jobs: int, nproc: int) -> Iterator[str]:
    """A line for each place that is too small for the banks of all simultaneous runs."""
    by_place = defaultdict(list)
    for bank in banks:
        free, where = free_space(bank.options, default_device(), bank.folder)
        by_place[where, _on_gpu(bank.options)].append((bank.size, free))
    for (where, on_gpu), sizes in by_place.items():
        # runs take turns on the GPUs and share everything else
        together = math.ceil(jobs * nproc / torch.cuda.device_count()) if on_gpu else jobs
        largest = sorted((size for size, _ in sizes), reverse=True)[:together]
        free = min(free for _, free in sizes)
        if len(largest) > 1 and sum(largest) > free:
            yield (
                f'jobs: the hidden-state banks of {len(largest)} simultaneous runs need '
                f'{bytes_text(sum(largest))}, but only {bytes_text(free)} are free ({where}). '
                "Lower --jobs, or set train_cfg.bank=dict(place='cpu' or 'disk', dtype='float16')"
            )
