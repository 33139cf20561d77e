"""The figures of the study (PNG): which there are is in ``FIGURES``."""

import math
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.diagnostics import GROWTH_LIMIT
from reports.figures.style import COLUMN_WIDTH, PAGE_WIDTH, paper_style
from reports.results import GridResults
from reports.study import early
from reports.study.contrasts import START, STATIC, by_unit, method_names, psnr
from reports.study.properties import worse_ends_from_still

_BLUE, _RED, _GREEN, _ORANGE, _GREY = '#0173b2', '#d55e00', '#029e73', '#de8f05', '0.4'
#: strategy -> its variants, which differ in iterations
_CURES = {
    'PI': re.compile(r'PI \(R=8(, max iters=\d+)?\)'),
    'RI': re.compile(r'RI( \(max iters=\d+\))?'),
    'RI, penalty 0.1': re.compile(r'RI \(amplification weight=0.1\)'),
}

#: variants of ``cure_published`` that are drawn -> their labels
_BEFORE_AND_AFTER = {
    START: 'as published',
    'RI (max iters=100)': '100 iterations of RI',
    'PI (R=8, max iters=100)': '100 iterations of PI',
    'PI (R=8, max iters=250)': '250 iterations of PI',
    'Bicubic (BI)': 'bicubic',
}

#: test set -> label of its axis, number that stands for its stills
_PROPERTIES = {
    'speeds': ('speed of the slide (LR pixels per frame)', 0.0),
    'gammas': ('largest exponent of the gamma change', 1.0),
}


def methods_figure(grid: GridResults) -> Figure:
    """PSNR of *Static* (left) and *Moving* (right): a dot a seed, a row per method."""
    names = [n for n in dict.fromkeys(method_names(grid, 'seed')) if n != 'Bicubic']
    values = {
        (title, name): by_unit(grid, name, psnr(key), 'seed')
        for title, key in (('Static', 'static'), ('Moving', 'moving'))
        for name in names
    }
    names = [name for name in names if len(values['Static', name])]
    with paper_style():
        figure = Figure(figsize=(PAGE_WIDTH, 0.9 + 0.19 * len(names)), layout='constrained')
        sides = figure.subplots(1, 2, sharey=True)
        for axes, title in zip(sides, ('Static', 'Moving'), strict=True):
            for row, name in enumerate(names):
                dots = values[title, name]
                axes.plot(dots, np.full(len(dots), row), 'o', ms=3.5, alpha=0.6, color=_BLUE)
                axes.plot(dots.mean(), row, '|', ms=9, color='black')
            bicubic = by_unit(grid, 'Bicubic', psnr(title.lower()), 'seed').mean()
            axes.axvline(bicubic, color=_GREY, lw=0.8, ls='--')
            axes.annotate(
                'bicubic',
                (bicubic, -0.75),
                xytext=(-3, 0),
                textcoords='offset points',
                fontsize=7,
                color=_GREY,
                ha='right',
            )
            axes.set(xlabel=f'{title}: Y-PSNR (dB)', yticks=range(len(names)))
            axes.set_yticklabels(names)
        axes.set_ylim(len(names) - 0.4, -1.1)
    return figure


def early_figure(grid: GridResults) -> Figure:
    """PSNR of *Static* against the growth of a perturbation: a dot a run."""
    table = early.predictors(grid)
    with paper_style():
        figure = Figure(figsize=(COLUMN_WIDTH, 2.6), layout='constrained')
        axes = figure.subplots()
        for is_lost, color, label in ((True, _RED, 'loses a still'), (False, _BLUE, 'keeps all')):
            part = table[table['collapses'] == is_lost]
            axes.plot(
                part['growth'], part['static'], 'o', ms=4, alpha=0.7, color=color, label=label
            )
        axes.axvline(GROWTH_LIMIT, color=_GREY, lw=0.8, ls='--')
        axes.set(
            xlabel='share of a perturbation that is left from frame l to 3 l',
            ylabel='Static: Y-PSNR (dB)',
        )
        axes.legend()
    return figure


