"""Survival curves and performance profiles over videos and seeds."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import PercentFormatter

from reports.differences import ALPHA, LEAST_VIDEOS
from reports.figures.selection import drawn_methods, networks_and_sets
from reports.figures.style import PAGE_WIDTH, Look, looks, paper_style
from reports.methods import Method
from reports.results import WINDOW, GridResults
from reports.robustness import by_method, matrix, profile, resampled, score_kind, survival, units

_STEPS = 101  # thresholds of a profile


def survival_and_profiles(grid: GridResults) -> Figure | None:
    """A row per network and training set: share of units that have not collapsed, and profiles.

    Left: Kaplan and Meier's estimate against the frame number. Right: share of units whose last
    ``WINDOW`` frames are above a score, with a pointwise 95 % band. None where there are no long
    videos.
    """
    found = by_method(grid, units(grid))
    drawn = [method for method in drawn_methods(grid) if method in found]
    rows = []
    for network, train_set in networks_and_sets(grid):
        methods = [
            method
            for method in drawn
            if not method.is_trained or (method.network, method.train_set) == (network, train_set)
        ]
        if any(method.is_trained for method in methods) or (methods and not network):
            rows.append(methods)
    if not rows:
        return None
    styles = looks(grid.all_methods, grid.record.strategies)
    with paper_style():
        height = sum(1.9 + 0.16 * ((len(methods) + 2) // 3) for methods in rows)
        figure = Figure(figsize=(PAGE_WIDTH, height), layout='constrained')
        for part, methods in zip(
            figure.subfigures(len(rows), 1, squeeze=False)[:, 0], rows, strict=True
        ):
            _draw(part, grid, methods, found, styles)
    return figure


def _draw(
    part: SubFigure,
    grid: GridResults,
    methods: list[Method],
    found: dict[Method, pd.DataFrame],
    styles: dict[str, Look],
) -> None:
    left, right = part.subplots(1, 2)
    scores = {method: matrix(found[method]) for method in methods}
    scores = {method: values for method, values in scores.items() if values.size}
    everything = np.concatenate([values.ravel() for values in scores.values()] or [np.zeros(1)])
    thresholds = np.linspace(everything.min() - 0.1, everything.max() + 0.1, _STEPS)
    for method in methods:
        look = styles[method.short_name]
        style: dict[str, Any] = {'color': look.color, 'linestyle': look.line}
        left.step(*survival(found[method]), where='post', label=_name(method, found), **style)
        if method in scores:
            right.plot(thresholds, profile(scores[method], thresholds), **style)
            if len(scores[method]) >= LEAST_VIDEOS:
                drawn = resampled(scores[method], '/'.join(method.key))[0]
                band = np.quantile(profile(drawn, thresholds), [ALPHA / 2, 1 - ALPHA / 2], axis=0)
                right.fill_between(thresholds, *band, color=look.color, alpha=0.12, linewidth=0)
    gain = score_kind(grid) == 'gain'
    left.set(xlabel='Frame number', ylabel='Not collapsed', title=_title(grid, methods))
    right.set(
        xlabel=f'{"Gain over bicubic" if gain else "PSNR"} of the last {WINDOW} frames (dB)',
        ylabel='Units above',
        title='Performance profile',
    )
    for axis in (left, right):
        axis.set_ylim(-0.03, 1.03)
        axis.yaxis.set_major_formatter(PercentFormatter(1))
    part.legend(loc='outside lower center', ncols=3)


def _name(method: Method, found: dict[Method, pd.DataFrame]) -> str:
    return f'{method.short_name} ({len(found[method])})'


def _title(grid: GridResults, methods: list) -> str:
    trained = next((method for method in methods if method.is_trained), None)
    if trained is None:
        return 'Survival'
    name = grid.record.networks[trained.network]
    if grid.has_several_train_sets:
        name += f', {grid.record.train_sets[trained.train_set]}'
    return f'Survival, {name}'
