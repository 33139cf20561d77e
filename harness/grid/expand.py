"""From the axes of a grid to runs, each with its resolved config and its identity."""

import itertools
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Optional

from mmengine.config import Config

from dataset_tools.manifest import VideoSet
from harness.configs import custom_modules, module_file, own_modules
from harness.errors import fail
from harness.runs.evaluations import BEST, Variant
from harness.runs.folder import RunFolder
from harness.runs.grid_json import made_by, network_entry, set_entry, write_grid_record
from harness.runs.identity import digest, identity_of

from .grid_file import Grid, load_network

#: bytes of a run id; file systems allow 255 for the name of a folder
_LONGEST_ID = 240


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
        identity: all that determines its result, see :mod:`harness.runs.identity`.
        variants: how it is evaluated.
        random: random weights may be evaluated, where it is neither trained nor has others.
    """

    run_id: str
    axes: Axes
    content: dict
    identity: dict
    variants: tuple[Variant, ...]
    random: bool = False

    @cached_property
    def cfg(self) -> Config:
        """The resolved config."""
        return Config(self.content)

    @property
    def is_trained(self) -> bool:
        """Whether there is anything to train."""
        return self.axes.strategy is not None

    @property
    def weights(self) -> Optional[str]:
        """The file or URL of the weights that it begins with."""
        return self.content.get('load_from')

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


class Start(NamedTuple):
    """A run that is to start; how messages name its network, and whether it is to be trained."""

    where: str
    run: Run
    trains: bool


def expand(grid: Grid) -> list[Run]:
    """All runs of a grid in the order of its sweeps, each once."""
    configs = {key: load_network(entry).to_dict() for key, entry in grid.networks.items()}
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
            repeats = repeats if grid.has_repeats(strategy) else None
            axes = _used_axes(network, strategy, fc, repeats, train_set, seed)
            loads = strategy or configs[network].get('load_from')
            every = [None, *(sweep['reset_every'] if loads else ())]
            resets.setdefault(axes, {}).update(dict.fromkeys(every))
    return [_make_run(grid, configs, axes, tuple(every)) for axes, every in resets.items()]


def _used_axes(network, strategy, fc, repeats, train_set, seed) -> Axes:
    """The same for value combinations that are one and the same run."""
    if strategy is None:
        return Axes(network, None, False, None, '', 0)
    return Axes(network, strategy, fc, repeats, train_set, seed)


def _make_run(grid: Grid, configs: dict[str, dict], axes: Axes, resets) -> Run:
    cfg = resolve_config(grid, configs[axes.network], axes)
    train_set = grid.train_sets[axes.train_set] if axes.strategy else None
    variants = [Variant(reset_every) for reset_every in resets]
    chooses_best = bool(axes.strategy) and _keeps_best(cfg)
    if chooses_best:
        variants.append(Variant(checkpoint=BEST))
    folders = cfg.get('module_folders', ())
    modules = {name: module_file(name, folders) for name in own_modules(cfg)}
    identity = identity_of(cfg, train_set, chooses_best, modules)
    parts = [axes.network, axes.strategy or 'untrained']
    if axes.repeats:
        parts.append(f'R{axes.repeats}')
    if axes.fc:
        parts.append('FC')
    if axes.strategy:
        parts += [axes.train_set, f's{axes.seed}']
    parts.append(digest(identity)[:8])
    run_id = '-'.join(parts)
    if len(run_id.encode()) > _LONGEST_ID:
        fail(f'run {run_id}: its folder would need a shorter name; shorten the keys')
    is_random = grid.networks[axes.network].get('random', False)
    return Run(run_id, axes, cfg, identity, tuple(variants), is_random)


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
    _add_modules(grid, cfg)
    if not axes.strategy:
        return cfg
    if 'train_cfg' not in cfg or 'train_dataloader' not in cfg:
        fail(f'config {path}: needs train_cfg and train_dataloader for strategy {axes.strategy}')
    train_set = grid.train_sets[axes.train_set]
    loop = cfg['train_cfg']
    loop.update(grid.strategies[axes.strategy].loop)
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


def _add_modules(grid: Grid, cfg: dict) -> None:
    """What the grid file names beside the config's own modules."""
    if grid.modules:
        names = dict.fromkeys([*custom_modules(cfg), *grid.modules])
        cfg['custom_imports'] = dict(imports=list(names))
    if grid.plugins:
        cfg['plugins'] = list(grid.plugins)
    if grid.modules or grid.plugins:
        cfg['module_folders'] = list(dict.fromkeys([*cfg.get('module_folders', ()), grid.folder]))


def write_record(grid: Grid, runs: list[Run], work_dir: Path) -> None:
    """Writes ``grid.json``: what the reports need to know of the grid, in display order."""
    lr_kinds = {run.axes.network: run.content.get('lr_kind', 'lr_bd') for run in runs}
    used = dict.fromkeys(run.axes.strategy for run in runs if run.is_trained)
    write_grid_record(
        work_dir,
        grid.name,
        networks={
            key: network_entry(entry['label'], entry.get('paper'), lr_kinds.get(key, 'lr_bd'))
            for key, entry in grid.networks.items()
        },
        train_sets={key: _set_entry(grid, key, s) for key, s in grid.train_sets.items()},
        test_sets={
            key: dict(_set_entry(grid, key, s), made_by=made_by(s))
            for key, s in grid.test_sets.items()
        },
        external={
            key: network_entry(entry.label, entry.paper)
            for key, entry in grid.evaluation.external.items()
        },
        strategies=[grid.strategies[key] for key in used],
        runs=[run.record() for run in runs],
    )


def _set_entry(grid: Grid, key: str, video_set: VideoSet) -> dict:
    return set_entry(video_set, grid.labels[key], grid.papers.get(key))


def run_folder(work_dir: Path, run: Run) -> RunFolder:
    """Where a run keeps everything."""
    return RunFolder.of(work_dir, run.run_id)
