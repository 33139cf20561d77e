"""Which runs and methods a figure shows."""

from reports.results import GridResults


def networks_and_sets(grid: GridResults) -> list[tuple[str, str]]:
    """Trained networks with their training sets, in display order."""
    trained = grid.methods[grid.methods['train_set'] != '']
    pairs = trained[['network', 'train_set']].drop_duplicates()
    return list(pairs.itertuples(index=False, name=None))


def methods_of(grid: GridResults, network: str, train_set: str) -> list:
    """The untrained references, then the methods of one network on one training set."""
    own = (grid.methods['network'] == network) & (grid.methods['train_set'] == train_set)
    # "" is the training set of untrained references, which are shown beside every network.
    return list(grid.methods[own | (grid.methods['train_set'] == '')].itertuples())


def full_name(grid: GridResults, method) -> str:
    """Name of a method, with its training set if the grid has several."""
    several = grid.runs.loc[grid.runs['train_set'] != '', 'train_set'].nunique() > 1
    train = grid.plan.train_sets.get(method.train_set, '') if several else ''
    return f'{method.method}, {train}' if train else method.method


def run_ids(grid: GridResults, method) -> list[str]:
    """All planned runs of a method, one a seed."""
    runs = grid.runs
    same = (runs['network'] == method.network) & (runs['train_set'] == method.train_set)
    return list(runs.loc[same & (runs['method'] == method.method), 'run_id'])


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
