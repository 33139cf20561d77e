"""Selection of the methods that a figure shows."""

from reports.figures.selection import fewer
from reports.results import load_grid


def test_fewer_keeps_the_r_that_both_have(small):
    small.run('net', 'PI', repeats=8, fc=True)
    small.run('bicubic')
    methods = load_grid(small.save()).methods
    assert fewer(methods, len(methods)) == methods
    kept = [method.short_name for method in fewer(methods, 2)]
    assert kept == ['BICUBIC', 'RI', 'PI (R=8)', 'PI & FC (R=8)']
    assert [method.short_name for method in fewer(methods[:-1], 2)] == ['BICUBIC', 'RI', 'PI (R=2)']
