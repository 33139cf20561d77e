"""From the axes of a grid to runs, each with its resolved config and its identity."""

import itertools
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Optional

from mmengine.config import Config

from dataset_tools.manifest import VideoSet
from harness.errors import fail

from .evaluation_plan import External
from .evaluations import BEST, Variant
from .grid_file import STRATEGIES, WITH_REPEATS, Grid, load_network
from .identity import digest, identity_of


class Axes(NamedTuple):
    """Where a run stands in the grid; ``repeats`` is R. Untrained networks have only a network."""

    network: str
    strategy: Optional[str]
    fc: bool
    repeats: Optional[int]
    train_set: str
    seed: int


@dataclass(frozen=True)
class Run:
    """A run of the grid.

    Attributes:
        run_id: its name, which ends in a hash of its identity.
        axes: where it stands in the grid.
        content: the resolved config as plain values.
        identity: all that determines its result, see :mod:`harness.grid.identity`.
        variants: how it is evaluated.
    """

    run_id: str
    axes: Axes
    content: dict
    identity: dict
    variants: tuple[Variant, ...]

    @cached_property
    def cfg(self) -> Config:
        """The resolved config."""
        return Config(self.content)

    @property
    def is_trained(self) -> bool:
        """Whether there is anything to train."""
        return self.axes.strategy is not None

    @property
    def iterations(self) -> int:
        """Optimizer steps."""
        return self.content['train_cfg']['max_iters'] if self.is_trained else 0

    def record(self) -> dict:
        """The run as ``grid.json`` and ``run.json`` hold it."""
        return dict(
            run_id=self.run_id,
            **self.axes._asdict(),
            iterations=self.iterations,
            variants=[variant.record() for variant in self.variants],
        )


def expand(grid: Grid) -> list[Run]:
    """All runs of a grid in the order of its sweeps, each once."""
    resets: dict[Axes, dict[Optional[int], None]] = {}
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
            axes = _used_axes(network, strategy, fc, repeats, train_set, seed)
            every = [None, *(sweep['reset_every'] if strategy else ())]
            resets.setdefault(axes, {}).update(dict.fromkeys(every))
    configs = {key: load_network(entry).to_dict() for key, entry in grid.networks.items()}
    return [_make_run(grid, configs, axes, tuple(every)) for axes, every in resets.items()]


def _used_axes(network, strategy, fc, repeats, train_set, seed) -> Axes:
    """The same for value combinations that are one and the same run."""
    if strategy is None:
        return Axes(network, None, False, None, '', 0)
    return Axes(
        network, strategy, fc, repeats if strategy in WITH_REPEATS else None, train_set, seed
    )


def _make_run(grid: Grid, configs: dict[str, dict], axes: Axes, resets) -> Run:
    cfg = resolve_config(grid, configs[axes.network], axes)
    train_set = grid.train_sets[axes.train_set] if axes.strategy else None
    variants = [Variant(reset_every) for reset_every in resets]
    chooses_best = bool(axes.strategy) and _keeps_best(cfg)
    if chooses_best:
        variants.append(Variant(checkpoint=BEST))
    identity = identity_of(cfg, train_set, chooses_best)
    parts = [axes.network, axes.strategy or 'untrained']
    if axes.repeats:
        parts.append(f'R{axes.repeats}')
    if axes.fc:
        parts.append('FC')
    if axes.strategy:
        parts += [axes.train_set, f's{axes.seed}']
    parts.append(digest(identity)[:8])
    return Run('-'.join(parts), axes, cfg, identity, tuple(variants))


def _keeps_best(cfg: dict) -> bool:
    """Whether validation chooses a checkpoint."""
    hook = cfg.get('default_hooks', {}).get('checkpoint') or {}
    return bool(cfg.get('val_dataloader') and hook.get('save_best'))


def resolve_config(grid: Grid, network: dict, axes: Axes) -> dict:
    """A network's config with strategy, R, FC, training set and seed filled in, as plain values.

    A config may hold other options of ``FrameConditioned`` for its runs with FC:
    ``frame_conditioning = dict(direction_aware=True)``.
    """
    path = grid.networks[axes.network]['config']
    cfg = deepcopy(network)
    if 'model' not in cfg:
        fail(f'config {path}: has no model')
    if not axes.strategy:
        return cfg
    if 'train_cfg' not in cfg or 'train_dataloader' not in cfg:
        fail(f'config {path}: needs train_cfg and train_dataloader for strategy {axes.strategy}')
    train_set = grid.train_sets[axes.train_set]
    loop = cfg['train_cfg']
    loop.update(STRATEGIES[axes.strategy])
    loop.update(cfg.pop('strategies', {}).get(axes.strategy, {}))
    if axes.repeats:
        loop['repeats'] = axes.repeats
    if grid.nproc > 1:
        cfg['nproc'] = grid.nproc  # batches are nproc times as large
    options = cfg.pop('frame_conditioning', {})
    if axes.fc:
        frames = max(video.frames for video in train_set.videos.values())
        cfg['model']['generator'] = dict(
            dict(type='FrameConditioned', net=cfg['model']['generator'], last_frame=frames - 1),
            **options,
        )
    cfg['train_dataloader']['dataset']['data_root'] = str(train_set.root)
    cfg['randomness'] = dict(seed=axes.seed)
    return cfg


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
    lr_kinds = {run.axes.network: run.content.get('lr_kind', 'lr_bd') for run in runs}
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
