"""Selects the methods that a figure shows."""

from reports.methods import Method
from reports.results import GridResults


def networks_and_sets(grid: GridResults) -> list[tuple[str, str]]:
    """Trained networks with their training sets, in display order.

    If nothing is trained, as in a grid of published networks, the pair ('', '') means all networks
    together.
    """
    trained = (method for method in grid.methods if method.is_trained)
    pairs = list(dict.fromkeys((method.network, method.train_set) for method in trained))
    return pairs or [('', '')] * bool(grid.methods)


def drawn_methods(grid: GridResults) -> list[Method]:
    """Returns the methods to draw, in display order: plain ones, and resets of one of them.

    Resets are the user's remedy for RI, the first strategy. Resets of other methods and other
    checkpoints would crowd the figures; they are in the tables and selectable on the page.
    """
    drawn: list[Method] = []
    reset: dict[tuple[str, str], tuple] = {}
    for method in grid.methods:
        group, training = (method.train_set, method.network), method.training
        if method.is_plain or (
            method.checkpoint == 'last' and reset.setdefault(group, training) == training
        ):
            drawn.append(method)
    return drawn


def methods_of(grid: GridResults, network: str, train_set: str) -> list[Method]:
    """Returns the methods to draw: untrained references, then one network on one training set."""
    # References are shown with every network.
    return [
        method
        for method in drawn_methods(grid)
        if not method.is_trained or (method.network, method.train_set) == (network, train_set)
    ]


def full_name(grid: GridResults, method: Method) -> str:
    """Name of a method, with its training set if the grid has several."""
    told = grid.has_several_train_sets and method.is_trained
    return f'{method.name}, {grid.record.train_sets[method.train_set]}' if told else method.name


def fewer(methods: list[Method], limit: int) -> list[Method]:
    """Returns one method per strategy and FC if there are more than ``limit`` methods.

    Of several R, the one that exists with and without FC is kept, otherwise the smallest.
    """
    if len(methods) <= limit:
        return methods
    conditioned = {method.repeats for method in methods if method.fc}
    kept: dict[tuple, Method] = {}
    for method in sorted(methods, key=lambda m: (m.repeats not in conditioned, m.repeats or 0)):
        # Untrained references differ only by network.
        kept.setdefault((method.strategy or method.network, method.fc), method)
    return [method for method in methods if method in kept.values()]
