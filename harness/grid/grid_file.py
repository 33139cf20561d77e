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
    slurm = dict(time='1-00:00:00', partition='gpu')  # options of the launcher of that name
    custom_imports = dict(imports=['my_net', 'my_loop'])  # modules with types that configs name
    strategies = dict(MINE=dict(type='MyLoop', label='...'))  # see harness/strategies.py
    plugins = ['my_metric']  # modules with metrics, protocols and launchers

and those of :mod:`harness.grid.evaluation`. Each sweep is the product of its axes (see
:mod:`harness.grid.sweeps`); the grid consists of the runs of all sweeps.

- ``options=['model.generator.layers=3', ...]`` of a network changes its config as ``--cfg-options``
  does, so networks may share a config.
- ``weights=FILE`` of a network replaces its config's ``load_from``: training starts from these
  weights; with ``strategies=[None]`` they are evaluated without training.
- ``random=True`` allows a trainable network to be evaluated without training or weights.
- A config whose network takes other LR frames than BD must contain ``lr_kind='lr_bi'``.
- ``paper='FRVSR'`` of a network or set gives its name in the papers' tables: the report then shows
  the papers' numbers beside its own (see ``reports/paper.py``).

Modules in ``custom_imports`` and ``plugins`` are searched beside the grid file and on the Python
path; the code of the former is part of a run's identity. Unknown entries are errors; the names of
the grid file's own variables must begin with an underscore.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.names import name_problem
from dataset_tools.pack.reader import PackedVideos
from harness.clip_limits import number_problems
from harness.configs import custom_modules, find_config, import_modules, load_config, module_file
from harness.errors import UserError, fail
from harness.grid.evaluation import EvaluationSettings, read_evaluation
from harness.grid.launchers import launcher_names
from harness.grid.sweeps import complete, sweep_problems
from harness.strategies import Strategy, with_own

#: the entries of a grid file, besides those named after launchers
ENTRIES = (
    *('networks', 'train_sets', 'test_sets', 'sweeps', 'jobs', 'nproc', 'launcher'),
    *('custom_imports', 'strategies', 'plugins', 'metrics', 'save_frames', 'external_results'),
)
_NETWORK_KEYS = ('config', 'options', 'weights', 'random', 'label', 'paper')
_SET_KEYS = {
    'train_sets': ('root', 'label', 'paper'),
    'test_sets': ('root', 'label', 'paper', 'protocol'),
}


class Grid(NamedTuple):
    """A checked grid file; sets are loaded, and sweeps have a list of values for every axis.

    Attributes:
        labels: Set -> its label.
        papers: Set -> its name in the papers' tables, if the grid file gives one.
        strategies: Name -> strategy, for all that sweeps may name.
        launcher_options: Launcher -> its entry in the grid file.
        modules: The names in ``custom_imports``.
        plugins: The names in ``plugins``.
        folder: The folder of the grid file, in which modules are searched.
    """

    name: str
    networks: dict[str, dict]
    train_sets: dict[str, VideoSet]
    test_sets: dict[str, VideoSet]
    labels: dict[str, str]
    papers: dict[str, str]
    sweeps: list[dict[str, list]]
    strategies: dict[str, Strategy]
    jobs: int
    nproc: int
    launcher: str
    launcher_options: dict[str, dict]
    evaluation: EvaluationSettings
    modules: tuple[str, ...]
    plugins: tuple[str, ...]
    folder: str

    def has_repeats(self, strategy: str | None) -> bool:
        """Whether R is an axis of a strategy (None: without training)."""
        return strategy is not None and self.strategies[strategy].has_repeats


def read_grid(
    path: str, overrides: dict[str, list], nproc: int | None = None
) -> tuple[Grid | None, list[str]]:
    """Reads a grid file and checks everything that does not depend on single runs.

    Args:
        path: The grid file.
        overrides: Axis -> values that replace those of every sweep that has the axis.
        nproc: Processes per training, instead of the grid's.

    Returns:
        The grid with all networks and sets that can be loaded, or None if a mandatory entry is
        missing; and the problems, each with its key.

    Raises:
        UserError: The file does not exist, is not a config, or a module cannot be imported.
    """
    cfg = load_config(path)
    cfg.pop('module_folders', None)
    problems = list(_shape_problems(cfg))
    if problems:
        return None, problems
    cfg.setdefault('train_sets', {})
    folder = str(Path(cfg.filename).resolve().parent)
    for entry in cfg.networks.values():
        if isinstance(entry.get('config'), str):
            entry.config = find_config(entry.config, folder)
    plugins, modules = tuple(cfg.get('plugins', ())), tuple(custom_modules(cfg))
    import_modules(plugins, [folder])
    problems += [
        f'custom_imports: no module {name} in {folder} or on the Python path (PYTHONPATH)'
        for name in modules
        if module_file(name, [folder]) is None
    ]
    problems += _unknown(cfg, (*ENTRIES, *launcher_names()), '', _OWN_VARIABLES)
    jobs, nproc = cfg.get('jobs', 1), nproc or cfg.get('nproc', 1)
    launcher = cfg.get('launcher', 'local')
    if launcher not in launcher_names():
        problems.append(f'launcher: {launcher!r} is not one of {", ".join(launcher_names())}')
    numbers = number_problems(dict(jobs=jobs, nproc=nproc))
    problems += [f'{key}: {problem}' for key, problem in numbers.items()]
    strategies = with_own(cfg.get('strategies', {}), problems)
    networks, kinds = _load_networks(cfg.networks, problems)
    train_sets = _load_sets('train_sets', cfg.train_sets, kinds, problems)
    test_sets = _load_sets('test_sets', cfg.test_sets, kinds, problems)
    plugin_files = [module_file(name, [folder]) for name in plugins]
    evaluation = read_evaluation(cfg, test_sets, filter(None, plugin_files), problems)
    sweeps = [complete(dict(s), overrides, cfg, strategies) for s in cfg.sweeps]
    for number, sweep in enumerate(sweeps):
        problems += [f'sweeps[{number}].{p}' for p in sweep_problems(sweep, cfg, strategies)]
    named = {**cfg.train_sets, **cfg.test_sets}
    grid = Grid(
        name=Path(path).stem,
        networks=networks,
        train_sets=train_sets,
        test_sets=test_sets,
        labels={key: entry.get('label', key) for key, entry in named.items()},
        papers={key: entry['paper'] for key, entry in named.items() if 'paper' in entry},
        sweeps=sweeps,
        strategies=strategies,
        jobs=jobs,
        nproc=nproc,
        launcher=launcher,
        launcher_options={name: dict(cfg[name]) for name in launcher_names() if name in cfg},
        evaluation=evaluation,
        modules=modules,
        plugins=plugins,
        folder=folder,
    )
    return grid, problems