def cure_figure(grid: GridResults) -> Figure:
    """PSNR of *Static* against iterations of training on: a line per strategy, mean and range."""
    rows = []
    for strategy, pattern in _CURES.items():
        names = [n for n in dict.fromkeys(method_names(grid, 'network')) if pattern.fullmatch(n)]
        start = by_unit(grid, START, psnr('static'), 'network') if names else []
        rows += [(strategy, 0, value) for value in start]
        for name in names:
            values = by_unit(grid, name, psnr('static'), 'network')
            trained = grid.trials.loc[grid.trials['variant'] == name, 'iterations'].iloc[0]
            rows += [(strategy, trained, value) for value in values]
    table = pd.DataFrame(rows, columns=['strategy', 'iterations', 'psnr'])
    colors = dict(zip(_CURES, (_BLUE, _RED, _GREEN), strict=True))
    with paper_style():
        figure = Figure(figsize=(COLUMN_WIDTH, 2.6), layout='constrained')
        axes = figure.subplots()
        sns.lineplot(
            table,
            x='iterations',
            y='psnr',
            hue='strategy',
            style='strategy',
            markers=True,
            errorbar=('pi', 100),
            palette=colors,
            ax=axes,
        )
        bicubic = by_unit(grid, 'Bicubic', psnr('static'), 'network').mean()
        axes.axhline(bicubic, color=_GREY, lw=0.8, ls='--', label='Bicubic')
        axes.set(xlabel='iterations of training on', ylabel='Static: Y-PSNR (dB)')
        axes.legend(title=None)
    return figure


def stills_figure(grid: GridResults) -> Figure:
    """PSNR of each still against frame number, before and after training on."""
    names = method_names(grid, 'network')
    labels = dict(zip(grid.trials['trial_id'], names.map(_BEFORE_AND_AFTER), strict=True))
    frames = grid.frames[grid.frames['test_set'] == STATIC]
    frames = frames.assign(line=frames['trial_id'].map(labels)).dropna(subset='line')
    lines = list(_BEFORE_AND_AFTER.values())
    palette = dict(zip(lines, (_RED, _ORANGE, _GREEN, _BLUE, _GREY), strict=True))
    styles = dict(zip(lines, ('-.', ':', (0, (4, 1)), '-', '--'), strict=True))
    with paper_style():
        figure = Figure(figsize=(PAGE_WIDTH, 3.4), layout='constrained')
        videos = frames.groupby('video')
        panels = figure.subplots(math.ceil(len(videos) / 3), 3, sharex=True, squeeze=False)
        for axes, (video, rows) in zip(panels.flat, videos, strict=False):
            for line, values in rows.groupby('line'):
                axes.plot(values['frame'], values['psnr_y'], color=palette[line], ls=styles[line])
            axes.set(title=video)
        for axes in panels[:, 0]:
            axes.set_ylabel('Y-PSNR (dB)')
        for axes in panels[-1]:
            axes.set_xlabel('frame')
        handles = [Line2D([], [], color=palette[x], ls=styles[x], label=x) for x in lines]
        figure.legend(handles=handles, loc='outside lower center', ncols=len(lines))
    return figure


def properties_figure(grid: GridResults) -> Figure:
    """Mean level of the worse end against the speed of slides and the size of gamma changes."""
    with paper_style():
        figure = Figure(figsize=(PAGE_WIDTH, 2.7), layout='constrained')
        sides = figure.subplots(1, 2, sharey=True)
        for axes, (test_set, (label, still)) in zip(sides, _PROPERTIES.items(), strict=True):
            table = worse_ends_from_still(grid, test_set, still)
            table = table[~table.index.str.contains('Bicubic|overlap')]
            for (name, row), marker in zip(table.iterrows(), 'os^Dvx', strict=False):
                axes.plot(row.index, row, marker=marker, ms=4, label=name)
            axes.axhline(0, color=_GREY, lw=0.8, ls='--')
            axes.set(xlabel=label, xticks=row.index)
        sides[0].set_ylabel('level of the worse end (dB)')
        figure.legend(*sides[0].get_legend_handles_labels(), loc='outside lower center', ncols=3)
    return figure


#: part -> file name -> what draws it
FIGURES: dict[str, dict[str, Callable[[GridResults], Figure]]] = {
    'scratch': {'methods': methods_figure, 'early': early_figure},
    'cure_small': {'iterations': cure_figure},
    'cure_published': {'stills': stills_figure},
    'properties': {'levels': properties_figure},
}
