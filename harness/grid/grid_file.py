"""Reading and checking a grid file.

A grid file is an MMEngine config with these entries::

    networks = dict(KEY=dict(config='mm_configs/...', label='...'))  # in the order of the report
    train_sets = dict(KEY=dict(root='data/...', label='...'))
    test_sets = dict(KEY=dict(root='data/...', label='...'))
    sweeps = [dict(networks=[...], strategies=['RI', 'PI'], R=[8], fc=[False], seeds=[0],
                   reset_every=[None, 15])]
    jobs = 2  # worker processes
    nproc = 1  # processes of each training (torchrun)
    launcher = 'slurm'  # 'local' by default
    slurm = dict(time='1-00:00:00', partition='gpu')  # see harness/grid/slurm/options.py

and those of :mod:`harness.grid.evaluation_plan`. Each sweep is the product of its axes; the runs
of all sweeps together are the grid. ``reset_every`` adds no runs, but evaluations: the state is set
back every so many frames (None: never). Networks may share a config and differ in
``options=['model.generator.layers=3', ...]``, which are those of ``--cfg-options``. A config whose
networks work on other LR frames than BD says ``lr_kind='lr_bi'``. A network or set that is the same
as one of the papers' may say so by its name there, ``paper='FRVSR'``: the report then shows the
paper's numbers beside its own (see ``reports/paper.py``).
"""

from pathlib import Path
from typing import NamedTuple, Optional

from mmengine.config import Config

from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.pack.reader import PackedVideos
from harness.clip_limits import is_count, number_problems
from harness.configs import load_config
from harness.errors import UserError, fail

from .evaluation_plan import EvaluationPlan, plan_evaluation

#: axis -> values of a sweep that does not name it
AXES = {
    'networks': None,
    'strategies': None,
    'R': [None],
    'fc': [False],
    'train_sets': None,
    'seeds': [0],
    'reset_every': [None],
}
#: strategy -> its training loop; None is a network that needs no training
STRATEGIES = {
    'RI': dict(type='RIBPTTLoop'),
    'TBPTT': dict(type='TBPTTLoop'),
    'PI': dict(type='PIBPTTLoop'),
    'PI-all': dict(type='PIBPTTLoop', states='all'),
    None: None,
}
LAUNCHERS = ('local', 'slurm')
#: the strategies that have an R
WITH_REPEATS = ('PI', 'PI-all')


class Grid(NamedTuple):
    """A checked grid file; sets are loaded, sweeps have a value list for every axis."""

    name: str
    networks: dict[str, dict]
    train_sets: dict[str, VideoSet]
    test_sets: dict[str, VideoSet]
    labels: dict[str, str]  # of the sets
    papers: dict[str, str]  # set -> its name in the papers' tables, where the grid file has one
    sweeps: list[dict[str, list]]
    jobs: int
    nproc: int
    launcher: str
    slurm: dict
    evaluation: EvaluationPlan


def read_grid(
    path: str, overrides: dict[str, list], nproc: Optional[int] = None
) -> tuple[Optional[Grid], list[str]]:
    """Reads a grid file and checks what can be seen without looking into the runs.

    Args:
        path: the grid file.
        overrides: axis -> values that replace those of every sweep that has the axis.
        nproc: processes of each training in place of the grid's.

    Returns:
        The grid with those networks and sets that can be loaded, None where an entry of the file is
        missing; and its problems, each with the key it is in.

    Raises:
        UserError: there is no such file, or it is no config.
    """
    cfg = load_config(path)
    wanted = ('networks', 'train_sets', 'test_sets', 'sweeps')
    problems = [f'{key}: missing or empty' for key in wanted if not cfg.get(key)]
    if problems:
        return None, problems
    jobs, nproc = cfg.get('jobs', 1), nproc or cfg.get('nproc', 1)
    if cfg.get('launcher', 'local') not in LAUNCHERS:
        problems.append(f'launcher: {cfg.launcher!r} is none of {", ".join(LAUNCHERS)}')
    numbers = number_problems(dict(jobs=jobs, nproc=nproc))
    problems += [f'{key}: {problem}' for key, problem in numbers.items()]
    networks, kinds = _load_networks(cfg.networks, problems)
    train_sets = _load_sets('train_sets', cfg.train_sets, kinds, problems)
    test_sets = _load_sets('test_sets', cfg.test_sets, kinds, problems)
    evaluation = plan_evaluation(cfg, test_sets, problems)
    sweeps = [_complete(dict(s), overrides, cfg) for s in cfg.sweeps]
    for number, sweep in enumerate(sweeps):
        problems += [f'sweeps[{number}].{p}' for p in _check_sweep(sweep, cfg)]
    named = {**cfg.train_sets, **cfg.test_sets}
    labels = {key: entry.get('label', key) for key, entry in named.items()}
    papers = {key: entry['paper'] for key, entry in named.items() if 'paper' in entry}
    grid = Grid(
        Path(path).stem,
        networks,
        train_sets,
        test_sets,
        labels,
        papers,
        sweeps,
        jobs,
        nproc,
        cfg.get('launcher', 'local'),
        dict(cfg.get('slurm', {})),
        evaluation,
    )
    return grid, problems


