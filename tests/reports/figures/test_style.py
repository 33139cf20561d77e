"""The looks of methods."""

import subprocess
import sys

import pytest
import seaborn

from harness.strategies import STRATEGIES
from reports.figures import style
from reports.results import load_grid


@pytest.mark.slow
def test_seaborn_waits_until_something_is_drawn():
    """It takes longer to import than a report takes whose figures are kept."""
    assert seaborn.color_palette('colorblind').as_hex() == list(style._COLORS)
    code = (
        'import sys, reports.report; print("matplotlib" in sys.modules, "seaborn" in sys.modules)'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout == 'True False\n'


def test_looks_are_distinct_and_the_same_for_every_network(small):
    small.run('other', 'PI', repeats=8)
    small.run('other', 'PI', repeats=8, fc=True)
    small.run('bicubic')
    small.run('lanczos')
    methods = load_grid(small.save()).methods
    looks = style.looks(methods, STRATEGIES)
    assert set(looks) == {method.short_name for method in methods}
    assert len({look.color for look in looks.values()}) == len(looks)
    assert len({(look.line, look.marker) for look in looks.values()}) == len(looks)
    alone = style.looks([m for m in methods if m.network == 'other'], STRATEGIES)
    assert alone['PI & FC (R=8)'].marker == looks['PI & FC (R=8)'].marker


def test_options_are_of_other_shades_and_labelled(fake):
    """Runs of one strategy with other options are methods of their own, in the grid's order."""
    fake.test_set('static', 'Static', still=5)
    every = (
        {},
        {'clip_length': 30, 'p_initial': 0.3},
        {'as_long_as': 'PI-R8'},
        {'init_from': None},
    )
    for number, options in enumerate(every):
        for seed in (0, 1):
            run_id = fake.run('net', 'PI', repeats=8, seed=seed)
            run = fake.grid_json['runs'][-1]
            run |= {'run_id': f'{run_id}-{number}', 'options': options, 'iterations': 1600}
    grid = load_grid(fake.save())
    assert [m.short_name for m in grid.methods] == [
        'PI (R=8)',
        'PI (R=8, l=30, p=0.3)',
        'PI (R=8, as long as PI-R8, 1,600 iterations)',
        'PI (R=8, from nothing)',
    ]
    assert [len(grid.trials_of(method)) for method in grid.methods] == [2] * 4
    looks = style.looks(grid.methods, STRATEGIES)
    assert len({(look.color, look.line) for look in looks.values()}) == 4
    assert {look.marker for look in looks.values()} == {'o'}


def test_own_strategies_of_a_grid_have_looks(fake):
    """Those that they name, or else others than those of built-in strategies."""
    fake.test_set('static', 'Static', still=5)
    for strategy in ('RI', 'MINE', 'OTHER'):
        fake.run('net', strategy)
    fake.grid_json['strategies'] = {
        'MINE': {'label': 'Mine $x$', 'color': '#123456', 'marker': '8'},
        'OTHER': {'label': 'Other'},
    }
    grid = load_grid(fake.save())
    assert [m.name for m in grid.methods] == ['NET w/ RI', 'NET w/ Mine $x$', 'NET w/ Other']
    looks = style.looks(grid.methods, grid.record.strategies)
    assert (looks['Mine $x$'].color, looks['Mine $x$'].marker) == ('#123456', '8')
    assert len({look.color for look in looks.values()}) == 3
