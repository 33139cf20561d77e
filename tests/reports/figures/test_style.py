"""The looks of methods."""

from harness.strategies import STRATEGIES
from reports.figures import style
from reports.results import load_grid


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


def test_strategies_of_a_grid_s_own_have_looks_too(fake):
    """Those they name, or else others than those of this project."""
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
