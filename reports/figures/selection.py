"""Which trials and methods a figure shows."""

from reports.results import GridResults
from reports.runs import is_plain


def networks_and_sets(grid: GridResults) -> list[tuple[str, str]]:
    """Trained networks with their training sets, in display order."""
    trained = grid.methods[grid.methods['train_set'] != '']
    pairs = trained[['network', 'train_set']].drop_duplicates()
    return list(pairs.itertuples(index=False, name=None))


def drawn_methods(grid: GridResults) -> list:
    """Methods that are drawn, in display order: plain ones, and resets of one of them.

    Resets are what a user does about RI, the first strategy. Those of further methods and other
    checkpoints would crowd the figures: they are in the tables and, at choice, on the page.
    """
    drawn, reset = [], {}
    for method in grid.methods.itertuples():
        group, training = (method.train_set, method.network), training_of(method)
        if is_plain(method) or (
            method.checkpoint == 'last' and reset.setdefault(group, training) == training
        ):
            drawn.append(method)
    return drawn


def training_of(method) -> tuple:
    """What the variants of a method's evaluation share, within a network and training set."""
    return method.strategy, method.fc, str(method.repeats)  # NaN is not equal to itself


def methods_of(grid: GridResults, network: str, train_set: str) -> list:
    """What is drawn of the untrained references, then of one network on one training set."""
    # "" is the training set of untrained references, which are shown beside every network.
    return [
        method
        for method in drawn_methods(grid)
        if not method.train_set or (method.network, method.train_set) == (network, train_set)
    ]


def full_name(grid: GridResults, method) -> str:
    """Name of a method, with its training set if the grid has several."""
    several = grid.runs.loc[grid.runs['train_set'] != '', 'train_set'].nunique() > 1
    train = grid.plan.train_sets.get(method.train_set, '') if several else ''
    return f'{method.method}, {train}' if train else method.method


def trial_ids(grid: GridResults, method) -> list[str]:
    """All planned trials of a method, one a seed."""
    trials = grid.trials
    same = (trials['network'] == method.network) & (trials['train_set'] == method.train_set)
    return list(trials.loc[same & (trials['method'] == method.method), 'trial_id'])


def fewer(methods: list, limit: int) -> list:
    """At most one method a strategy (with and without FC) if there are more than ``limit``.

    Of several R, the one that is there with and without FC is kept, otherwise the smallest.
    """
    if len(methods) <= limit:
        return methods
    conditioned = {method.repeats for method in methods if method.fc}
    kept = {}
    for method in sorted(methods, key=lambda m: (m.repeats not in conditioned, m.repeats)):
        # Untrained references differ by network alone.
        kept.setdefault((method.strategy or method.network, method.fc), method.Index)
    return [method for method in methods if method.Index in kept.values()]
