"""The tables of each part of the study, as Markdown, by the name of their marker in the page."""

from collections.abc import Callable, Iterable

import pandas as pd

from reports.results import GridResults
from reports.study import early
from reports.study.contrasts import (
    Measure,
    by_unit,
    contrast,
    first_frames,
    last50,
    lost_stills,
    method_names,
    psnr,
    stills,
)
from reports.study.properties import by_property, losses, worse_ends

_RI, _PI, _TBPTT = 'FRVSR-RR w/ RI', 'FRVSR-RR w/ PI (R=8)', 'FRVSR-RR w/ TBPTT'
_MORE_SETS = [psnr(name) for name in ('camera', 'sliding_window', 'gamma', 'composit')]

#: hypothesis, method, baseline, measure
_SCRATCH = (
    ('S1', _PI, _RI, psnr('static')),
    ('S1', _PI, _RI, lost_stills()),
    ('S2', _PI, _RI, psnr('moving')),
    ('S3', _TBPTT, _PI, psnr('static')),
    ('S4', _TBPTT, _PI, psnr('moving')),
    ('S5', 'FRVSR-RR w/ Burn-in (k=2)', _RI, lost_stills()),
    ('S5', 'FRVSR-RR w/ Burn-in (k=80)', _PI, psnr('static')),
    ('S6', 'FRVSR-RR w/ Pool', _PI, psnr('static')),
    ('S7', 'FRVSR-RR w/ PI (R=2)', _PI, psnr('static')),
    ('S7', 'FRVSR-RR w/ PI (R=32)', _PI, psnr('static')),
    ('S8', 'FRVSR-RR w/ PI & FC (R=8)', _PI, psnr('gamma')),
    ('S9', 'FRVSR-RR w/ PI (R=8, p=0.25)', _PI, first_frames('static')),
    ('S9', 'FRVSR-RR w/ PI (R=8, p=0.25)', _PI, psnr('static')),
    ('S10', 'FRVSR-RR w/ RI (l=14, batch=frames)', _RI, lost_stills()),
    ('S11', 'FRVSR-RR, Lipschitz w/ RI', _RI, psnr('moving')),
    ('S12', 'FRVSR-RR w/ RI (amplification weight=0.1)', _RI, psnr('moving')),
    ('S12', 'FRVSR-RR w/ RI (amplification weight=0.1)', _RI, lost_stills()),
    ('S12', 'FRVSR-RR w/ RI (amplification weight=0.1)', _PI, psnr('moving')),
    ('S12', 'FRVSR-RR w/ RI (amplification weight=0.1)', _PI, psnr('static')),
    ('S13', _RI, _PI, last50('camera')),
    ('S14', 'FRVSR-RR w/ RI, reset every 15', _PI, psnr('static')),
)
_CURED = 'PI (R=8)'
_PENALTY = 'RI (amplification weight=0.1)'
_CURE_SMALL = (
    ('C1', _CURED, 'as it was', psnr('static')),
    ('C1', _CURED, 'as it was', lost_stills()),
    ('C2', 'RI', 'as it was', psnr('static')),
    ('C2', 'RI (max iters=250)', 'as it was', lost_stills()),
    ('C3', 'PI (R=8, states from=other)', _CURED, psnr('static')),
    ('C3', 'PI (R=8, states from=noise)', _CURED, psnr('static')),
    ('C4', _CURED, 'as it was', psnr('moving')),
    ('C5', 'TBPTT', _CURED, psnr('static')),
    ('C6', _PENALTY, _CURED, psnr('static')),
    ('C6', _PENALTY, _CURED, psnr('moving')),
)


