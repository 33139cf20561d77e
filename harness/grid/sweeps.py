"""The axes of a grid: what sweeps may say, and where runs stand in them.

Every sweep has the axes of ``AXES``. ``reset_every`` adds no runs, but evaluations: the state is
set back (None: never), in a way that ``harness.runs.resets`` knows. Further axes are

- the options of training loops (``harness.strategies.OPTIONS``), ``clip_length=[7, 15, 30]``: of no
  effect on strategies without the option, as R is;
- ``batch=['clips', 'frames']``: with ``clip_length``, whether a batch keeps its number of clips, or
  has as many frames as with the config's clip length, and so about equal memory;
- ``init_from=[None, FILE or network]``: the weights that trainings begin with, nothing, or those of
  another network of the grid;
- ``budget=['iterations', 'time']``: with ``'time'`` every run has as many iterations as fit into
  the training time of the *reference*, the run of the sweep's first strategy and first values of
  R, FC and all further axes, on the same network and training set. The learning rate's schedule is
  stretched or shortened with them. See :mod:`harness.grid.forecast.times`.

A value that the config has anyhow makes no other run.
"""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dataset_tools.names import name_problem
from harness.clip_limits import is_count
from harness.runs.resets import Reset
from harness.strategies import COMMON_OPTIONS, OPTIONS, STRATEGIES, Strategy, options_of

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
#: further axes of every strategy
SETTINGS = ('batch', 'init_from', 'budget')
#: axis -> the values that it may have
_CHOICES = dict(batch=('clips', 'frames'), budget=('iterations', 'time'))


class Axes(NamedTuple):
    """Where a run stands in the grid; untrained networks have only a network.

    Attributes:
        repeats: R.
        options: (axis, value) of the further axes that the sweep has. ``budget`` is among them as
            ``as_long_as``, with the name of its reference.
    """

    network: str
    strategy: str | None
    fc: bool
    repeats: int | None
    train_set: str
    seed: int
    options: tuple[tuple[str, Any], ...] = ()

    def record(self) -> dict:
        """As ``grid.json`` and ``run.json`` hold it."""
        fields = self._asdict()
        options = {key: short_value(key, value) for key, value in fields.pop('options')}
        return {**fields, **({'options': options} if options else {})}


class Point(NamedTuple):
    """A run of a sweep, and the one whose training time it shares, if any."""

    axes: Axes
    reference: Axes | None = None


def short_value(axis: str, value: Any) -> Any:
    """What names and labels have of a value: of a file its name."""
    return Path(value).stem if axis == 'init_from' and value else value


def axis_names(strategies: Mapping[str, Strategy] = STRATEGIES) -> list[str]:
    """All axes that a sweep may have, with those of a grid's own strategies."""
    loops = [*OPTIONS.values(), *map(options_of, strategies.values())]
    options = dict.fromkeys(key for known in (COMMON_OPTIONS, *loops) for key in known)
    return [*AXES, *options, *SETTINGS]


def complete(
    sweep: dict, overrides: dict[str, list], cfg, strategies: Mapping[str, Strategy]
) -> dict[str, list]:
    """Fills in the axes that a sweep leaves out and applies the command line's values."""
    train_sets = list(cfg.train_sets) or [None]  # where nothing is trained
    defaults = dict(AXES, networks=list(cfg.networks), train_sets=train_sets)
    values = {**defaults, **sweep}
    for axis in values.keys() & _CHOICES.keys():
        values[axis] = [values[axis]] if isinstance(values[axis], str) else values[axis]
    # strategies before the options that only some of them have
    for axis, wanted in sorted(overrides.items(), key=lambda item: item[0] not in AXES):
        # R of a sweep without PI and the strategy of an untrained network stay as they are
        if axis in AXES:
            applies = axis == 'reset_every' or values[axis] not in ([None], None)
        else:
            applies = any(_has_axis(s, axis) for s in _rows(values['strategies'], strategies))
        if applies:
            values[axis] = wanted
    return values


def _rows(names: Any, strategies: Mapping[str, Strategy]) -> list[Strategy]:
    """The strategies of an axis that are known."""
    listed = names if isinstance(names, (list, tuple)) else []
    return [strategies[name] for name in listed if name in strategies]


def _has_axis(strategy: Strategy, axis: str) -> bool:
    return axis in SETTINGS or axis in options_of(strategy)