def _load_networks(entries, problems) -> tuple[dict[str, dict], list[str]]:
    """The entries whose configs can be read, and the kinds of LR frames that they work on."""
    networks, kinds = {}, set()
    for key, entry in entries.items():
        try:
            kinds.add(load_network(entry).get('lr_kind', 'lr_bd'))
            networks[key] = dict(entry, label=entry.get('label', key))
        except UserError as error:
            problems.append(f'networks.{key}: {error}')
    return networks, sorted(kinds)


def load_network(entry: dict) -> Config:
    """The config of a network of the grid, with its options.

    Raises:
        UserError: the entry names no config, or none that can be read.
    """
    if 'config' not in entry:
        fail('has no config')
    return load_config(entry['config'], entry.get('options', []))


def _load_sets(axis, entries, lr_kinds, problems) -> dict[str, VideoSet]:
    sets = {}
    for key, entry in entries.items():
        try:
            loaded = VideoSet.load(entry['root'])
            loaded.require('gt', *lr_kinds)
            loaded.quick_check()
            if loaded.packed:
                PackedVideos(loaded)
            sets[key] = loaded
        except KeyError:
            problems.append(f'{axis}.{key}: has no root')
        except DatasetError as error:
            problems.append(f'{axis}.{key}: {error}')
    return sets


def _complete(sweep: dict, overrides: dict[str, list], cfg) -> dict[str, list]:
    """Fills in the axes that a sweep leaves out and applies the command line's values."""
    defaults = dict(AXES, networks=list(cfg.networks), train_sets=list(cfg.train_sets))
    complete = {axis: sweep.get(axis, values) for axis, values in defaults.items()}
    for axis, values in overrides.items():
        # R of a sweep without PI and the strategy of an untrained network stay as they are
        if axis == 'reset_every' or complete.get(axis) not in ([None], None):
            complete[axis] = values
    unknown = {key: values for key, values in sweep.items() if key not in AXES}
    return {**complete, **unknown}


def _check_sweep(sweep: dict[str, list], cfg) -> list[str]:
    problems = []
    known = dict(networks=cfg.networks, train_sets=cfg.train_sets, strategies=STRATEGIES)
    for axis, values in sweep.items():
        if axis not in AXES:
            problems.append(f'{axis}: unknown axis; there are {", ".join(AXES)}')
        elif not isinstance(values, (list, tuple)) or not values:
            problems.append(f'{axis}: must be a list of values')
        else:
            allowed = known.get(axis)
            problems += [
                f'{axis}: unknown value {value!r}; there are {", ".join(map(str, allowed))}'
                for value in values
                if allowed is not None and value not in allowed
            ]
    if problems:
        return problems
    if set(WITH_REPEATS) & set(sweep['strategies']):
        problems += [
            f'R: {r!r} is not a positive whole number' for r in sweep['R'] if not is_count(r)
        ]
    problems += [
        f'seeds: {s!r} is not a whole number' for s in sweep['seeds'] if type(s) is not int
    ]
    problems += [
        f'reset_every: {n!r} is neither None nor a positive whole number'
        for n in sweep['reset_every']
        if n is not None and not is_count(n)
    ]
    problems += [f'fc: {f!r} is neither True nor False' for f in sweep['fc'] if type(f) is not bool]
    return problems
