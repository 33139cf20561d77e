"""Paired differences between two strategies, over videos and seeds, and their significance.

A conclusion should generalise over test videos and over trainings (seeds). The differences
d[video, seed] are crossed, not independent: all videos of a seed share one pair of trained
networks, and all seeds share the videos, so the sample size is not videos x seeds. Each factor is
therefore tested as the unit, after averaging over the other:

- ``p_videos``, unit video: would other videos of this kind show it, with these trained networks?
- ``p_seeds``, unit seed: would other trainings show it, on these videos?

Both are exact sign-flip tests (two-sided; 2^n equally probable signs of n differences that are
symmetric around zero if the strategies are equal). Their smallest possible value is 2^(1-n), so
fewer than six units cannot reach 5 %, and no test is made. The interval resamples both videos and
seeds (the two-way or "pigeonhole" bootstrap, Owen 2007, which is conservative for crossed data);
with one seed it says nothing about other trainings.

Only seeds that both strategies have finished are compared; the same seed means the same initial
weights and order of data.
"""

import hashlib
import itertools
import math
from dataclasses import replace

import numpy as np
import pandas as pd

from reports.methods import KEY, Method
from reports.results import GridResults

ALPHA = 0.05
LEAST_UNITS = 6  # the first n with 2^(1-n) < ALPHA
MOST_EXACT = 16  # units whose signs are all tried; of more, RESAMPLES are drawn
RESAMPLES = 10_000
# With three videos, one resample in 27 is three times the worst: the interval would be the range.
LEAST_VIDEOS = 4
SCORES = ('psnr_y', 'psnr_last50')


def named_generator(*names: str) -> np.random.Generator:
    """Returns a generator seeded by names, independent of what was drawn before."""
    return np.random.default_rng(list(hashlib.sha256('/'.join(names).encode()).digest()))


def sign_flip_test(differences: np.ndarray) -> float:
    """Returns the two-sided p of the mean difference; exact for up to ``MOST_EXACT`` units.

    For more, signs are drawn at random and the observed ones are counted among them, which keeps
    the level. NaN for fewer than ``LEAST_UNITS``.

    Args:
        differences: one per unit, shape (n,).
    """
    count = len(differences)
    if count < LEAST_UNITS:
        return math.nan
    if count <= MOST_EXACT:
        signs = 1 - 2 * (np.arange(2**count)[:, None] >> np.arange(count) & 1)
    else:
        generator = named_generator('signs', str(count))
        signs = generator.choice([-1, 1], size=(RESAMPLES, count))
        signs[0] = 1
    sums = np.abs(signs @ differences)
    # Sums that are equal but for rounding count as equal.
    return float(np.mean(sums >= sums[0] * (1 - 1e-9)))


def bootstrap_interval(differences: np.ndarray, name: str) -> tuple[float, float]:
    """Returns the 95 % percentile interval of the mean, resampling videos and seeds.

    Args:
        differences: shape (videos, seeds).
        name: identifies the interval and seeds its random numbers.

    Returns:
        Low and high end; NaN for fewer than ``LEAST_VIDEOS``.
    """
    videos, seeds = differences.shape
    if videos < LEAST_VIDEOS:
        return math.nan, math.nan
    generator = named_generator('bootstrap', name)
    # How often each video and seed is drawn, as weights.
    by_video = generator.multinomial(videos, np.full(videos, 1 / videos), RESAMPLES) / videos
    by_seed = generator.multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES) / seeds
    means = np.einsum('rv,vs,rs->r', by_video, differences, by_seed)
    low, high = np.quantile(means, [ALPHA / 2, 1 - ALPHA / 2])
    return float(low), float(high)


def holm(p_values: pd.Series) -> pd.Series:
    """Adjusts p-values for their number (Holm, 1979); NaN stays NaN and does not count."""
    ordered = p_values.dropna().sort_values()
    factors = np.arange(len(ordered), 0, -1)
    return (ordered * factors).cummax().clip(upper=1).reindex(p_values.index)


