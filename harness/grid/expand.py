"""Expands the sweeps of a grid into runs, each with its resolved config and identity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from mmengine.config import Config

from dataset_tools.manifest import VideoSet
from harness.configs import module_file, own_modules
from harness.errors import fail
from harness.grid.grid_file import Grid, load_network
from harness.grid.resolve import resolve_config
from harness.grid.sweeps import Axes, Point, points
from harness.runs.evaluations import BEST, Variant
from harness.runs.folder import RunFolder
from harness.runs.grid_json import made_by, network_entry, set_entry, write_grid_record
from harness.runs.identity import digest, identity_of
from harness.runs.resets import Reset

#: limit on the bytes of a run id; file systems allow 255 for a folder name
_LONGEST_ID = 240
#: parts of an identity that do not affect the time of an iteration
_NOT_TIME = ('load_from', 'param_scheduler', 'randomness', 'best_by', 'val_set')


@dataclass(frozen=True)
class Run:
    """A run of the grid.

    Attributes:
        run_id: Its name, which ends in a hash of its identity.
        axes: Its position in the grid.
        content: The resolved config as plain values.
        identity: Everything that determines its result, see :mod:`harness.runs.identity`.
        variants: The ways in which it is evaluated.
        random: Whether random weights may be evaluated if it has no others and is not trained.
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
        """Whether the run includes a training."""
        return self.axes.strategy is not None

    @property
    def weights(self) -> str | None:
        """The file or URL of its initial weights."""
        return self.content.get('load_from')

    @property
    def iterations(self) -> int:
        """The number of optimizer steps; 0 without training."""
        return self.content['train_cfg']['max_iters'] if self.is_trained else 0

    def record(self) -> dict:
        """The run's entry in ``grid.json`` and ``run.json``."""
        return dict(
            run_id=self.run_id,
            **self.axes.record(),
            iterations=self.iterations,
            variants=[variant.to_json() for variant in self.variants],
        )


class Start(NamedTuple):
    """A run to start, how messages name its network, and whether it has to be trained."""

    where: str
    run: Run
    trains: bool


class Expansion(NamedTuple):
    """The known runs of a grid, and those whose training time has to be measured first.

    Attributes:
        runs: The known runs in the order of the sweeps, without duplicates.
        untimed: Runs of which others need the seconds per iteration, which are unknown.
        waiting: The number of runs that depend on these.
    """

    runs: list[Run]
    untimed: list[Run]
    waiting: int


def expand(grid: Grid, times: Mapping[str, float] = MappingProxyType({})) -> list[Run]:
    """The known runs of a grid in the order of its sweeps, without duplicates.

    Args:
        grid: The grid.
        times: :func:`time_key` of a run -> its seconds per iteration, for ``budget='time'``.
    """
    return expansion(grid, times).runs


def expansion(grid: Grid, times: Mapping[str, float]) -> Expansion:
    """As :func:`expand`, with the runs that are not known yet."""
    configs = {key: load_network(entry).to_dict() for key, entry in grid.networks.items()}
    resets: dict[Point, dict[int | str | None, None]] = {}
    for sweep in grid.sweeps:
        for point in points(sweep, grid.strategies):
            loads = point.axes.strategy or configs[point.axes.network].get('load_from')
            wanted_resets = [None, *(sweep['reset_every'] if loads else ())]
            resets.setdefault(point, {}).update(dict.fromkeys(wanted_resets))
    found: dict[str, Run] = {}
    untimed: dict[str, Run] = {}
    waiting = 0
    for point, every in resets.items():
        iterations = None
        if point.reference:
            own = point.axes._replace(options=point.axes.options[:-1])
            pair = [_make_run(grid, configs, axes, ()) for axes in (own, point.reference)]
            lacking = [run for run in pair if time_key(run) not in times]
            untimed |= {time_key(run): run for run in lacking}
            if lacking:
                waiting += 1
                continue
            mine, wanted = (times[time_key(run)] for run in pair)
            iterations = max(1, int(pair[1].iterations * wanted / mine))
        run = _make_run(grid, configs, point.axes, tuple(every), iterations)
        known = found.get(run.run_id)
        found[run.run_id] = _merged(known, run) if known else run
    return Expansion(list(found.values()), list(untimed.values()), waiting)