def _trains(cfg: Config) -> bool:
    sweeps = cfg.get('sweeps') or []
    strategies = [s.get('strategies', [None]) for s in sweeps if _is_dict(s)]
    return any(any(s) for s in strategies if isinstance(s, (list, tuple)))


_OWN_VARIABLES = "; names of the file's own variables must begin with an underscore"


def _shape_problems(cfg: Config) -> Iterator[str]:
    """Problems of missing entries and wrong types, which prevent all further checks."""
    for key in ('networks', 'train_sets', 'test_sets'):
        entries = cfg.get(key)
        if key == 'train_sets' and not entries and not _trains(cfg):
            continue
        if not entries:
            yield f'{key}: missing or empty'
        else:
            yield from _entry_problems(key, entries)
    if not cfg.get('sweeps'):
        yield 'sweeps: missing or empty'
    elif not isinstance(cfg.sweeps, (list, tuple)) or not all(map(_is_dict, cfg.sweeps)):
        yield 'sweeps: must be a list of dict(networks=[...], strategies=[...], ...)'
    for key in ('strategies', 'save_frames', *launcher_names()):
        if not _is_dict(cfg.get(key, {})):
            yield f'{key}: must be a dict'
    if 'external_results' in cfg:
        yield from _entry_problems('external_results', cfg.external_results)
    plugins = cfg.get('plugins', [])
    if not isinstance(plugins, (list, tuple)) or not all(isinstance(p, str) for p in plugins):
        yield 'plugins: must be a list of modules'


def _entry_problems(key: str, entries: Any) -> Iterator[str]:
    if not _is_dict(entries):
        yield f'{key}: must be dict(NAME=dict(...))'
        return
    for name, entry in entries.items():
        if problem := name_problem(name):
            yield f'{key}: {problem}'
        elif not _is_dict(entry):
            yield f'{key}.{name}: must be a dict'
        elif not isinstance(entry.get('label', ''), str) or not entry.get('label', name).strip():
            yield f'{key}.{name}.label: {entry["label"]!r} is not a text'


def _is_dict(entry: Any) -> bool:
    return isinstance(entry, Mapping)


def _unknown(entry: Mapping, known: Collection[str], where: str = '', hint: str = '') -> list[str]:
    """A line for each unknown key."""
    return [
        f'{where}{key}: unknown; there are {", ".join(known)}{hint}'
        for key in entry
        if key not in known and not (hint and key.startswith('_'))
    ]


def _load_networks(
    entries: Mapping[str, dict], problems: list[str]
) -> tuple[dict[str, dict], list[str]]:
    """The entries whose configs can be read, and the kinds of LR frames that they take."""
    networks, kinds = {}, set()
    for key, entry in entries.items():
        where = f'networks.{key}'
        problems += _unknown(entry, _NETWORK_KEYS, f'{where}.')
        if not isinstance(entry.get('random', False), bool):
            problems.append(f'{where}.random: must be True or False')
        try:
            kinds.add(load_network(entry).get('lr_kind', 'lr_bd'))
            networks[key] = dict(entry, label=entry.get('label', key))
        except UserError as error:
            problems.append(f'{where}: {error}')
    return networks, sorted(kinds)


def load_network(entry: dict) -> Config:
    """Loads the config of a network of the grid, with its options and weights.

    Raises:
        UserError: The entry has no config, or the config cannot be read.
    """
    if 'config' not in entry:
        fail('has no config')
    cfg = load_config(entry['config'], entry.get('options', []))
    if 'weights' in entry:
        cfg.load_from = entry['weights']
    return cfg


def _load_sets(
    axis: str, entries: Mapping[str, dict], lr_kinds: list[str], problems: list[str]
) -> dict[str, VideoSet]:
    sets = {}
    for key, entry in entries.items():
        problems += _unknown(entry, _SET_KEYS[axis], f'{axis}.{key}.')
        try:
            loaded = VideoSet.load(entry['root'])
            loaded.require(*_wanted_kinds(axis, entry, loaded), *lr_kinds)
            loaded.quick_check()
            if loaded.packed:
                PackedVideos(loaded)
            sets[key] = loaded
        except KeyError:
            problems.append(f'{axis}.{key}: has no root')
        except DatasetError as error:
            problems.append(f'{axis}.{key}: {error}')
    return sets


def _wanted_kinds(axis: str, entry: dict, loaded: VideoSet) -> list[str]:
    if entry.get('protocol') == 'lr':
        return []
    if axis == 'test_sets' and 'gt' not in loaded.kinds:
        raise DatasetError(
            f"{loaded.root}: has no ground truth; protocol='lr' scores it against its LR frames"
        )
    return ['gt']
