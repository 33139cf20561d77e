"""The runs of a grid as tables: one row per run, and one a trial (a run evaluated in one way)."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from harness.runs.evaluations import Variant
from harness.runs.files import InvalidFile
from harness.runs.grid_json import GridRecord
from harness.strategies import option_label
from reports.methods import KEY, Method
from reports.reading.run_files import (
    TIMING_FIELDS,
    read_external,
    read_status,
    read_timing,
    run_path,
)


def read_runs(grid: GridRecord, work_dir: Path) -> tuple[pd.DataFrame, dict[str, Method]]:
    """One row per run or external result, in display order (see ``GridResults``).

    Returns:
        The table, and run -> its method, plainly evaluated.
    """
    options = list(dict.fromkeys(map(_options, grid.runs)))
    ordered = sorted(grid.runs, key=lambda run: _display_order(run, grid, options))
    methods, rows = {}, []
    for run in ordered:
        methods[run['run_id']], row = _read_run(run, grid, work_dir)
        rows.append(row)
    runs = pd.DataFrame(rows)
    numbers = [field for field in TIMING_FIELDS if field != 'device']
    numeric = {field: pd.to_numeric(runs[field]) for field in [*numbers, 'repeats']}
    return runs.assign(**numeric), methods


def list_trials(
    grid: GridRecord, runs: pd.DataFrame, methods: dict[str, Method]
) -> tuple[pd.DataFrame, dict[str, Method]]:
    """One row per run and variant of its evaluation; below a method come its variants.

    Columns beside those of ``runs`` but the times: trial_id (the run's, with ``@<variant>``),
    suffix (that alone), reset_every and checkpoint.

    Args:
        grid: has the variants of each run.
        runs: of :func:`read_runs`.
        methods: of :func:`read_runs`.

    Returns:
        The table, and trial -> its method, in the table's order.
    """
    by_trial, rows = {}, []
    for run in runs.drop(columns=list(TIMING_FIELDS)).to_dict('records'):
        for variant in grid.variants[run['run_id']]:
            method = _with_variant(methods[run['run_id']], variant)
            suffix = f'@{variant.name}' if variant.name else ''
            trial_id = run['run_id'] + suffix
            by_trial[trial_id] = method
            rows.append({'trial_id': trial_id, **run, 'suffix': suffix, **method.columns()})
    numbers = _method_numbers(runs)

    def place(row: dict) -> tuple:
        method = by_trial[row['trial_id']]
        return numbers[row['run_id']], method.checkpoint != 'last', method.reset or ()

    rows.sort(key=place)
    trials = pd.DataFrame(rows).astype({'reset_every': float, 'repeats': float})
    return trials, {trial_id: by_trial[trial_id] for trial_id in trials['trial_id']}


def _with_variant(method: Method, variant: Variant) -> Method:
    return replace(method, reset=variant.reset, checkpoint=variant.checkpoint)


def _method_numbers(runs: pd.DataFrame) -> pd.Series:
    return runs.groupby(KEY, sort=False).ngroup().set_axis(runs['run_id'])


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


def _display_order(run: dict, grid: GridRecord, options: list[tuple]) -> tuple:
    trained = run['strategy'] is not None
    train_order = list(grid.train_sets).index(run['train_set']) if trained else -1
    return (
        train_order,
        list(grid.networks).index(run['network']),
        [None, *grid.strategies].index(run['strategy']),
        run['fc'],
        run['repeats'] or 0,
        options.index(_options(run)),
        run['seed'],
    )


def _read_run(run: dict, grid: GridRecord, work_dir: Path) -> tuple[Method, dict]:
    folder = run_path(work_dir, run['run_id'])
    trained, external = run['strategy'] is not None, run['run_id'] == run['network']
    label = grid.networks[run['network']]
    timing, protocol = dict.fromkeys(TIMING_FIELDS), ''
    if external:
        status, reason, protocol, kind = read_external(folder)
        told = [f'{protocol} protocol' if protocol else '', kind]
        label += f' ({", ".join(filter(None, told))})' if any(told) else ''
    else:
        status, reason = read_status(folder)
    try:
        timing |= read_timing(folder)
    except InvalidFile as error:
        # The scores of the run stand; only its times are unknown.
        reason = '; '.join(filter(None, [reason, str(error)]))
    # An untrained reference belongs to no training set, whatever the grid wrote there.
    train_set = run['train_set'] if trained else ''
    axes = {key: run[key] for key in ('strategy', 'fc', 'repeats')}
    strategy = grid.strategies[run['strategy']].label if trained else ''
    method = Method(
        train_set, run['network'], label, strategy_name=strategy, options=_options(run), **axes
    )
    named = method.columns()
    return method, {
        'run_id': run['run_id'],
        **{name: named[name] for name in (*KEY, 'variant', *axes)},
        'seed': run['seed'],
        'iterations': run['iterations'],
        'status': status,
        'reason': reason,
        **timing,
        'kind': 'external' if external else 'trained' if trained else 'untrained',
        'protocol': protocol,
        'folder': str(folder.relative_to(work_dir)),
    }


def _options(run: dict) -> tuple[str, ...]:
    """The further axes of a run as they are displayed."""
    options = run.get('options', {})
    told = [option_label(key, value) for key, value in options.items()]
    return (*told, f'{run["iterations"]:,} iterations') if 'as_long_as' in options else (*told,)