_SMALL = 'BasicVSR-S w/'
_BIDIRECTIONAL = (
    ('B1', f'{_SMALL} PI (R=32)', f'{_SMALL} RI', lost_stills(both_ends=True)),
    ('B2', f'{_SMALL} PI (R=32)', f'{_SMALL} RI', psnr('static')),
    ('B3', f'{_SMALL} TBPTT', f'{_SMALL} PI (R=32)', psnr('static')),
    ('B4', f'{_SMALL} Burn-in', f'{_SMALL} PI (R=32)', psnr('static')),
    ('B5', f'{_SMALL} PI (R=32)', f'{_SMALL} RI', psnr('moving')),
)
_NETWORKS = (
    ('N2', 'RLSP-S w/ PI (R=8)', 'RLSP-S w/ RI', psnr('static')),
    ('N2', 'RLSP-S w/ PI (R=8)', 'RLSP-S w/ RI', psnr('moving')),
    ('N3', 'RLSP-S w/ TBPTT', 'RLSP-S w/ RI', psnr('moving')),
    ('N5', _PI, 'FRVSR-RR w/ RI (max iters=980)', lost_stills()),
    ('N5', _PI, 'FRVSR-RR w/ RI (max iters=980)', psnr('static')),
    ('N5', _PI, 'FRVSR-RR w/ RI (max iters=980)', psnr('moving')),
    ('N6', 'FRVSR-RR w/ Burn-in (k=10, max iters=620)', _PI, psnr('static')),
    ('N6', 'FRVSR-RR w/ Burn-in (k=10, max iters=620)', _PI, psnr('moving')),
)
_RISTN_SPATIAL = (
    ('I1', 'RIB w/ RI', 'IB w/ RI', psnr('moving')),
    ('I2', 'RIB w/ RI', 'RB w/ RI', psnr('moving')),
)
_RDC = 'RDC-LSTM, 10 layers w/ RI'
_RISTN = (
    ('I3', 'C-LSTM, 10 layers w/ RI', 'C-LSTM, 3 layers w/ RI', psnr('moving')),
    ('I4', _RDC, 'RDC-LSTM, 3 layers w/ RI', psnr('moving')),
    ('I5', _RDC, 'RC-LSTM, 10 layers w/ RI', psnr('moving')),
    ('I5', _RDC, 'DC-LSTM, 10 layers w/ RI', psnr('moving')),
    ('I6', _RDC, 'RISTN-DF w/ RI', psnr('moving')),
    ('I7', _RDC, 'RISTN-NF w/ RI', psnr('moving')),
)
_RISTN_STILLS = (('I9', 'RISTN, 3 layers w/ PI (R=8)', 'RISTN, 3 layers w/ RI', psnr('static')),)


def moving_table(grid: GridResults) -> list[str]:
    """A row per method: mean PSNR of *Moving* over seeds, for parts without stills."""
    measure = psnr('moving')
    lines = [f'| | seeds | {measure.name} |', '|---|---:|---:|']
    for name in dict.fromkeys(method_names(grid, 'seed')):
        values = by_unit(grid, name, measure, 'seed')
        if len(values):
            lines.append(f'| {name} | {len(values)} | {values.mean():.2f} |')
    return lines


def methods_table(
    grid: GridResults, more: Iterable[Measure], unit: str, both_ends: bool = False
) -> list[str]:
    """A row per method: mean PSNR and more over units, and how many stills are lost of all."""
    measures = [psnr('moving'), psnr('static'), last50('static'), *more]
    heads = ' | '.join(measure.name for measure in measures)
    lines = [
        f'| | {unit}s | {heads} | lost stills |',
        f'|---|---:|{"---:|" * len(measures)}---:|',
    ]
    for name in dict.fromkeys(method_names(grid, unit)):
        values = [by_unit(grid, name, measure, unit) for measure in measures]
        count = min(map(len, values))
        if not count:
            continue
        lost = by_unit(grid, name, lost_stills(both_ends), unit)
        means = ' | '.join(f'{value.mean():.2f}' for value in values)
        of = stills(grid) * count
        lines.append(f'| {name} | {count} | {means} | {lost.sum():.0f} of {of} |')
    return lines


def contrasts_table(grid: GridResults, rows: Iterable[tuple], unit: str) -> list[str]:
    """A row per paired difference."""
    lines = ['| | difference | of | value |', '|---|---|---|---:|']
    for key, method, baseline, measure in rows:
        found = contrast(grid, method, baseline, measure, unit)
        lines.append(f'| {key} | {method} - {baseline} | {_unit_of(measure)} | {found} |')
    return lines


def _unit_of(measure: Measure) -> str:
    return measure.name if measure.name == 'lost stills' else f'{measure.name} (dB)'


def early_table(grid: GridResults) -> list[str]:
    """A row a predictor."""
    table = early.predictors(grid)
    collapsing = int(table['collapses'].sum())
    lines = [
        f'{len(table)} runs, of which {collapsing} collapse.',
        '',
        '| predictor | AUC | rank correlation with *Static* |',
        '|---|---:|---:|',
    ]
    for row in early.accuracy(table).itertuples():
        value = f'{row.auc:.2f} [{row.low:.2f}, {row.high:.2f}]'
        lines.append(f'| {early.PREDICTORS[row.predictor]} | {value} | {row.spearman:.2f} |')
    return lines


