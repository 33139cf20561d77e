"""The training strategies: one row each, used by the grid, its checks and the reports.

A grid file may add its own::

    custom_imports = dict(imports=['my_loop'])  # registers MyLoop in MMagic's LOOPS
    strategies = dict(MINE=dict(type='MyLoop', has_repeats=False, label='Mine'))

All keys except ``has_repeats``, ``label``, ``color`` and ``marker`` are options of the loop. Sweeps
accept options of loops as axes, ``clip_length=[7, 15, 30]``: those in ``OPTIONS``, and for other
loops those in the strategy's row.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from dataset_tools.names import name_problem


class Strategy(NamedTuple):
    """A training strategy.

    Attributes:
        name: Its name in grid files, run ids and results.
        loop: ``type`` and options of the loop, for ``train_cfg``.
        has_repeats: Whether R is one of its axes.
        label: Its name in tables and figures.
        colors: Colours of curves without and with FC; '' leaves them to the reports.
        markers: Markers of curves without and with FC, as for matplotlib; '' as above.
    """

    name: str
    loop: Mapping[str, Any]
    has_repeats: bool
    label: str
    colors: tuple[str, str] = ('', '')
    markers: tuple[str, str] = ('', '')

    def record(self) -> dict:
        """The entry for ``grid.json``."""
        return dict(label=self.label, color=self.colors[0], marker=self.markers[0])


# Colours of seaborn's `colorblind` palette; PI-all uses Tol's muted palette, because the former has
# no other colours that differ enough from those of PI.
_ROWS = (
    Strategy('RI', dict(type='RIBPTTLoop'), False, 'RI', ('#d55e00', '#de8f05'), ('s', 'D')),
    Strategy(
        'TBPTT',
        dict(type='TBPTTLoop', both_ends=True),
        False,
        'TBPTT',
        ('#cc78bc', '#ca9161'),
        ('^', 'v'),
    ),
    Strategy(
        'burn-in',
        dict(type='BurnInLoop', burn_in=30),
        False,
        'Burn-in',
        ('#56b4e9', '#332288'),
        ('<', '>'),
    ),
    Strategy('pool', dict(type='PoolLoop'), False, 'Pool', ('#949494', '#117733'), ('d', 'p')),
    Strategy('PI', dict(type='PIBPTTLoop'), True, 'PI', ('#0173b2', '#029e73'), ('o', 'P')),
    Strategy(
        'PI-all',
        dict(type='PIBPTTLoop', states='all'),
        True,
        'PI-all',
        ('#882255', '#999933'),
        ('X', '*'),
    ),
)
#: the strategies of this project, in the order of tables and figures
STRATEGIES = {row.name: row for row in _ROWS}
_OWN_KEYS = ('has_repeats', 'label', 'color', 'marker')

#: options of all loops that may be axes of sweeps, with their defaults; None: no default
COMMON_OPTIONS: Mapping[str, Any] = MappingProxyType(
    dict(
        max_iters=None,
        clip_length=None,
        crop_size=None,
        windows_per_video=1,
        amplification_weight=0.0,
    )
)
#: loop -> its further options with their defaults; R is a separate axis
OPTIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    dict(
        RIBPTTLoop={},
        TBPTTLoop=dict(both_ends=False),
        BurnInLoop=dict(burn_in=None),
        PoolLoop={},
        PIBPTTLoop=dict(
            states='used',
            warmup_iters=0,
            max_state_norm=1e18,
            p_initial=0.0,
            states_from='own',
            state_noise=0.0,
            state_dropout=0.0,
        ),
    )
)


def options_of(strategy: Strategy) -> dict[str, Any]:
    """The options of a strategy's loop that may be axes of sweeps, with their defaults."""
    loop = strategy.loop['type']
    own = {key: value for key, value in strategy.loop.items() if key not in ('type', 'repeats')}
    return {**COMMON_OPTIONS, **OPTIONS.get(loop, own)}


#: option -> its symbol in labels; other options appear by name
_SYMBOLS = MappingProxyType(dict(clip_length='l', burn_in='k', p_initial='p'))


def option_label(key: str, value: Any) -> str:
    """The value of an axis as in tables and figures: ``'l=15'``, ``'from reds4'``."""
    if key == 'init_from':
        return f'from {value or "nothing"}'
    if key == 'as_long_as':
        return f'as long as {value}'
    text = f'{value:g}' if isinstance(value, float) else str(value)
    return f'{_SYMBOLS.get(key, key.replace("_", " "))}={text}'


def with_own(entries: Mapping[str, Mapping], problems: list[str]) -> dict[str, Strategy]:
    """All strategies of a grid, with its own last.

    Args:
        entries: ``strategies`` of the grid file.
        problems: Receives a line for each invalid entry.
    """
    strategies = dict(STRATEGIES)
    for name, entry in entries.items():
        if problem := _problem(name, entry):
            problems.append(f'strategies.{name}: {problem}')
            continue
        color, marker = entry.get('color', ''), entry.get('marker', '')
        strategies[name] = Strategy(
            name,
            {key: value for key, value in entry.items() if key not in _OWN_KEYS},
            entry.get('has_repeats', False),
            entry.get('label', name),
            (color, color),
            (marker, marker),
        )
    return strategies


def _problem(name: str, entry: Any) -> str | None:
    if name in STRATEGIES:
        return 'is a strategy of this project; choose another name'
    if problem := name_problem(name):
        return problem
    if not isinstance(entry, Mapping) or not isinstance(entry.get('type'), str):
        return "must be dict(type='MyLoop', ...) with the name of a registered loop"
    if not isinstance(entry.get('has_repeats', False), bool):
        return 'has_repeats: must be True or False'
    for key in ('label', 'color', 'marker'):
        if not isinstance(entry.get(key, ''), str):
            return f'{key}: {entry[key]!r} is not a text'
    return None
