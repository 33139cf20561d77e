"""Areas under ROC curves, against the count of pairs."""

import itertools

import numpy as np

from reports.study.early import auc


def test_auc_counts_pairs():
    values = np.array([1.0, 2.0, 2.0, 3.0, np.inf, 0.5])
    positive = np.array([False, True, False, True, True, False])
    pairs = itertools.product(values[positive], values[~positive])
    share = np.mean([1.0 if p > n else 0.5 if p == n else 0.0 for p, n in pairs])
    assert auc(values, positive) == share
    assert np.isnan(auc(values, np.ones(6, bool)))
