"""Collapse, survival and robust scores against numbers worked out by hand or in another way."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reports.figures.robustness import survival_and_profiles
from reports.results import load_grid
from reports.robustness import (
    _logrank,
    improvement,
    interquartile_mean,
    profile,
    robustness,
    score_kind,
    survival,
    units,
)
from reports.tables.robustness import robustness_table

T = 120
BICUBIC_DB = {'a': 20.0, 'b': 30.0, 'c': 25.0, 'd': 22.0}


def collapse_of(fake, curve, bicubic=None, **entries):
    """The frame of collapse of one video with this PSNR."""
    fake.test_set('static', 'Static', v=len(curve))
    run = fake.run('net', 'RI')
    fake.done(run, lambda video, frame: np.asarray(curve)[frame])
    trial = run
    if 'reset_every' in entries:
        trial = fake.variant(run, f'reset{entries["reset_every"]}', entries['reset_every'])
        fake.frames(trial, 'static', lambda video, frame: np.asarray(curve)[frame])
    if bicubic is not None:
        fake.done(fake.run('bicubic'), lambda video, frame: np.asarray(bicubic)[frame])
    found = units(load_grid(fake.save())).set_index('trial_id')['collapse'][trial]
    return None if math.isnan(found) else found


@pytest.mark.parametrize(
    ('curve', 'bicubic', 'frame'),
    [
        ([30.0] * T, None, None),
        ([30.0] * 70 + [28.9] * 50, None, 70),
        ([30.0] * 70 + [20.0] * 40 + [30.0] * 10, None, None),  # recovers
        ([30.0] * 70 + [29.5] * 50, [29.6] * T, 70),  # below bicubic, less than 1 dB lower
        ([20.0] * T, [21.0] * T, 0),  # below from the beginning
        # harder content, not a collapse: bicubic falls by as much
        ([30.0] * 60 + [20.0] * 60, [28.0] * 60 + [18.0] * 60, None),
        # easier content hides a loss of 2 dB, but not from the gain over bicubic
        ([30.0] * 60 + [38.0] * 60, [26.0] * 60 + [36.0] * 60, 60),
    ],
)
def test_collapse(fake, curve, bicubic, frame):
    assert collapse_of(fake, curve, bicubic) == frame


def test_backward_branches_collapse_from_the_end(fake):
    """Evaluations say of which networks; old ones do not."""
    fake.test_set('static', 'Static', v=T)
    for seed, known in enumerate([{'bidirectional': True}, {'bidirectional': False}, {}]):
        run = fake.run('net', 'RI', seed=seed)
        fake.done(run, lambda video, frame: np.where(frame < 90, 20.0, 30.0))
        fake.record(run, static={'checksum': 'c', **known})
    found = units(load_grid(fake.save()))['collapse']
    assert found[0] == 30 and found[1:].isna().all()


@pytest.mark.parametrize(('fall', 'frame'), [(85, 85), (112, None)])
def test_collapse_under_resets(fake, fall, frame):
    """The last reset is at 90: the next one could undo a later fall."""
    curve = [30.0] * fall + [20.0] * (T - fall)
    assert collapse_of(fake, curve, reset_every=30) == frame


def rows(collapse, length=100):
    return pd.DataFrame({'collapse': np.asarray(collapse, float), 'length': length})


def test_survival_curve_by_hand():
    """Five units: falls at 10, 30, 30, censored at 40 and 100."""
    found = rows([10, 30, 30, np.nan, np.nan], [100, 100, 100, 40, 100])
    frames, shares = survival(found)
    at = [shares[frames <= frame][-1] for frame in (0, 9, 10, 29, 30, 50, 100)]
    assert at == pytest.approx([1, 1, 0.8, 0.8, 0.4, 0.4, 0.4])
    assert frames[-1] == 100


def test_logrank_by_hand():
    """Observed minus expected falls, over their hypergeometric variance."""
    one, other = rows([10, 20, 30, 40]), rows([35, 60, np.nan, np.nan])
    events = [
        (10, 4, 4, 1),
        (20, 3, 4, 1),
        (30, 2, 4, 1),
        (35, 1, 4, 0),
        (40, 1, 3, 1),
        (60, 0, 3, 0),
    ]
    observed = sum(fell for *_, fell in events)
    expected = sum(n1 / (n1 + n2) for _, n1, n2, _ in events)
    variance = sum(n1 * n2 / (n1 + n2) ** 2 for _, n1, n2, _ in events)
    z = (observed - expected) / math.sqrt(variance)
    assert _logrank(one, other) == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-6)
    assert math.isnan(_logrank(rows([np.nan]), rows([np.nan])))


def test_scores_as_rliable_defines_them():
    rng = np.random.default_rng(0)
    one, other = rng.normal(1, 1, (6, 4)), rng.normal(0, 1, (6, 3))
    ordered = np.sort(one.ravel())
    assert interquartile_mean(one) == pytest.approx(ordered[6:18].mean())
    one[0, 0] = other[0, 0]
    pairs = [stats.mannwhitneyu(x, y).statistic / 12 for x, y in zip(one, other, strict=True)]
    assert improvement(one, other) == pytest.approx(np.mean(pairs))
    assert list(profile(one, np.array([-9, np.median(one), 9]))) == [1, 0.5, 0]


@pytest.fixture
def study(fake):
    """RI falls on every video but one of each seed, PI on none; two seeds, four videos."""
    fake.test_set('static', 'Static', a=T, b=T, c=T)
    fake.test_set('gamma', 'Gamma', d=T)
    fake.test_set('short', 'Short', a=40)
    fake.done(fake.run('bicubic'), lambda video, frame: BICUBIC_DB[video])
    gain = {'a': 1.0, 'b': 2.0, 'c': 3.0, 'd': 8.0}
    for seed in (0, 1):
        fake.done(
            fake.run('net', 'RI', seed=seed),
            lambda video, frame, seed=seed: (
                BICUBIC_DB[video] + np.where((frame < 40 + 10 * seed) | (video == 'a'), 2.0, -3.0)
            ),
        )
        fake.done(
            fake.run('net', 'PI', repeats=8, seed=seed),
            lambda video, frame, seed=seed: BICUBIC_DB[video] + gain[video] + seed,
        )
    return load_grid(fake.save())


def test_a_row_a_method(study):
    found = robustness(study).set_index('method')
    ri, pi = found.loc['NET w/ RI'], found.loc['NET w/ PI (R=8)']
    assert (score_kind(study), ri['units'], ri['collapsed'], pi['collapsed']) == ('gain', 8, 6, 0)
    assert ri['median_survival'] == 50 and math.isnan(pi['median_survival'])
    assert (pi['mean'], pi['worst'], pi['iqm']) == pytest.approx((4, 1.5, 3.0))
    assert (ri['mean'], ri['worst']) == pytest.approx((-1.75, -3))
    # on a: (1, 2) against (2, 2): one tie of four pairs; all others are won
    assert pi['improvement'] == pytest.approx((0.25 + 3) / 4)
    assert 0.3 < pi['improvement_low'] < pi['improvement'] < pi['improvement_high'] == 1
    assert pi['iqm_low'] < 3 < pi['iqm_high']
    unit = units(study)
    mine = [unit[unit['trial_id'].str.contains(name)] for name in ('-PI-', '-RI-')]
    assert pi['p_logrank'] == _logrank(*mine) < 0.01
    assert math.isnan(ri['p_logrank']) and found.loc['BICUBIC', 'collapsed'] == 0


def test_table_and_figure(study, fake, tmp_path):
    table = robustness_table(study)
    shown = {row.label: [cell.shown for cell in row.cells] for row in table.rows}
    assert shown['NET w/ RI'][:2] == ['6/8', '50'] and shown['NET w/ PI (R=8)'][:2] == ['0/8', '-']
    assert shown['NET w/ PI (R=8)'][3:6] == ['4.00', '1.50', '3.00']
    assert 'Static, Gamma' in table.caption and 'Short' not in table.caption.split('. ')[0]
    figure = survival_and_profiles(study)
    (left, right) = figure.axes
    curves = {line.get_label(): line for line in left.get_lines()}
    assert curves['RI (8)'].get_ydata()[-1] == 0.25
    assert len(right.get_lines()) == 3


def test_short_videos_alone_and_other_protocols(fake):
    fake.test_set('short', 'Short', a=40)
    fake.done(fake.run('net', 'RI'), lambda video, frame: 20.0)
    grid = load_grid(fake.save())
    assert robustness_table(grid) is None and survival_and_profiles(grid) is None
    fake.test_set('static', 'Static', a=T)
    fake.done(fake.run('bicubic'), lambda video, frame: 20.0)
    key = fake.external('theirs', 'Theirs', protocol='set5')
    fake.done(fake.run('net', 'RI', seed=1), lambda video, frame: 25.0)
    fake.frames(key, 'static', lambda video, frame: 30.0)
    grid = load_grid(fake.save())
    found = robustness(grid).set_index('method')
    theirs = found.loc['Theirs (set5 protocol)']
    # scored in another way than bicubic, so that there is no gain
    assert math.isnan(theirs['mean']) and theirs['units'] == 1 and theirs['collapsed'] == 0
    assert found.loc['NET w/ RI', 'mean'] == pytest.approx(5)
