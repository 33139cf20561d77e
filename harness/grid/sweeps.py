"""The axes of a grid: what sweeps may contain, and the position of each run.

Every sweep has the axes of ``AXES``. ``reset_every`` adds evaluations instead of runs: the state is
reset in one of the ways of ``harness.runs.resets``, or never (None). Further axes are

- the options of training loops (``harness.strategies.OPTIONS``), ``clip_length=[7, 15, 30]``. Like
  R, they have no effect on strategies without the option;
- ``batch=['clips', 'frames']``: with ``clip_length``, whether a batch keeps its number of clips or
  its number of frames, and so about the same memory;
- ``init_from=[None, FILE or network]``: the initial weights of trainings: none, a file, or those of
  another network of the grid;
- ``budget=['iterations', 'time']``: with ``'time'``, every run gets as many iterations as fit into
  the training time of the *reference*. This is the run with the sweep's first strategy and the
  first values of R, FC and all further axes, on the same network and training set. The learning
  rate schedule is stretched or shortened accordingly. See :mod:`harness.grid.forecast.times`.

A value equal to the config's does not create another run.
"""

import itertools
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config

from dataset_tools.names import name_problem
from harness.clip_limits import is_count
from harness.runs.resets import Reset
from harness.strategies import COMMON_OPTIONS, OPTIONS, STRATEGIES, Strategy, options_of

