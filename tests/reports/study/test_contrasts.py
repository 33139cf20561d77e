"""Paired differences and lost stills, against SciPy's and by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reports.results import load_grid
from reports.study.contrasts import (
    by_unit,
    contrast,
    first_frames,
    last50,
    lost_stills,
    of_differences,
    psnr,
    stills,
)
from reports.study.parts import contrasts_table


@pytest.fixture
def grid(fake):
    """Bicubic, RI that loses one still of two from frame 50 on, and PI; two seeds each."""
    fake.test_set('moving', 'Moving', a=4)
    fake.test_set('static', 'Static', one=200, two=200)
    fake.done(fake.run('bicubic'), lambda video, t: 20.0 + 0 * t)
    for seed in (0, 1):
        fake.done(
            fake.run('net', 'RI', seed=seed),
            lambda video, t, s=seed: np.where((video == 'two') & (t >= 50), 18.0, 22.0 + s),
        )
        fake.done(fake.run('net', 'PI', repeats=8, seed=seed), lambda video, t: 21.0 + 0 * t)
    return load_grid(fake.save())


RI, PI = 'NET w/ RI', 'NET w/ PI (R=8)'


def test_measures(grid):
    assert list(by_unit(grid, RI, lost_stills(), 'seed')) == [1, 1]
    assert list(by_unit(grid, PI, lost_stills(), 'seed')) == [0, 0]
    assert list(by_unit(grid, 'BICUBIC', lost_stills(), 'seed')) == [0]
    assert list(by_unit(grid, RI, last50('static'), 'seed')) == [20.0, 20.5]
    assert list(by_unit(grid, RI, first_frames('static'), 'seed')) == [22.0, 23.0]
    assert list(by_unit(grid, RI, psnr('static'), 'seed')) == [20.5, 21.125]
    assert stills(grid) == 2


def test_difference_of_methods(grid):
    found = contrast(grid, RI, PI, psnr('moving'))
    expected = stats.ttest_rel([22.0, 23.0], [21.0, 21.0])
    low, high = expected.confidence_interval()
    assert (found.mean, found.low, found.high) == pytest.approx((1.5, low, high))
    assert str(found) == '+1.50 [-4.85, +7.85], 2 seeds'


def test_table_of_differences(grid):
    low, high = stats.ttest_rel([22.0, 23.0], [21.0, 21.0]).confidence_interval()
    rows = [('H1', RI, PI, psnr('moving')), ('H2', PI, RI, lost_stills())]
    assert contrasts_table(grid, rows, 'seed')[2:] == [
        f'| H1 | {RI} - {PI} | *Moving* (dB) | +1.50 [{low:+.2f}, {high:+.2f}], 2 seeds |',
        f'| H2 | {PI} - {RI} | lost stills | -1.00 [-1.00, -1.00], 2 seeds |',
    ]


def test_networks_as_units(fake):
    fake.test_set('static', 'Static', one=120)
    for network, start, cured in (('a', 10.0, 20.0), ('b', 12.0, 21.0)):
        fake.done(fake.run(network), lambda video, t, v=start: v + 0 * t)
        fake.done(fake.run(network, 'RI'), lambda video, t, v=cured: v + 0 * t)
    grid = load_grid(fake.save())
    found = contrast(grid, 'RI', 'as it was', psnr('static'), 'network')
    assert (found.mean, found.count, found.units) == (9.5, 2, 'networks')


def test_what_is_missing(grid, fake):
    with pytest.raises(KeyError, match='no method'):
        contrast(grid, 'NET w/ TBPTT', RI, psnr('static'))
    assert str(of_differences(pd.Series(dtype=float))) == 'not run'
    assert str(of_differences(pd.Series([0.5]))) == '+0.50, 1 seeds'


def test_levels_need_bicubic(fake):
    fake.test_set('static', 'Static', one=200)
    fake.done(fake.run('net', 'RI'), lambda video, t: 20.0 + 0 * t)
    with pytest.raises(ValueError, match='levels need bicubic'):
        by_unit(load_grid(fake.save()), RI, lost_stills(), 'seed')