def differences(grid: GridResults) -> pd.DataFrame:
    """One row per pair of methods x test set x score (PSNR in dB of all or the last 50 frames).

    Families of pairs of one network and training set, each a separate question:

    - strategies: every strategy against RI, and with frame-number conditioning against without;
    - PI against resets: every PI against RI whose state is reset every so many frames;
    - resets: RI with resets against RI without.

    Columns: family, train_set, network, method, baseline, test_set, score, difference (method minus
    baseline), low, high, videos, seeds, better_videos (videos on which the method is better),
    p_videos, p_seeds, the same adjusted for all tests of a family and score (``_holm``), and
    run_ids of both.
    """
    scores = _by_method(grid)
    rows = [
        _compare(scores, *pair, test_set, score)
        for pair in _pairs(grid.methods)
        for test_set in grid.record.test_sets
        for score in (SCORES if test_set in grid.long_sets else SCORES[:1])
    ]
    table = pd.DataFrame([row for row in rows if row], columns=COLUMNS)
    for unit in ('p_videos', 'p_seeds'):
        table[f'{unit}_holm'] = table.groupby(['family', 'score'])[unit].transform(holm)
    return table


COLUMNS = [
    *('family', 'train_set', 'network', 'method', 'baseline', 'test_set', 'score', 'difference'),
    *('low', 'high', 'videos', 'seeds', 'better_videos', 'p_videos', 'p_seeds', 'run_ids'),
]


def _pairs(methods: list[Method]) -> list[tuple[str, Method, Method]]:
    """(family, method, baseline) of the same network and training set."""
    groups: dict[tuple, list[Method]] = {}
    for method in methods:
        if method.is_trained:
            groups.setdefault((method.train_set, method.network), []).append(method)
    pairs = []
    for group in groups.values():
        plain = [method for method in group if method.is_plain]
        ri = [method for method in plain if _is_ri(method)]
        resets = [m for m in group if _is_ri(m) and m.reset and m.checkpoint == 'last']
        pairs += [
            ('strategies', method, other)
            for method in plain
            for other in plain
            if method != other and (_is_rival(other, method) or other == replace(method, fc=False))
        ]
        pi = [method for method in plain if method.repeats]
        for family, those, others in (('PI against resets', pi, resets), ('resets', resets, ri)):
            pairs += [
                (family, method, other)
                for method, other in itertools.product(those, others)
                if _is_rival(other, method)
            ]
    return pairs


def _is_rival(ri: Method, method: Method) -> bool:
    """Returns whether all options of an RI training are also options of a method."""
    return _is_ri(ri) and {*ri.options} <= {*method.options}


def _is_ri(method: Method) -> bool:
    return (method.strategy, method.fc) == ('RI', False)


def _by_method(grid: GridResults) -> dict[tuple, pd.DataFrame]:
    """(training set, network, method, test set) -> statistics of its videos and seeds."""
    axes = grid.trials[['trial_id', *KEY, 'seed']]
    return dict(iter(grid.videos.merge(axes, on='trial_id').groupby([*KEY, 'test_set'])))


def _compare(
    scores: dict, family: str, method: Method, baseline: Method, test_set: str, score: str
) -> dict | None:
    keys = [(*own.key, test_set) for own in (method, baseline)]
    if not all(key in scores for key in keys):
        return None
    tables = [scores[key].pivot(index='video', columns='seed', values=score) for key in keys]
    difference = (tables[0] - tables[1]).dropna(axis='columns')  # of seeds that both have
    if difference.empty:
        return None
    matrix = difference.to_numpy()
    low, high = bootstrap_interval(matrix, '/'.join([*keys[0], baseline.name, score]))
    used = [scores[key][scores[key]['seed'].isin(difference.columns)]['trial_id'] for key in keys]
    by_video = matrix.mean(axis=1)
    return {
        'family': family,
        'train_set': method.train_set,
        'network': method.network,
        'method': method.name,
        'baseline': baseline.name,
        'test_set': test_set,
        'score': score,
        'difference': matrix.mean(),
        'low': low,
        'high': high,
        'videos': len(by_video),
        'seeds': matrix.shape[1],
        'better_videos': int((by_video > 0).sum()),
        'p_videos': sign_flip_test(by_video),
        'p_seeds': sign_flip_test(matrix.mean(axis=0)),
        'run_ids': '; '.join(dict.fromkeys(pd.concat(used))),
    }