#: axis -> its values in a sweep that does not name it
AXES: dict[str, list | None] = {
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
#: axis -> its allowed values
_CHOICES = dict(batch=('clips', 'frames'), budget=('iterations', 'time'))


class Axes(NamedTuple):
    """The position of a run in the grid; for untrained networks, only ``network`` has a meaning.

    Attributes:
        repeats: R.
        options: (axis, value) of the sweep's further axes. ``budget`` appears as ``as_long_as``
            with the name of the reference.
    """

    network: str
    strategy: str | None
    fc: bool
    repeats: int | None
    train_set: str
    seed: int
    options: tuple[tuple[str, Any], ...] = ()

    def record(self) -> dict:
        """The entries for ``grid.json`` and ``run.json``."""
        fields = self._asdict()
        options = {key: short_value(key, value) for key, value in fields.pop('options')}
        return {**fields, **({'options': options} if options else {})}


class Point(NamedTuple):
    """A run of a sweep, and the reference whose training time it gets, if any."""

    axes: Axes
    reference: Axes | None = None


def short_value(axis: str, value: Any) -> Any:
    """A value as it appears in names and labels: a file by its stem."""
    return Path(value).stem if axis == 'init_from' and value else value


def axis_names(strategies: Mapping[str, Strategy] = STRATEGIES) -> list[str]:
    """All axes that a sweep may have, including those of the grid's own strategies."""
    loops = [*OPTIONS.values(), *map(options_of, strategies.values())]
    options = dict.fromkeys(key for known in (COMMON_OPTIONS, *loops) for key in known)
    return [*AXES, *options, *SETTINGS]


def complete(
    sweep: dict, overrides: dict[str, list], cfg: Config, strategies: Mapping[str, Strategy]
) -> dict[str, list]:
    """Fills in the axes that a sweep omits, and applies the command line's values.

    Args:
        sweep: The sweep as in the grid file.
        overrides: Axis -> values from the command line.
        cfg: The grid file.
        strategies: Name -> strategy.
    """
    train_sets = list(cfg.train_sets) or [None]  # None if nothing is trained
    defaults = dict(AXES, networks=list(cfg.networks), train_sets=train_sets)
    values = {**defaults, **sweep}
    for axis in values.keys() & _CHOICES.keys():
        values[axis] = [values[axis]] if isinstance(values[axis], str) else values[axis]
    # strategies first: whether other axes apply depends on them
    for axis, wanted in sorted(overrides.items(), key=lambda item: item[0] not in AXES):
        # keep R in sweeps without PI, and None as the strategy of untrained networks
        if axis in AXES:
            applies = axis == 'reset_every' or values[axis] not in ([None], None)
        else:
            applies = any(_has_axis(s, axis) for s in _rows(values['strategies'], strategies))
        if applies:
            values[axis] = wanted
    return values


def _rows(names: Any, strategies: Mapping[str, Strategy]) -> list[Strategy]:
    """The known strategies of an axis."""
    listed = names if isinstance(names, (list, tuple)) else []
    return [strategies[name] for name in listed if name in strategies]


def _has_axis(strategy: Strategy, axis: str) -> bool:
    return axis in SETTINGS or axis in options_of(strategy)


def sweep_problems(
    sweep: dict[str, list], cfg: Config, strategies: Mapping[str, Strategy]
) -> Iterator[str]:
    """The problems of a completed sweep, each with its axis."""
    train_sets = cfg.train_sets or (None,)
    known: dict[str, Collection] = dict(
        networks=cfg.networks, train_sets=train_sets, strategies=(*strategies, None)
    )
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
            yield f'{value!r} is not a number or text; use it in a strategy of your own instead'
        elif isinstance(value, str) and (problem := name_problem(value)):
            yield problem
    if axis == 'max_iters' and 'time' in sweep.get('budget', ()):
        yield "conflicts with budget='time', which determines the number of iterations"
    shorts = [short_value(axis, value) for value in values if isinstance(value, (str, int, float))]
    if len(set(shorts)) < len(shorts):
        yield ('two values have the same name; make files of the same name weights of two networks')


def points(sweep: dict[str, list], strategies: Mapping[str, Strategy]) -> Iterator[Point]:
    """The runs of a completed sweep without problems, in order; may contain duplicates."""
    further = [axis for axis in sweep if axis not in AXES]
    values = [sweep[axis] for axis in ('networks', 'strategies', 'fc', 'R')]
    values += [sweep[axis] for axis in further]
    for network, name, fc, r, *rest in itertools.product(*values):
        for train_set, seed in itertools.product(sweep['train_sets'], sweep['seeds']):
            if name is None:
                yield Point(Axes(network, None, False, None, '', 0))
                continue
            options = dict(zip(further, rest, strict=True))
            axes = _axes(strategies, network, name, fc, r, train_set, seed, options)
            if options.get('budget') != 'time':
                yield Point(axes)
                continue
            reference = _reference(sweep, strategies, axes, further)
            if reference == axes:
                yield Point(axes)
                continue
            as_long_as = ('as_long_as', _name(reference))
            yield Point(axes._replace(options=(*axes.options, as_long_as)), reference)


def _axes(
    strategies: Mapping[str, Strategy],
    network: str,
    name: str,
    fc: bool,
    r: int | None,
    train_set: str,
    seed: int,
    options: dict[str, Any],
) -> Axes:
    """The position of a run, with those options that its strategy has."""
    row = strategies[name]
    used = tuple(
        (axis, value)
        for axis, value in options.items()
        if axis != 'budget' and _has_axis(row, axis)
    )
    return Axes(network, name, fc, r if row.has_repeats else None, train_set, seed, used)


def _reference(
    sweep: dict[str, list], strategies: Mapping[str, Strategy], axes: Axes, further: list[str]
) -> Axes:
    first = {axis: sweep[axis][0] for axis in further}
    name = next(name for name in sweep['strategies'] if name)
    fc, r = sweep['fc'][0], sweep['R'][0]
    return _axes(strategies, axes.network, name, fc, r, axes.train_set, axes.seed, first)


def _name(axes: Axes) -> str:
    """The name of a run among those of its network: ``'PI-R8-clip_length_7'``."""
    parts = [axes.strategy, f'R{axes.repeats}' if axes.repeats else '', 'FC' if axes.fc else '']
    parts += [f'{key}_{short_value(key, value)}' for key, value in axes.options]
    return '-'.join(part for part in parts if part)