def sweep_problems(
    sweep: dict[str, list], cfg, strategies: Mapping[str, Strategy]
) -> Iterator[str]:
    """What is wrong with a complete sweep, each with the axis."""
    train_sets = cfg.train_sets or (None,)
    known = dict(networks=cfg.networks, train_sets=train_sets, strategies=(*strategies, None))
    problems, names = [], axis_names(strategies)
    for axis, values in sweep.items():
        if axis not in names:
            problems.append(f'{axis}: unknown axis; there are {", ".join(names)}')
        elif not isinstance(values, (list, tuple)) or not values:
            problems.append(f'{axis}: must be a list of values')
        elif axis in known or axis in _CHOICES:
            allowed = known.get(axis) or _CHOICES[axis]
            problems += [
                f'{axis}: unknown value {value!r}; there are {", ".join(map(str, allowed))}'
                for value in values
                if value not in allowed
            ]
    yield from problems or _value_problems(sweep, strategies)


def _value_problems(sweep: dict[str, list], strategies: Mapping[str, Strategy]) -> Iterator[str]:
    used = _rows(sweep['strategies'], strategies)
    if any(row.has_repeats for row in used):
        yield from (
            f'R: {r!r} is not a positive whole number' for r in sweep['R'] if not is_count(r)
        )
    for seed in sweep['seeds']:
        if type(seed) is not int or not 0 <= seed < 2**32:
            yield f'seeds: {seed!r} is not a whole number from 0 to 2**32 - 1'
    for every in sweep['reset_every']:
        try:
            if every is not None:
                Reset.parse(every)
        except ValueError as error:
            yield f'reset_every: {error}'
    yield from (f'fc: {f!r} is neither True nor False' for f in sweep['fc'] if type(f) is not bool)
    for axis in sweep:
        if axis not in AXES:
            yield from (f'{axis}: {problem}' for problem in _option_problems(axis, sweep, used))


def _option_problems(axis: str, sweep: dict[str, list], used: list[Strategy]) -> Iterator[str]:
    values = sweep[axis]
    if not any(_has_axis(row, axis) for row in used):
        yield f'no strategy of this sweep has it ({", ".join(row.name for row in used) or None})'
    for value in values:
        if axis == 'init_from':
            if value is not None and not isinstance(value, str):
                yield f'{value!r} is neither None nor a file or network'
        elif not isinstance(value, (bool, int, float, str)):
            yield f'{value!r} is no number or text; give it to a strategy of its own'
        elif isinstance(value, str) and (problem := name_problem(value)):
            yield problem
    if axis == 'max_iters' and 'time' in sweep.get('budget', ()):
        yield "budget='time' says how many iterations there are"
    shorts = [short_value(axis, value) for value in values if isinstance(value, (str, int, float))]
    if len(set(shorts)) < len(shorts):
        yield 'two values have the same name; files of one name may be networks with weights'


def points(sweep: dict[str, list], strategies: Mapping[str, Strategy]) -> Iterator[Point]:
    """The runs of a complete sweep without problems, in order; some may be one and the same."""
    further = [axis for axis in sweep if axis not in AXES]
    values = [sweep[axis] for axis in ('networks', 'strategies', 'fc', 'R')]
    values += [sweep[axis] for axis in further]
    for network, name, fc, r, *rest in itertools.product(*values):
        for train_set, seed in itertools.product(sweep['train_sets'], sweep['seeds']):
            if name is None:
                yield Point(Axes(network, None, False, None, '', 0))
                continue
            place = (network, name, fc, r, train_set, seed)
            options = dict(zip(further, rest, strict=True))
            axes = _axes(strategies, *place, options)
            if options.get('budget') != 'time':
                yield Point(axes)
                continue
            reference = _reference(sweep, strategies, axes, further)
            as_long_as = (('as_long_as', _name(reference)),) if reference != axes else ()
            options = axes.options + as_long_as
            yield Point(axes._replace(options=options), reference if as_long_as else None)


def _axes(strategies, network, name, fc, r, train_set, seed, options: dict) -> Axes:
    """With those options that the strategy has."""
    row = strategies[name]
    used = tuple(
        (axis, value)
        for axis, value in options.items()
        if axis != 'budget' and _has_axis(row, axis)
    )
    return Axes(network, name, fc, r if row.has_repeats else None, train_set, seed, used)


def _reference(sweep, strategies, axes: Axes, further: list[str]) -> Axes:
    first = {axis: sweep[axis][0] for axis in further}
    name = next(name for name in sweep['strategies'] if name)
    place = (axes.network, name, sweep['fc'][0], sweep['R'][0], axes.train_set, axes.seed)
    return _axes(strategies, *place, first)


def _name(axes: Axes) -> str:
    """A run among those of its network: ``'PI-R8-clip_length_7'``."""
    parts = [axes.strategy, f'R{axes.repeats}' if axes.repeats else '', 'FC' if axes.fc else '']
    parts += [f'{key}_{short_value(key, value)}' for key, value in axes.options]
    return '-'.join(filter(None, parts))
