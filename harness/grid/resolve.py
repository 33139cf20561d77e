"""The config of a run: its network's config with the run's position in the grid filled in."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, NamedTuple

from harness.configs import custom_modules
from harness.errors import fail
from harness.grid.grid_file import Grid
from harness.grid.sweeps import Axes, short_value
from harness.strategies import options_of

#: entries of learning rate schedules that count iterations
_SCHEDULE = {
    'begin',
    'end',
    'T_max',
    'total_iters',
    'total_steps',
    'step_size',
    'milestones',
    'periods',
}


class Resolved(NamedTuple):
    """A config as plain values, and the changes by further axes, for the run id."""

    content: dict
    changes: list[str]


def resolve_config(
    grid: Grid, networks: dict[str, dict], axes: Axes, iterations: int | None = None
) -> Resolved:
    """Fills strategy, R, FC, training set, seed and further axes into a network's config.

    A config may contain options of ``FrameConditioned`` for its runs with FC:
    ``frame_conditioning = dict(direction_aware=True)``.

    Args:
        grid: The grid.
        networks: Network -> its config as plain values.
        axes: The run's position.
        iterations: The number of iterations, instead of the config's.

    Raises:
        UserError: The config cannot be trained, or ``init_from`` names a network without weights.
    """
    path = grid.networks[axes.network]['config']
    cfg = deepcopy(networks[axes.network])
    if 'model' not in cfg:
        fail(f'config {path}: has no model')
    _add_modules(grid, cfg)
    if not axes.strategy:
        return Resolved(cfg, [])
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
    known = options_of(grid.strategies[axes.strategy])
    return Resolved(cfg, _set_options(known, networks, cfg, axes, iterations))


def _set_options(
    known: Mapping[str, Any],
    networks: dict[str, dict],
    cfg: dict,
    axes: Axes,
    iterations: int | None,
) -> list[str]:
    """Fills in the further axes; returns names of those that change the config."""
    loop, changes = cfg['train_cfg'], []
    clip_length, wanted = loop.get('clip_length'), iterations
    for key, value in axes.options:
        if key == 'max_iters':
            changed, wanted = loop.get(key) != value, value
        elif key == 'batch':
            changed = value == 'frames' and _keep_frames(cfg, clip_length)
        elif key == 'init_from':
            changed = _set_weights(networks, cfg, value)
        elif key == 'as_long_as':
            changed = True
        else:
            changed = loop.get(key, known[key]) != value
            loop.update({key: value} if changed else {})
        changes += [f'{key}_{short_value(key, value)}'] if changed else []
    if wanted:
        _set_iterations(cfg, wanted)
    return changes


def _keep_frames(cfg: dict, clip_length: int) -> bool:
    """Adapts the batch size so that the frames per batch stay the same; returns if it changed."""
    loading, before = cfg['train_dataloader'], cfg['train_dataloader']['batch_size']
    loading['batch_size'] = max(1, round(before * clip_length / cfg['train_cfg']['clip_length']))
    return loading['batch_size'] != before


def _set_weights(networks: dict[str, dict], cfg: dict, source: str | None) -> bool:
    """Sets the initial weights of a training, or none; returns if that changed the config."""
    before = cfg.get('load_from')
    if source in networks:
        if not networks[source].get('load_from'):
            fail(f'init_from: network {source} has no weights')
        source = networks[source]['load_from']
    cfg['load_from'] = source
    return source != before


def _set_iterations(cfg: dict, iterations: int) -> None:
    """Sets the number of iterations and scales the learning rate schedule accordingly."""
    before = cfg['train_cfg']['max_iters']
    cfg['train_cfg']['max_iters'] = iterations

    def scaled(value: Any) -> Any:
        return round(value * iterations / before) if type(value) is int else value

    schedules = cfg.get('param_scheduler') or []
    for schedule in [schedules] if isinstance(schedules, dict) else schedules:
        for key in schedule.keys() & _SCHEDULE:
            value = schedule[key]
            is_list = isinstance(value, (list, tuple))
            schedule[key] = [scaled(v) for v in value] if is_list else scaled(value)


def _add_modules(grid: Grid, cfg: dict) -> None:
    """Adds the modules and plugins of the grid file to those of the config."""
    if grid.modules:
        names = dict.fromkeys([*custom_modules(cfg), *grid.modules])
        cfg['custom_imports'] = dict(imports=list(names))
    if grid.plugins:
        cfg['plugins'] = list(grid.plugins)
    if grid.modules or grid.plugins:
        cfg['module_folders'] = list(dict.fromkeys([*cfg.get('module_folders', ()), grid.folder]))
