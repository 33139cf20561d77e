"""Paired differences: tests and intervals against scipy and full enumeration."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reports.differences import (
    bootstrap_interval,
    differences,
    holm,
    sign_flip_test,
)
from reports.results import load_grid
from reports.tables.differences import differences_table


def test_sign_flips_by_hand():
    # All six better: of 64 sign patterns only all plus and all minus are as extreme.
    assert sign_flip_test(np.array([1.0, 2, 3, 4, 5, 6])) == pytest.approx(2 / 64)
    assert sign_flip_test(np.zeros(6)) == 1.0
    # Sums of at least 4: no minus (6) and one minus (4), and the same mirrored: 2 * (1 + 6).
    assert sign_flip_test(np.array([1.0, 1, 1, 1, 1, -1])) == pytest.approx(14 / 64)


def test_too_few_units_have_no_test():
    assert math.isnan(sign_flip_test(np.array([9.0, 9, 9, 9, 9])))


@pytest.mark.parametrize('count', [6, 10, 16])
def test_sign_flips_against_scipy(count):
    values = np.random.default_rng(count).normal(0.3, 1.0, count)
    wanted = stats.permutation_test(
        (values,), np.mean, permutation_type='samples', n_resamples=np.inf
    )
    assert sign_flip_test(values) == pytest.approx(wanted.pvalue, abs=1e-12)


def test_many_units_are_sampled_reproducibly():
    values = np.random.default_rng(1).normal(0.25, 1.0, 40)
    found = sign_flip_test(values)
    assert found == sign_flip_test(values)
    assert found == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.02)
    assert sign_flip_test(values + 100) > 0  # the observed signs count as well


def enumerated_interval(matrix):
    """All resamples of videos and seeds, instead of some."""
    videos, seeds = matrix.shape
    means = [
        matrix[np.ix_(v, s)].mean()
        for v in itertools.product(range(videos), repeat=videos)
        for s in itertools.product(range(seeds), repeat=seeds)
    ]
    return np.quantile(means, [0.025, 0.975])


@pytest.mark.slow
@pytest.mark.parametrize('shape', [(4, 1), (4, 2), (5, 3)])
def test_interval_against_all_resamples(shape):
    generator = np.random.default_rng(3)
    by_video, by_seed = generator.normal(0, 1, (shape[0], 1)), generator.normal(0, 1, (1, shape[1]))
    matrix = 0.5 + by_video + by_seed
    found = bootstrap_interval(matrix, 'a test')
    assert found == pytest.approx(enumerated_interval(matrix), abs=0.1)


def test_interval_is_drawn_by_its_name():
    values = np.random.default_rng(7).normal(1.0, 1.0, (15, 3))
    assert bootstrap_interval(values, 'a') == bootstrap_interval(values, 'a')
    assert bootstrap_interval(values, 'a') != bootstrap_interval(values, 'b')


def test_interval_of_one_seed_against_scipy():
    values = np.random.default_rng(7).normal(1.0, 1.0, 15)
    wanted = stats.bootstrap((values,), np.mean, method='percentile', rng=1).confidence_interval
    assert bootstrap_interval(values[:, None], 'x') == pytest.approx(tuple(wanted), abs=0.04)


def test_seeds_widen_the_interval():
    """Ten copies of one training prove no more than it; ten that differ prove less."""
    videos = np.linspace(-1, 1, 8)[:, None]
    same, spread = videos + np.zeros((1, 3)), videos + np.array([[-2.0, 0.0, 2.0]])
    widths = [np.ptp(bootstrap_interval(m, 'x')) for m in (videos, same, spread)]
    assert widths[0] == pytest.approx(widths[1], abs=0.03) and widths[2] > 2 * widths[0]


def test_no_interval_for_three_videos():
    assert all(map(math.isnan, bootstrap_interval(np.ones((3, 5)), 'x')))


def test_holm_by_hand():
    found = holm(pd.Series([0.01, np.nan, 0.04, 0.03, 0.005]))
    assert list(found.dropna()) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert math.isnan(found[1])


def row(table, method, baseline, score='psnr_y'):
    found = table[
        (table['method'] == method) & (table['baseline'] == baseline) & (table['score'] == score)
    ]
    assert len(found) == 1
    return found.iloc[0]


@pytest.fixture
def compared(fake):
    """RI, PI and PI & FC on eight videos; PI has the seeds 0 and 1, RI 1 and 2, FC 0."""
    fake.test_set('static', 'Static', **{f'v{i}': 100 for i in range(8)})
    level = {'RI': 20.0, 'PI': 21.0, 'FC': 21.5}

    def rule(name, seed):
        # The later half of RI's frames is 2 dB worse; v7 is against the trend.
        return lambda video, t: (
            level[name]
            + 0.5 * seed
            - 2.0 * (name == 'RI') * (t >= 50)
            + (name == 'RI') * 3.0 * (video == 'v7')
        )

    for seed in (1, 2):
        fake.done(fake.run('net', 'RI', seed=seed), rule('RI', seed))
    for seed in (0, 1):
        fake.done(fake.run('net', 'PI', repeats=2, seed=seed), rule('PI', seed))
    fake.done(fake.run('net', 'PI', repeats=2, fc=True), rule('FC', 0))
    fake.done(fake.run('bicubic'), lambda _, t: 15.0)
    return fake


def test_differences_of_common_seeds(compared):
    table = differences(load_grid(compared.save()))
    found = row(table, 'NET w/ PI (R=2)', 'NET w/ RI')
    # Only seed 1 is common; 21.5 against 20.5 and 18.5, seven videos: 2 dB, v7: -1 dB.
    assert found['difference'] == pytest.approx((7 * 2 - 1) / 8)
    assert (found['videos'], found['seeds'], found['better_videos']) == (8, 1, 7)
    assert found['p_videos'] == pytest.approx(sign_flip_test(np.array([2.0] * 7 + [-1.0])))
    assert math.isnan(found['p_seeds'])
    assert found['run_ids'] == 'net-PI-R2-sample-s1; net-RI-RNone-sample-s1'
    late = row(table, 'NET w/ PI (R=2)', 'NET w/ RI', 'psnr_last50')
    assert late['difference'] == pytest.approx((7 * 3 + 0) / 8)


def test_which_pairs_are_compared(compared):
    table = differences(load_grid(compared.save()))
    pairs = table.loc[table['score'] == 'psnr_y', ['method', 'baseline']].values.tolist()
    # FC has only seed 0, which RI has not.
    assert pairs == [
        ['NET w/ PI (R=2)', 'NET w/ RI'],
        ['NET w/ PI & FC (R=2)', 'NET w/ PI (R=2)'],
    ]
    found = row(table, 'NET w/ PI & FC (R=2)', 'NET w/ PI (R=2)')
    assert found['difference'] == pytest.approx(0.5)


def test_stars_are_for_corrected_values(compared):
    grid = load_grid(compared.save())
    table = differences_table(grid, differences(grid))
    by_heading = {r.heading: r.cells for r in table.rows}
    steady = by_heading['NET w/ PI & FC (R=2) minus NET w/ PI (R=2)']
    assert steady[6].value == pytest.approx(2 / 256) and steady[6].note == '*'
    assert steady[7].text == 'too few'
    assert 'Holm correction for 2 tests by video.' in table.caption


def test_four_videos_and_one_seed_are_never_significant(fake):
    fake.test_set('static', 'Static', **{f'v{i}': 100 for i in range(4)})
    for name, repeats, level in (('RI', None, 10.0), ('PI', 8, 30.0)):
        fake.done(fake.run('net', name, repeats=repeats), lambda _, t, v=level: v + 0.0 * t)
    grid = load_grid(fake.save())
    table = differences_table(grid, differences(grid))
    assert [cell.text for cell in table.rows[0].cells[6:8]] == ['too few', 'too few']
    assert all(cell.note == '' for cell in table.rows[0].cells)
    assert 'fewer than 6 units cannot reach p < 0.05' in table.caption
    assert 'No difference in this table can be called significant. 2 of 2 runs' in table.caption


def test_no_pairs(fake):
    fake.test_set('a', 'A', v=3)
    fake.done(fake.run('net', 'RI'), lambda _, t: 20.0)
    grid = load_grid(fake.save())
    assert differences(grid).empty and differences_table(grid, differences(grid)) is None
