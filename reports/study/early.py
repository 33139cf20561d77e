"""What predicts that a network collapses: area under the ROC curve and rank correlation."""

import numpy as np
import pandas as pd
from scipy import stats

from reports.diagnostics import late_growth
from reports.results import GridResults
from reports.study.contrasts import STATIC, lost_stills, psnr, set_levels

#: predictor -> what it is, in the table
PREDICTORS = {
    'growth': 'growth of a perturbation over 3 l frames relative to that over l (training windows)',
    'norm_growth': "growth of the states' norm (training windows)",
    'short_still': "level of the stills' frames 30 to 39 against bicubic (negated)",
    'moving': 'PSNR on moving videos (negated)',
}
_SHORT = range(30, 40)


def predictors(grid: GridResults) -> pd.DataFrame:
    """One row a trained trial whose state is not reset and that has signs; indexed by trial_id.

    Columns: those of ``PREDICTORS``, larger for networks that should collapse; ``collapses``
    (whether a still is lost), ``static`` (PSNR of *Static*, dB), ``method``, ``seed``.
    """
    trials = grid.trials[(grid.trials['kind'] == 'trained') & grid.trials['reset_every'].isna()]
    signs = grid.diagnostics.signs.sort_values('iteration').groupby('run_id').last()
    table = trials.set_index('trial_id')[['method', 'seed']]
    table['growth'] = late_growth(signs)
    table['norm_growth'] = signs['norm_growth']
    table['short_still'] = -_short_level(grid)
    table['moving'] = -psnr('moving').of(grid)
    table['static'] = psnr(STATIC).of(grid)
    lost = lost_stills().of(grid).reindex(table.index)
    table['collapses'] = lost > 0
    return table[lost.notna() & table['growth'].notna()]


def _short_level(grid: GridResults) -> pd.Series:
    levels = set_levels(grid, STATIC)
    return levels[levels['frame'].isin(_SHORT)].groupby('trial_id')['level'].mean()


def accuracy(table: pd.DataFrame) -> pd.DataFrame:
    """One row a predictor: auc, low, high (95 % bootstrap over runs), spearman with *Static*.

    NaN where all runs collapse or none does. Infinite growths rank highest.
    """
    rows = []
    for name in PREDICTORS:
        values = table[name].to_numpy(float)
        low, high = _interval(values, table['collapses'].to_numpy())
        correlation = stats.spearmanr(values, table['static']).statistic
        rows.append((name, auc(values, table['collapses'].to_numpy()), low, high, correlation))
    return pd.DataFrame(rows, columns=['predictor', 'auc', 'low', 'high', 'spearman'])


def auc(values: np.ndarray, positive: np.ndarray) -> float:
    """Probability that a positive has the higher value, ties counting half; NaN without both."""
    ranks = stats.rankdata(values)
    count, others = positive.sum(), (~positive).sum()
    if not count or not others:
        return np.nan
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


def _interval(values: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    generator = np.random.default_rng(0)
    draws = generator.integers(len(values), size=(2000, len(values)))
    aucs = np.array([auc(values[draw], positive[draw]) for draw in draws])
    aucs = aucs[~np.isnan(aucs)]
    if not len(aucs):
        return np.nan, np.nan
    low, high = np.quantile(aucs, [0.025, 0.975])
    return float(low), float(high)
