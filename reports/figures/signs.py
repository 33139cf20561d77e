"""Signs of instability against training iterations, and the PSNR of checkpoints below them."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator

from reports.diagnostics import GROWTH_LIMIT, NORM_LIMIT, late_growth
from reports.figures.selection import methods_of
from reports.figures.style import COLUMN_WIDTH, Look, looks, paper_style
from reports.methods import Method
from reports.results import GridResults

#: larger values and overflows are drawn here
_TOP = 1e6


def signs_of_instability(grid: GridResults, network: str, train_set: str) -> Figure | None:
    """Growth of perturbations and of norms by iteration (see ``reports.diagnostics``), and PSNR.

    A line per run, in the look of its method. Below: the mean PSNR of validation, where there was
    one, and, as markers, that of the evaluated checkpoints on the set where instability shows
    first. None where no run has recorded its states.
    """
    methods = [m for m in methods_of(grid, network, train_set) if m.is_trained and m.is_plain]
    known = set(grid.diagnostics.signs['run_id'])
    shown = [m for m in methods if known & {*grid.trials_of(m)}]
    if not shown:
        return None
    styles = looks(grid.all_methods, grid.record.strategies)
    with paper_style():
        figure = Figure(figsize=(COLUMN_WIDTH, 4.6), layout='constrained')
        growth, norm, score = figure.subplots(3, sharex=True)
        for method in shown:
            for run_id in grid.trials_of(method):
                _draw_run(grid, run_id, styles[method.short_name], growth, norm, score)
        for axis, limit, name in (
            (growth, GROWTH_LIMIT, 'Growth from l to 3 l'),
            (norm, NORM_LIMIT, 'Norm at the end'),
        ):
            axis.set(ylabel=name, yscale='log')
            axis.axhline(limit, color='0.4', linewidth=0.8)
            for ticks in (axis.yaxis.set_major_formatter, axis.yaxis.set_minor_formatter):
                ticks(FuncFormatter(lambda value, _: f'{value:g}'))
            axis.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        score.set_xlim(left=0)
        label = grid.record.test_sets[grid.focus_set].label
        score.set(ylabel=f'PSNR (dB), {label}', xlabel='Training iterations')
        figure.legend(handles=_legend(shown, styles), loc='outside lower center', ncols=2)
    return figure


def _draw_run(
    grid: GridResults, run_id: str, look: Look, growth: Axes, norm: Axes, score: Axes
) -> None:
    line: dict[str, Any] = dict(color=look.color, linestyle=look.line)
    signs = grid.diagnostics.signs
    own = signs[signs['run_id'] == run_id]
    for axis, values in ((growth, late_growth(own)), (norm, own['norm_growth'])):
        axis.plot(own['iteration'], values.clip(1 / _TOP, _TOP), marker='.', ms=3, **line)
    validated = grid.diagnostics.validation
    validated = validated[validated['run_id'] == run_id]
    score.plot(validated['iteration'], validated['psnr_y'], **line)
    evaluated = _checkpoints(grid, run_id)
    score.plot(
        evaluated['iteration'], evaluated['psnr_y'], look.marker, color=look.color, markersize=4.5
    )


def _checkpoints(grid: GridResults, run_id: str) -> pd.DataFrame:
    """Iteration and PSNR of the run's checkpoints on the focus set, without resets."""
    own = grid.trials.loc[grid.trials['run_id'] == run_id, 'trial_id']
    own = [trial_id for trial_id in own if grid.method_of[trial_id].reset is None]
    table = grid.evaluations
    return table[table['trial_id'].isin(own) & (table['test_set'] == grid.focus_set)]


def _legend(methods: list[Method], styles: dict[str, Look]) -> list[Line2D]:
    return [
        Line2D([], [], color=look.color, linestyle=look.line, marker=look.marker, label=name)
        for name, look in ((m.short_name, styles[m.short_name]) for m in methods)
    ]