def properties_table(
    grid: GridResults, measure: Callable[[GridResults, str], pd.DataFrame], head: str
) -> list[str]:
    """A row per method: a measure's mean by property of the video."""
    table = by_property(grid, measure)
    table = table[~table.index.str.startswith('Bicubic')]
    lines = [f'| {head} | {" | ".join(table.columns)} |', f'|---|{"---:|" * table.shape[1]}']
    for name, row in table.iterrows():
        lines.append(f'| {name} | {" | ".join(f"{value:.2f}" for value in row)} |')
    return lines


def stress_table(grid: GridResults) -> list[str]:
    """A row per method: mean loss, mean level of the worse end, and lost stills of each set."""
    sets = {key: row.label for key, row in grid.record.test_sets.items()}
    loss = {key: losses(grid, key).mean(axis=1) for key in sets}
    end = {key: worse_ends(grid, key).mean(axis=1) for key in sets}
    heads = ' | '.join(f'*{label}*' for label in sets.values())
    lines = [
        f'| loss, level of the worse end (dB), lost stills | {heads} |',
        f'|---|{"---:|" * len(sets)}',
    ]
    for name in dict.fromkeys(method_names(grid, 'seed')):
        if name.startswith('Bicubic') or any(name not in values for values in loss.values()):
            continue
        lost = [by_unit(grid, name, lost_stills(True, key), 'seed').sum() for key in sets]
        cells = (
            f'{loss[key][name]:.2f}, {end[key][name]:+.2f}, {count:.0f} of {stills(grid, key)}'
            for key, count in zip(sets, lost, strict=True)
        )
        lines.append(f'| {name} | {" | ".join(cells)} |')
    return lines


#: marker -> (part, what makes its lines)
TABLES: dict[str, tuple[str, Callable[[GridResults], list[str]]]] = {
    'scratch methods': ('scratch', lambda g: methods_table(g, _MORE_SETS, 'seed')),
    'scratch differences': ('scratch', lambda g: contrasts_table(g, _SCRATCH, 'seed')),
    'early': ('scratch', early_table),
    'cure_small methods': ('cure_small', lambda g: methods_table(g, (), 'network')),
    'cure_published methods': (
        'cure_published',
        lambda g: methods_table(g, (), 'seed', both_ends=True),
    ),
    'bidirectional methods': (
        'bidirectional',
        lambda g: methods_table(g, [psnr('camera')], 'seed', both_ends=True),
    ),
    'bidirectional differences': (
        'bidirectional',
        lambda g: contrasts_table(g, _BIDIRECTIONAL, 'seed'),
    ),
    'properties methods': (
        'properties',
        lambda g: methods_table(g, [psnr('camera')], 'seed', both_ends=True),
    ),
    'networks methods': ('networks', lambda g: methods_table(g, [psnr('camera')], 'seed')),
    'networks differences': ('networks', lambda g: contrasts_table(g, _NETWORKS, 'seed')),
    'ristn_spatial methods': ('ristn_spatial', moving_table),
    'ristn_spatial differences': (
        'ristn_spatial',
        lambda g: contrasts_table(g, _RISTN_SPATIAL, 'seed'),
    ),
    'ristn methods': ('ristn', moving_table),
    'ristn differences': ('ristn', lambda g: contrasts_table(g, _RISTN, 'seed')),
    'ristn_stills methods': (
        'ristn_stills',
        lambda g: methods_table(g, [first_frames('static')], 'seed', both_ends=True),
    ),
    'ristn_stills differences': (
        'ristn_stills',
        lambda g: contrasts_table(g, _RISTN_STILLS, 'seed'),
    ),
    'properties losses': (
        'properties',
        lambda g: properties_table(g, losses, 'loss (dB)'),
    ),
    'properties ends': (
        'properties',
        lambda g: properties_table(g, worse_ends, 'level of the worse end (dB)'),
    ),
    'stress': ('stress', stress_table),
    'cure_small differences': (
        'cure_small',
        lambda g: contrasts_table(g, _CURE_SMALL, 'network'),
    ),
}
