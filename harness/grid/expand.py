"""From the axes of a grid to runs, each with its resolved config and its identity."""

import hashlib
import itertools
import json
from pathlib import Path
from typing import NamedTuple, Optional

from mmengine.config import Config

from dataset_tools.manifest import VideoSet
from harness.cli import fail

from .evaluation_plan import External
from .grid_file import STRATEGIES, WITH_REPEATS, Grid, load_network

#: Raise it when a change of the code changes results, so that old runs are not taken for new ones.
RESULTS_VERSION = 1

#: Config entries that cannot change what a run computes, and so do not belong to its identity.
NOT_IDENTITY = (
    'custom_imports',
    'default_hooks',
    'default_scope',
    'env_cfg',
    'find_unused_parameters',
    'launcher',
    'log_level',
    'log_processor',
    'resume',
    'test_sets',
    'train_cfg.bank.folder',
    'train_cfg.bank.place',
    'train_cfg.state_pass_batch',
    'train_cfg.val_begin',
    'train_cfg.val_interval',
    'train_dataloader.dataset.cache',
    'train_dataloader.dataset.data_root',  # the set's checksum stands for its place
    'train_dataloader.num_workers',
    'train_dataloader.persistent_workers',
    'train_dataloader.pin_memory',
    'val_cfg',
    'val_dataloader',
    'val_evaluator',
    'visualizer',
    'work_dir',
)


class Axes(NamedTuple):
    """Where a run stands in the grid; ``repeats`` is R. Untrained networks have only a network."""

    network: str
    strategy: Optional[str]
    fc: bool
    repeats: Optional[int]
    train_set: str
    seed: int


class Run(NamedTuple):
    """A run of the grid: its id, axes, resolved config and length."""

    run_id: str
    axes: Axes
    cfg: Config
    iterations: int

    def record(self) -> dict:
        """The run as ``grid.json`` and ``run.json`` hold it."""
        return dict(run_id=self.run_id, **self.axes._asdict(), iterations=self.iterations)


def expand(grid: Grid) -> list[Run]:
    """All runs of a grid in the order of its sweeps, each once."""
    axes: dict[Axes, None] = {}
    for sweep in grid.sweeps:
        product = itertools.product(
            sweep['networks'],
            sweep['strategies'],
            sweep['fc'],
            sweep['R'],
            sweep['train_sets'],
            sweep['seeds'],
        )
        for network, strategy, fc, repeats, train_set, seed in product:
            axes[_used_axes(network, strategy, fc, repeats, train_set, seed)] = None
    return [_make_run(grid, a) for a in axes]


def _used_axes(network, strategy, fc, repeats, train_set, seed) -> Axes:
    """The same for value combinations that are one and the same run."""
    if strategy is None:
        return Axes(network, None, False, None, '', 0)
    return Axes(
        network, strategy, fc, repeats if strategy in WITH_REPEATS else None, train_set, seed
    )


def _make_run(grid: Grid, axes: Axes) -> Run:
    cfg = resolve_config(grid, axes)
    iterations = cfg.train_cfg.max_iters if axes.strategy else 0
    train_set = grid.train_sets[axes.train_set] if axes.strategy else None
    parts = [axes.network, axes.strategy or 'untrained']
    if axes.repeats:
        parts.append(f'R{axes.repeats}')
    if axes.fc:
        parts.append('FC')
    if axes.strategy:
        parts += [axes.train_set, f's{axes.seed}']
    parts.append(identity(cfg, train_set)[:8])
    return Run('-'.join(parts), axes, cfg, iterations)


def resolve_config(grid: Grid, axes: Axes) -> Config:
    """The network's config with strategy, R, FC, training set and seed filled in.

    A config may hold other options of ``FrameConditioned`` for its runs with FC:
    ``frame_conditioning = dict(direction_aware=True)``.
    """
    path = grid.networks[axes.network]['config']
    cfg = load_network(grid.networks[axes.network])
    if 'model' not in cfg:
        fail(f'config {path}: has no model')
    if not axes.strategy:
        return cfg
    if 'train_cfg' not in cfg or 'train_dataloader' not in cfg:
        fail(f'config {path}: needs train_cfg and train_dataloader for strategy {axes.strategy}')
    train_set = grid.train_sets[axes.train_set]
    options = cfg.pop('strategies', {}).get(axes.strategy, {})
    cfg.train_cfg.update(STRATEGIES[axes.strategy])
    cfg.train_cfg.update(options)
    if axes.repeats:
        cfg.train_cfg.repeats = axes.repeats
    if grid.nproc > 1:
        cfg.nproc = grid.nproc  # batches are nproc times as large
    options = cfg.pop('frame_conditioning', {})
    if axes.fc:
        frames = max(video.frames for video in train_set.videos.values())
        cfg.model.generator = dict(
            dict(type='FrameConditioned', net=cfg.model.generator, last_frame=frames - 1), **options
        )
    cfg.train_dataloader.dataset.data_root = str(train_set.root)
    cfg.randomness = dict(seed=axes.seed)
    return cfg


def identity(cfg: Config, train_set: Optional[VideoSet]) -> str:
    """Hash of all that determines a run's result."""
    content = cfg.to_dict()
    for key in NOT_IDENTITY:
        _remove(content, key.split('.'))
    content['results_version'] = RESULTS_VERSION
    content['train_set'] = train_set.checksum if train_set else None
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _remove(content: dict, path: list[str]) -> None:
    """Takes a nested entry out, and its parents where nothing else is in them."""
    first, *rest = path
    if rest and isinstance(content.get(first), dict):
        _remove(content[first], rest)
    if not rest or not content.get(first):
        content.pop(first, None)


def grid_record(grid: Grid, runs: list[Run]) -> dict:
    """``grid.json``: what the reports need to know of the plan, in display order."""
    return dict(
        name=grid.name,
        networks=_network_records(grid, runs),
        train_sets={key: _set_record(grid, key, s) for key, s in grid.train_sets.items()},
        test_sets={key: _set_record(grid, key, s) for key, s in grid.test_sets.items()},
        external={key: _external_record(e) for key, e in grid.evaluation.external.items()},
        runs=[run.record() for run in runs],
    )


def _network_records(grid: Grid, runs: list[Run]) -> dict[str, dict]:
    lr_kinds = {run.axes.network: run.cfg.get('lr_kind', 'lr_bd') for run in runs}
    return {
        key: dict(
            {name: entry[name] for name in ('label', 'paper') if name in entry},
            lr_kind=lr_kinds.get(key, 'lr_bd'),
        )
        for key, entry in grid.networks.items()
    }


def _external_record(entry: External) -> dict[str, str]:
    return dict(label=entry.label, **({'paper': entry.paper} if entry.paper else {}))


def _set_record(grid: Grid, key: str, video_set: VideoSet) -> dict:
    """Names of a set, and of each of its videos the frames and the HR size (height, width)."""
    videos = video_set.videos.values()
    paper = {'paper': grid.papers[key]} if key in grid.papers else {}
    return dict(
        label=grid.labels[key],
        **paper,
        checksum=video_set.checksum,
        videos={video.name: video.frames for video in videos},
        sizes={video.name: video.sizes['gt'] for video in videos},
    )


def run_folder(work_dir: Path, run: Run) -> Path:
    """Where a run keeps everything."""
    return work_dir / 'runs' / run.run_id
