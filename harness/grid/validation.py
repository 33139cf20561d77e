"""Finds all problems of a grid before anything starts.

:func:`load_grid` checks the grid file, its sets and what every run needs of them, without
importing torch. :func:`check_start` checks what only the runs to start need: weight files,
networks and loops that can be built, and memory for the banks of hidden states.
"""

import os
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dataset_tools.manifest import DatasetError, VideoSet
from harness.clip_limits import Videos, clip_problems, number_problems
from harness.configs import custom_modules, module_file
from harness.errors import UserError, fail
from harness.grid.expand import Run, Start, run_folder
from harness.grid.fork_server import call, threads_of
from harness.grid.grid_file import Grid, load_network, read_grid
from harness.grid.resolve import resolve_config
from harness.grid.sweeps import AXES, Axes, axis_names, points


def load_grid(path: str, overrides: dict[str, list], nproc: int | None = None) -> Grid:
    """Reads and checks a grid file; for arguments see :func:`~harness.grid.grid_file.read_grid`.

    Raises:
        UserError: Lists all problems with their files and keys.
    """
    grid, problems = read_grid(path, overrides, nproc)
    if grid:
        networks = {key: load_network(entry).to_dict() for key, entry in grid.networks.items()}
        configs = _resolve(grid, networks, problems)
        for axes, cfg in configs.items():
            problems += _config_problems(grid, axes, cfg, networks[axes.network])
        if problems:
            for axes, cfg in configs.items():
                problems += missing_files(grid, axes, cfg, True)
    _refuse(path, problems)
    assert grid is not None  # otherwise there are problems
    return grid


def check_start(
    path: str, grid: Grid, runs: Sequence[Run], work_dir: Path, jobs: int, here: bool = True
) -> None:
    """Checks that ``runs`` can start or resume, by building everything that they consist of.

    Args:
        path: The grid file, for messages.
        grid: The grid.
        runs: The runs to start.
        work_dir: The folder that will contain the run folders, and so the banks on disk.
        jobs: The number of simultaneous runs.
        here: Whether they run on this machine and so use its memory.

    Raises:
        UserError: Lists all problems with their files and keys.
    """
    problems: list[str] = []
    starts = []
    for run in runs:
        folder = run_folder(work_dir, run)
        trains = run.is_trained and not folder.is_trained
        loads = not run.is_trained or (trains and not folder.checkpoints)
        problems += missing_files(grid, run.axes, run.content, loads)
        starts.append(Start(place(grid, run.axes.network), run, trains))
    # runs on this machine will use the same server
    threads = threads_of(jobs, grid.nproc)
    problems += call(_build, starts, work_dir, jobs, here, threads=threads)
    _refuse(path, problems)


def _build(*args: Any) -> list[str]:
    from harness.grid.building import find_problems

    with open(os.devnull, 'w') as nowhere:  # MMEngine logs each parameter's options
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    return find_problems(*args)


def _refuse(path: str, problems: Sequence[str]) -> None:
    """Fails if there are problems; a problem of several runs is listed once."""
    if problems:
        fail(f'grid {path}:\n  ' + '\n  '.join(dict.fromkeys(problems)))


def place(grid: Grid, network: str) -> str:
    """How messages name a network: ``'networks.frvsr (mm_configs/frvsr/frvsr_paper.py)'``."""
    return f'networks.{network} ({grid.networks[network]["config"]})'


def missing_files(grid: Grid, axes: Axes, cfg: dict, loads: bool) -> Iterator[str]:
    """A line for each missing weight file of a run.

    ``loads``: whether it needs ``load_from``, since it starts to train or only evaluates.
    """
    needed: dict[str, str | None] = {**_pretrained(cfg['model'], 'model')}
    if loads:
        needed['load_from'] = cfg.get('load_from')
    for key, source in needed.items():
        if source and '://' not in source and not Path(source).is_file():
            yield f'{place(grid, axes.network)} {key}: no such file: {source}'


def _pretrained(entry: Mapping[str, Any], path: str) -> dict[str, str]:
    """Key -> file of all entries ``*_pretrained``."""
    found: dict[str, str] = {}
    for key, value in entry.items():
        if key.endswith('pretrained'):
            found[f'{path}.{key}'] = value
        elif isinstance(value, dict):
            found |= _pretrained(value, f'{path}.{key}')
    return found


