"""The looks of methods."""

from reports.figures import style
from reports.results import load_grid


def test_looks_are_distinct_and_the_same_for_every_network(small):
    small.run('other', 'PI', repeats=8)
    small.run('other', 'PI', repeats=8, fc=True)
    small.run('bicubic')
    small.run('lanczos')
    methods = load_grid(small.save()).methods
    looks = style.looks(methods)
    assert set(looks) == {method.short_name for method in methods}
    assert len({look.color for look in looks.values()}) == len(looks)
    assert len({(look.line, look.marker) for look in looks.values()}) == len(looks)
    alone = style.looks([method for method in methods if method.network == 'other'])
    assert alone['PI & FC (R=8)'].marker == looks['PI & FC (R=8)'].marker
