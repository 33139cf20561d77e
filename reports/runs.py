"""The planned runs as tables: one row a run, and one a trial (a run evaluated in one way)."""

import math
from pathlib import Path

import pandas as pd

from reports.files import InvalidFile
from reports.reading.run_files import (
    STRATEGIES,
    TIMING_FIELDS,
    GridPlan,
    Variant,
    read_external,
    read_status,
    read_timing,
    run_folder,
)

METHOD_AXES = [
    *('train_set', 'network', 'method', 'variant', 'strategy', 'fc', 'repeats'),
    *('reset_every', 'checkpoint'),
]


def read_runs(plan: GridPlan, work_dir: Path) -> pd.DataFrame:
    """One row a planned run or result from elsewhere, in display order; see ``GridResults``."""
    ordered = sorted(plan.runs, key=lambda run: _display_order(run, plan))
    runs = pd.DataFrame([_run_row(run, plan, work_dir) for run in ordered])
    numbers = [field for field in TIMING_FIELDS if field != 'device']
    return runs.assign(**{field: pd.to_numeric(runs[field]) for field in [*numbers, 'repeats']})


def list_trials(plan: GridPlan, runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run and variant of its evaluation; below a method come its variants.

    Columns beside those of ``runs`` but the times: trial_id (the run's, with ``@<variant>``),
    suffix (that alone), reset_every and checkpoint. Method and variant are named accordingly.
    """
    axes = runs.drop(columns=list(TIMING_FIELDS)).to_dict('records')
    rows = [_trial_row(run, variant) for run in axes for variant in plan.variants[run['run_id']]]
    trials = pd.DataFrame(rows).astype({'reset_every': float})
    order = pd.DataFrame(
        {
            'method': trials['run_id'].map(_method_numbers(runs)),
            'other': trials['checkpoint'] != 'last',
            'reset_every': trials['reset_every'],
        }
    )
    order = order.sort_values(list(order), na_position='first', kind='stable')
    return trials.loc[order.index].reset_index(drop=True)


def _method_numbers(runs: pd.DataFrame) -> pd.Series:
    methods = runs.groupby(['train_set', 'network', 'method'], sort=False)
    return methods.ngroup().set_axis(runs['run_id'])


def _trial_row(run: dict, variant: Variant) -> dict:
    suffix = f'@{variant.name}' if variant.name else ''
    return {
        'trial_id': run['run_id'] + suffix,
        **run,
        'suffix': suffix,
        'method': run['method'] + variant.label,
        'variant': run['variant'] + variant.label,
        'reset_every': variant.reset_every,
        'checkpoint': variant.checkpoint,
    }


def settle(table: pd.DataFrame, trials: pd.DataFrame, evaluations: pd.DataFrame) -> pd.DataFrame:
    """Runs or trials where a run with all its evaluations is DONE, whatever its status file says.

    That file may be damaged, or tell of a failure that has no consequences any more.
    """
    run_ids = evaluations['trial_id'].map(trials.set_index('trial_id')['run_id'])
    whole = (evaluations['status'] == 'done').groupby(run_ids).all()
    settled = table['run_id'].map(whole) & (table['status'] != 'DONE')
    return table.assign(
        status=table['status'].mask(settled, 'DONE'), reason=table['reason'].mask(settled, '')
    )


def is_plain(method) -> bool:
    """Whether a row of methods or trials is of the main variant."""
    return method.checkpoint == 'last' and math.isnan(method.reset_every)


def _display_order(run: dict, plan: GridPlan) -> tuple:
    trained = run['strategy'] is not None
    train_order = list(plan.train_sets).index(run['train_set']) if trained else -1
    return (
        train_order,
        list(plan.networks).index(run['network']),
        STRATEGIES.index(run['strategy']),
        run['fc'],
        run['repeats'] or 0,
        run['seed'],
    )


def _run_row(run: dict, plan: GridPlan, work_dir: Path) -> dict:
    folder = run_folder(work_dir, run['run_id'])
    trained, external = run['strategy'] is not None, run['run_id'] == run['network']
    label, variant = plan.networks[run['network']], _variant(run)
    timing, protocol = dict.fromkeys(TIMING_FIELDS), ''
    if external:
        status, reason, protocol = read_external(folder)
        label += f' ({protocol} protocol)' if protocol else ''
    else:
        status, reason = read_status(folder)
    try:
        timing |= read_timing(folder)
    except InvalidFile as error:
        # The scores of the run stand; only its times are unknown.
        reason = '; '.join(filter(None, [reason, str(error)]))
    return {
        'run_id': run['run_id'],
        # An untrained reference belongs to no training set, whatever the grid wrote there.
        'train_set': run['train_set'] if trained else '',
        'network': run['network'],
        'method': f'{label} w/ {variant}' if trained else label,
        'variant': variant or label,
        **{key: run[key] for key in ('strategy', 'fc', 'repeats', 'seed', 'iterations')},
        'status': status,
        'reason': reason,
        **timing,
        'kind': 'external' if external else 'trained' if trained else 'untrained',
        'protocol': protocol,
        'folder': str(folder.relative_to(work_dir)),
    }


def _variant(run: dict) -> str:
    name = f'{run["strategy"] or ""}{" & FC" if run["fc"] else ""}'
    return f'{name} (R={run["repeats"]})' if run['repeats'] else name
