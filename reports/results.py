"""Results of a grid as tidy tables: runs, frames, videos, evaluations, cells.

Order of averaging (the papers'): frames of a video, then videos of a test set, then seeds.
Only finished runs with complete frame files are averaged; every other planned run keeps its place
with a status and a reason, so that nothing goes missing silently.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from reports.run_files import (
    FRAME_COLUMNS,
    STRATEGIES,
    TIMING_FIELDS,
    GridPlan,
    InvalidFile,
    TestSet,
    is_outdated,
    read_external,
    read_frames,
    read_plan,
    read_status,
    read_timing,
    run_folder,
)
from reports.stability import (
    LONG,
    SCORES,
    WINDOW,
    optional_quantities,
    set_statistics,
    video_statistics,
)

__all__ = ['LONG', 'SCORES', 'WINDOW', 'GridResults', 'load_grid']

METHOD_AXES = ['train_set', 'network', 'method', 'variant', 'strategy', 'fc', 'repeats']
# Worst first; a cell without any finished seed takes the first that one of its seeds has.
STATUSES = ('failed', 'invalid', 'unfinished', 'missing', 'n/a')
_EVALUATION_STATUS = {'FAILED': 'failed', 'INVALID': 'invalid', 'RUNNING': 'unfinished'}


@dataclass(frozen=True)
class GridResults:
    """Everything known about a grid. PSNR and drift are in dB, times in milliseconds.

    Attributes:
        plan: names, labels and order of networks, training sets and test sets.
        runs: one row a planned run or result from elsewhere: axes, method label, kind (trained,
            untrained, external), protocol ('' for the default), status, reason, timing, folder (in
            the work directory).
        frames: run_id, test_set, video, frame, psnr_y, ssim_y, ms of finished runs, and the
            optional quantities that any of them has (``quantities``).
        videos: statistics of each run x test set x video (see ``stability``).
        evaluations: one row a planned run x test set: status, reason, file (the CSV, in the work
            directory), statistics over videos.
        cells: one row a method x training set x test set: mean and standard deviation (n - 1) over
            seeds, seeds done and planned, status (done, partial, or one of ``STATUSES``), reason,
            run_ids and files that the numbers come from. Where several seeds diverge on any video,
            ``diverged`` of ``diverged_of`` counts videos x seeds, ``divergence_frame`` is the
            earliest, and ``worst_psnr`` the lowest.
    """

    plan: GridPlan
    runs: pd.DataFrame
    frames: pd.DataFrame
    videos: pd.DataFrame
    evaluations: pd.DataFrame
    cells: pd.DataFrame

    @cached_property
    def methods(self) -> pd.DataFrame:
        """Methods x training sets in display order."""
        return self.runs[METHOD_AXES].drop_duplicates(ignore_index=True)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """PSNR (dB) at each frame index, mean over the videos that have it, by run and test set."""
        keys = ['run_id', 'test_set', 'frame']
        means = self.frames.groupby(keys, as_index=False)['psnr_y'].mean()
        return means.merge(self.runs[['run_id', *METHOD_AXES]], on='run_id')

    @property
    def quantities(self) -> list[str]:
        """The optional quantities of frames, e.g. ``tof``; also columns of the other tables."""
        return optional_quantities(self.frames)

    @cached_property
    def video_curves(self) -> dict[tuple[str, str], pd.DataFrame]:
        """PSNR (dB) of each (test set, video): a row a frame, a column a finished run."""
        groups = self.frames.groupby(['test_set', 'video'], sort=False)
        return {
            key: video.pivot(index='frame', columns='run_id', values='psnr_y')
            for key, video in groups
        }

    @cached_property
    def long_sets(self) -> list[str]:
        """Test sets of which every video is long enough for first-50 and last-50 means."""
        sets = self.plan.test_sets.items()
        return [key for key, test_set in sets if min(test_set.videos.values()) >= LONG]

    @cached_property
    def focus_set(self) -> str:
        """The test set where instability shows first: the static one, else the longest."""
        sets = self.plan.test_sets
        static = [key for key in sets if 'static' in key.lower()]
        return static[0] if static else max(sets, key=lambda k: max(sets[k].videos.values()))

    def notes(self) -> list[str]:
        """One line for each planned run or evaluation that the tables could not use, with why."""
        lines = [
            f'{run.status}  {run.run_id}: {run.reason}'
            for run in self.runs.itertuples()
            if run.reason
        ]
        done = self.runs.loc[self.runs['status'] == 'DONE', 'run_id']
        bad = self.evaluations[
            self.evaluations['run_id'].isin(done) & (self.evaluations['reason'] != '')
        ]
        return lines + [f'{row.status}  {row.run_id}: {row.reason}' for row in bad.itertuples()]


def load_grid(work_dir: str | Path) -> GridResults:
    """Read all runs of a grid.

    Raises:
        ReportError: ``work_dir`` holds no usable ``grid.json``.
    """
    work_dir = Path(work_dir)
    plan = read_plan(work_dir)
    runs = _runs(plan, work_dir)
    evaluations, frames = _evaluations(plan, runs, work_dir)
    videos, quantities = video_statistics(frames), optional_quantities(frames)
    means = set_statistics(videos, quantities)
    evaluations = evaluations.merge(means, on=['run_id', 'test_set'], how='left')
    inference = frames.groupby('run_id')['ms'].median().rename('inference_ms')
    runs = runs.merge(inference, on='run_id', how='left')
    cells = _cells(evaluations, runs, plan, [*SCORES, *quantities])
    return GridResults(plan, runs, frames, videos, evaluations, cells)


def _runs(plan: GridPlan, work_dir: Path) -> pd.DataFrame:
    ordered = sorted(plan.runs, key=lambda run: _display_order(run, plan))
    rows = [_run_row(run, plan, work_dir) for run in ordered]
    runs = pd.DataFrame(rows)
    numbers = [field for field in TIMING_FIELDS if field != 'device']
    return runs.assign(**{field: pd.to_numeric(runs[field]) for field in [*numbers, 'repeats']})


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
        timing |= read_timing(folder) if status == 'DONE' else {}
    except InvalidFile as error:
        reason = str(error)  # the scores of the run stand; only its times are unknown
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


def _evaluations(plan: GridPlan, runs: pd.DataFrame, work_dir: Path):
    rows, parts = [], [pd.DataFrame(columns=['run_id', 'test_set', *FRAME_COLUMNS])]
    for run in runs.itertuples():
        for key, test_set in plan.test_sets.items():
            file = f'{run.folder}/frames_{key}.csv'
            status, reason, frames = _evaluate(run, key, test_set, work_dir / file)
            rows.append((run.run_id, key, status, reason, file if frames is not None else ''))
            if frames is not None:
                parts.append(frames.assign(run_id=run.run_id, test_set=key))
    columns = ['run_id', 'test_set', 'status', 'reason', 'file']
    # The empty first part only carries the columns; concatenating it would spoil the dtypes.
    frames = (
        pd.concat(parts[1:], ignore_index=True)
        if len(parts) > 1
        else parts[0].astype({'psnr_y': float, 'ssim_y': float, 'ms': float, 'frame': int})
    )
    return pd.DataFrame(rows, columns=columns), frames


def _evaluate(run, key: str, test_set: TestSet, path: Path):
    """Status, reason and frames (None if unusable) of one run on one test set."""
    if run.status != 'DONE':
        return _EVALUATION_STATUS.get(run.status, 'missing'), run.reason, None
    if not path.is_file():
        if run.kind == 'external':
            return 'n/a', '', None  # nobody has to give results on all test sets
        return 'missing', f'not evaluated on {test_set.label}', None
    try:
        if is_outdated(path.parent, key, test_set.checksum):
            return 'missing', f'evaluated on another version of {test_set.label}', None
        return 'done', '', read_frames(path, test_set.videos, whole=run.kind != 'external')
    except InvalidFile as error:
        return 'invalid', str(error), None


def _cells(evaluations: pd.DataFrame, runs: pd.DataFrame, plan: GridPlan, scores) -> pd.DataFrame:
    wide = evaluations.merge(runs[['run_id', 'seed', 'iterations', *METHOD_AXES]], on='run_id')
    keys = ['train_set', 'network', 'method', 'test_set']
    rows = [_cell(group, plan, scores) for _, group in wide.groupby(keys, sort=False)]
    return pd.DataFrame(rows)


def _cell(group: pd.DataFrame, plan: GridPlan, scores: list[str]) -> dict:
    first = group.iloc[0]
    videos = plan.test_sets[first['test_set']].videos
    done = group[group['status'] == 'done']
    row = {axis: first[axis] for axis in METHOD_AXES}
    row |= {'test_set': first['test_set'], 'status': _cell_status(group)}
    row |= {'seeds_done': len(done), 'seeds_planned': len(group)}
    row |= {'iterations': first['iterations'], 'videos': len(videos)}
    row |= {'frames': sum(videos.values())}
    for score in scores:
        row[score] = done[score].mean() if len(done) else np.nan
        row[f'{score}_std'] = done[score].std()
    row |= done[['diverged', 'diverged_of']].sum()
    row |= done[['divergence_frame', 'worst_psnr']].min()
    reasons = group.loc[group['status'] != 'done', ['run_id', 'reason']]
    row['reason'] = '; '.join(f'{r.run_id}: {r.reason}' for r in reasons.itertuples() if r.reason)
    return row | {'run_ids': '; '.join(done['run_id']), 'files': '; '.join(done['file'])}


def _cell_status(group: pd.DataFrame) -> str:
    found = set(group['status'])
    if 'done' in found:
        return 'done' if found == {'done'} else 'partial'
    return next(status for status in STATUSES if status in found)