def _resolve(grid: Grid, networks: dict[str, dict], problems: list[str]) -> dict[Axes, dict]:
    """Resolves the config of every position in the grid, and adds those that fail to ``problems``.

    Seeds, R and FC are ignored, so that an invalid R does not hide other problems.
    """
    configs: dict[Axes, dict] = {}
    for sweep in grid.sweeps:
        for axes, _ in points(_sound_part(grid, sweep), grid.strategies):
            if axes in configs:
                continue
            try:
                configs[axes] = resolve_config(grid, networks, axes).content
            except UserError as error:
                problems.append(f'networks.{axes.network}: {error}')
            except KeyError as error:
                problems.append(f'{place(grid, axes.network)} train_dataloader: has no {error}')
    return configs


def _sound_part(grid: Grid, sweep: dict[str, list]) -> dict[str, list]:
    """The sweep with only its valid values; the others have been reported already."""
    known: dict[str, Collection] = dict(
        networks=grid.networks,
        strategies=(*grid.strategies, None),
        train_sets=grid.train_sets or (None,),
    )
    part: dict[str, list] = dict(fc=[False], R=[1], seeds=[0], reset_every=[None])
    for axis, values in sweep.items():
        listed = values if isinstance(values, (list, tuple)) else []
        if axis in known:
            part[axis] = [value for value in listed if value in known[axis]]
        elif axis not in AXES and axis != 'budget' and axis in axis_names(grid.strategies):
            part[axis] = [value for value in listed if isinstance(value, Hashable)]
    return part


def _config_problems(grid: Grid, axes: Axes, cfg: dict, network: dict) -> Iterator[str]:
    """The problems of a run's config and of training with it on its set, each with file and key.

    Args:
        grid: The grid.
        axes: The run's position.
        cfg: Its resolved config.
        network: The config of its network, which has options for strategies.
    """
    where = place(grid, axes.network)
    of_strategies = network.get('strategies', {})
    for key in of_strategies.keys() - grid.strategies.keys():
        known = ', '.join(grid.strategies)
        yield f'{where} strategies.{key}: unknown strategy; there are {known}'
    for name in custom_modules(network):
        if module_file(name, cfg.get('module_folders', ())) is None:
            yield f'{where} custom_imports: no module {name} beside it or on the Python path'
    if not axes.strategy:
        return
    try:
        numbers, limits = _clip_problems(cfg, grid.train_sets[axes.train_set], grid.nproc)
    except (KeyError, DatasetError) as error:
        missing = f'train_cfg: has no {error.args[0]}'
        lr_kind = f'train_dataloader.dataset.lr_kind with train_sets.{axes.train_set}: {error}'
        yield f'{where} {missing if isinstance(error, KeyError) else lr_kind}'
        return
    for key, problem in (numbers | limits).items():
        if key == 'batch_size':
            path = 'train_dataloader.batch_size'
        elif key in of_strategies.get(axes.strategy, {}):
            path = f'strategies.{axes.strategy}.{key}'
        else:
            path = f'train_cfg.{key}'
        of_set = '' if key in numbers else f' with train_sets.{axes.train_set}'
        yield f'{where} {path}{of_set}: {problem}'


def _clip_problems(cfg: dict, train_set: VideoSet, nproc: int) -> tuple[dict, dict]:
    """Key -> problem: of the numbers themselves, and of the limits of the training set."""
    options, loading = cfg['train_cfg'], cfg['train_dataloader']
    lr_kind = loading['dataset'].get('lr_kind', 'lr_bd')
    train_set.require(lr_kind)
    videos = list(train_set.videos.values())
    wanted = dict(
        clip_length=options['clip_length'],
        crop_size=options['crop_size'],
        batch_size=loading['batch_size'],
        windows_per_video=options.get('windows_per_video', 1),
        repeats=options.get('repeats', 1),
    )
    numbers = number_problems(dict(wanted, max_iters=options['max_iters']))
    about = Videos(
        [v.frames for v in videos], [v.sizes[lr_kind] for v in videos], [v.name for v in videos]
    )
    limits = clip_problems(about, **wanted, world_size=nproc)
    return numbers, {key: text for key, text in limits.items() if key not in numbers}