def _merged(first: Run, second: Run) -> Run:
    """Merges the same run of two sweeps, which may differ in their axes and variants."""
    axes = max(first.axes, second.axes, key=lambda axes: len(axes.options))
    variants = tuple(dict.fromkeys([*first.variants, *second.variants]))
    return replace(first, axes=axes, variants=variants)


def time_key(run: Run) -> str:
    """A key that is equal for runs whose iterations take the same time; it is stable."""
    content = {key: run.identity[key] for key in run.identity if key not in _NOT_TIME}
    content['train_cfg'] = {k: v for k, v in run.identity['train_cfg'].items() if k != 'max_iters'}
    return f'{run.axes.network}-{run.axes.strategy}-{digest(content)[:12]}'


def _make_run(
    grid: Grid,
    configs: dict[str, dict],
    axes: Axes,
    resets: Sequence[int | str | None],
    iterations: int | None = None,
) -> Run:
    cfg, changes = resolve_config(grid, configs, axes, iterations)
    train_set = grid.train_sets[axes.train_set] if axes.strategy else None
    variants = [Variant(Reset.parse(reset) if reset else None) for reset in resets]
    chooses_best = bool(axes.strategy) and _keeps_best(cfg)
    if chooses_best:
        variants.append(Variant(checkpoint=BEST))
    folders = cfg.get('module_folders', ())
    modules = {}
    for name in own_modules(cfg):
        file = module_file(name, folders)
        assert file is not None, name  # load_grid refuses grids whose modules are missing
        modules[name] = file
    identity = identity_of(cfg, train_set, chooses_best, modules)
    parts = [axes.network, axes.strategy or 'untrained']
    if axes.repeats:
        parts.append(f'R{axes.repeats}')
    if axes.fc:
        parts.append('FC')
    parts += changes
    if axes.strategy:
        parts += [axes.train_set, f's{axes.seed}']
    parts.append(digest(identity)[:8])
    run_id = '-'.join(parts)
    if len(run_id.encode()) > _LONGEST_ID:
        fail(f'run {run_id}: the name is too long for a folder; shorten the keys of the grid file')
    is_random = grid.networks[axes.network].get('random', False)
    return Run(run_id, axes, cfg, identity, tuple(variants), is_random)


def _keeps_best(cfg: dict) -> bool:
    """Whether validation selects a checkpoint."""
    hook = cfg.get('default_hooks', {}).get('checkpoint') or {}
    return bool(cfg.get('val_dataloader') and hook.get('save_best'))


def write_record(grid: Grid, runs: list[Run], work_dir: Path) -> None:
    """Writes ``grid.json``: what reports need to know about the grid, in display order."""
    lr_kinds = {run.axes.network: run.content.get('lr_kind', 'lr_bd') for run in runs}
    used = dict.fromkeys(run.axes.strategy for run in runs if run.axes.strategy is not None)
    write_grid_record(
        work_dir,
        grid.name,
        networks={
            key: network_entry(entry['label'], entry.get('paper'), lr_kinds.get(key, 'lr_bd'))
            for key, entry in grid.networks.items()
        },
        train_sets={key: _set_entry(grid, key, s) for key, s in grid.train_sets.items()},
        test_sets={
            key: dict(
                _set_entry(grid, key, s, grid.evaluation.protocols.get(key, '')),
                made_by=made_by(s),
            )
            for key, s in grid.test_sets.items()
        },
        external={
            key: network_entry(entry.label, entry.paper)
            for key, entry in grid.evaluation.external.items()
        },
        strategies=[grid.strategies[key] for key in used],
        runs=[run.record() for run in runs],
    )


def _set_entry(grid: Grid, key: str, video_set: VideoSet, protocol: str = '') -> dict:
    return set_entry(video_set, grid.labels[key], grid.papers.get(key), protocol)


def run_folder(work_dir: Path, run: Run) -> RunFolder:
    """The folder of a run."""
    return RunFolder.of(work_dir, run.run_id)
