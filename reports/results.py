"""Results of a grid as tidy tables: runs, trials, frames, videos, evaluations, cells.

A *trial* is a run evaluated in one way: plainly, with resets, or with its best checkpoint. A
*method* is what trials with different seeds share.

Order of averaging, as in the papers: frames of a video, then videos of a test set, then seeds. Only
finished evaluations with complete frame files are averaged; every other planned one is listed with
a status and a reason, so that nothing is missing silently.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from harness.runs.evaluations import not_finite_text
from harness.runs.grid_json import GridRecord, read_grid_record
from reports.diagnostics import Diagnostics, read_diagnostics
from reports.methods import COLUMNS, KEY, Method
from reports.reading.evaluations import read_evaluations
from reports.runs import list_trials, read_runs, settle
from reports.stability import (
    LONG,
    SCORES,
    WINDOW,
    optional_quantities,
    set_statistics,
    video_statistics,
    with_video_scores,
)

__all__ = ['LONG', 'SCORES', 'WINDOW', 'GridResults', 'load_grid']

# Worst first; a cell without any finished seed gets the worst status of its seeds.
STATUSES = ('failed', 'invalid', 'unfinished', 'missing', 'n/a')


@dataclass(frozen=True)
class GridResults:
    """Everything known about a grid. PSNR and drift are in dB, times in milliseconds.

    Attributes:
        record: names, labels and order of networks, training sets and test sets.
        runs: one row per run or external result: axes, method label, kind (trained, untrained,
            external), protocol ('' for the default), status, reason, timing, folder (in the work
            directory).
        trials: one row per run and variant: trial_id (for the plain variant that of the run), the
            columns of ``runs`` except times, reset_every (frames, NaN for never), checkpoint (last
            or best), suffix of its file names.
        method_of: trial -> its method, in display order.
        frames: trial_id, test_set, video, frame, psnr_y, ssim_y, ms of finished evaluations, and
            the optional quantities that any of them has (``quantities``).
        videos: statistics of each trial x test set x video (see ``stability``).
        evaluations: one row per trial x test set: status, reason, file (the CSV, in the work
            directory), iteration of the checkpoint and number of SR frames that are not finite
            where they are recorded, statistics over videos.
        cells: one row per method x training set x test set: mean and standard deviation (n - 1)
            over seeds, seeds done and planned, status (done, partial, or one of ``STATUSES``),
            reason, run_ids (of trials) and files that the numbers come from. If several seeds
            diverge on any video, ``diverged`` of ``diverged_of`` counts videos x seeds,
            ``divergence_frame`` is the earliest, and ``worst_psnr`` the lowest.
        all_methods: those of the whole grid, also where this is a part of it.
        diagnostics: signs of instability that trainings have recorded.
    """

    record: GridRecord
    runs: pd.DataFrame
    trials: pd.DataFrame
    method_of: dict[str, Method]
    frames: pd.DataFrame
    videos: pd.DataFrame
    evaluations: pd.DataFrame
    cells: pd.DataFrame
    diagnostics: Diagnostics
    all_methods: tuple[Method, ...]

    def part(self, network: str, train_set: str = '') -> 'GridResults':
        """Returns the results of one network, on one or all training sets, and the references.

        An output made from a part does not depend on the rest of the grid, of which the part knows
        only the methods (``all_methods``). With '' as network the part is the whole grid.
        """
        if not network:
            return self
        method_of = {
            trial_id: method
            for trial_id, method in self.method_of.items()
            if not method.is_trained
            or (method.network == network and train_set in ('', method.train_set))
        }
        trials = self.trials[self.trials['trial_id'].isin(list(method_of))]
        keys = {method.key for method in method_of.values()}
        of_part = [key in keys for key in self.cells[KEY].itertuples(index=False, name=None)]
        run_ids = set(trials['run_id'])
        return replace(
            self,
            record=self.record.part(run_ids),
            runs=self.runs[self.runs['run_id'].isin(run_ids)],
            trials=trials,
            method_of=method_of,
            cells=self.cells[of_part],
            diagnostics=self.diagnostics.part(run_ids),
            **{
                name: table[table['trial_id'].isin(list(method_of))]
                for name, table in (
                    ('frames', self.frames),
                    ('videos', self.videos),
                    ('evaluations', self.evaluations),
                )
            },
        )

    @cached_property
    def methods(self) -> list[Method]:
        """All methods in display order: those of one training set and network are neighbours."""
        return list(dict.fromkeys(self.method_of.values()))

    @property
    def plain_methods(self) -> list[Method]:
        """The methods in the main variant of their evaluation."""
        return [method for method in self.methods if method.is_plain]

    @cached_property
    def has_several_train_sets(self) -> bool:
        """Whether names of methods must include the training set."""
        return len({method.train_set for method in self.all_methods if method.is_trained}) > 1

    def trials_of(self, method: Method) -> list[str]:
        """Returns all trials of a method, one per seed."""
        return [trial_id for trial_id, own in self.method_of.items() if own == method]

    def cell(self, method: Method, test_set: str) -> pd.Series:
        """The row of ``cells`` of a method and test set."""
        return self._cells_by_place[(*method.key, test_set)]

    @cached_property
    def _cells_by_place(self) -> dict[tuple, pd.Series]:
        keys = [*KEY, 'test_set']
        return {tuple(row[key] for key in keys): row for _, row in self.cells.iterrows()}

    @cached_property
    def curves(self) -> pd.DataFrame:
        """PSNR (dB) at each frame index by trial and set, mean over the videos that have it."""
        keys = ['trial_id', 'test_set', 'frame']
        means = self.frames.groupby(keys, as_index=False)['psnr_y'].mean()
        return means.merge(self.trials[['trial_id', *COLUMNS]], on='trial_id')

    @property
    def quantities(self) -> list[str]:
        """The optional quantities of frames, e.g. ``tof``; also columns of the other tables."""
        return optional_quantities(self.frames)

    @cached_property
    def video_curves(self) -> dict[tuple[str, str], pd.DataFrame]:
        """PSNR (dB) of each (test set, video): a row per frame, a column per trial."""
        groups = self.frames.groupby(['test_set', 'video'], sort=False)
        return {
            key: video.pivot(index='frame', columns='trial_id', values='psnr_y')
            for key, video in groups
        }

    @cached_property
    def long_sets(self) -> list[str]:
        """Test sets in which every video is long enough for first-50 and last-50 means."""
        sets = self.record.test_sets.items()
        return [key for key, test_set in sets if min(test_set.videos.values()) >= LONG]

    @cached_property
    def focus_set(self) -> str:
        """The test set where instability shows first: the static one, else the longest."""
        sets = self.record.test_sets
        static = [key for key in sets if 'static' in key.lower()]
        return static[0] if static else max(sets, key=lambda k: max(sets[k].videos.values()))

    def notes(self) -> list[str]:
        """Returns one line for each run or trial that the tables could not use, with the reason."""
        lines = [
            f'{run.status}  {run.run_id}: {run.reason}'
            for run in self.runs.itertuples()
            if run.reason
        ]
        known = self.trials.set_index('trial_id')['reason']
        bad = self.evaluations[
            (self.evaluations['reason'] != '')
            & (self.evaluations['reason'] != self.evaluations['trial_id'].map(known))
        ]
        groups = bad.groupby(['trial_id', 'status'], sort=False)['reason']
        lines += [
            f'{status}  {trial_id}: {"; ".join(reasons)}' for (trial_id, status), reasons in groups
        ]
        return [*lines, *self._not_finite(), *self._shifts(), *self.diagnostics.problems]

    def _not_finite(self) -> Iterator[str]:
        """Yields a line for each evaluation with frames that are not finite."""
        for found in self.evaluations[self.evaluations['not_finite'] > 0].itertuples():
            where = self.record.test_sets[found.test_set].label
            told = not_finite_text(int(found.not_finite))
            yield f'not finite  {found.trial_id}: on {where}: {told}'

    def _shifts(self) -> Iterator[str]:
        """Yields a line for each trial whose frames are shifted against their ground truth."""
        for trial_id, found in self.evaluations.groupby('trial_id', sort=False):
            shifted = found[found['shift'] != '']
            if len(shifted):
                lr_kind = self.record.lr_kinds.get(
                    self.method_of[trial_id].network, 'the LR frames'
                )
                sets = ', '.join(self.record.test_sets[key].label for key in shifted['test_set'])
                yield (
                    f'shifted  {trial_id}: on {sets}: {shifted["shift"].iloc[0]}; was it trained '
                    f'on other LR frames than {lr_kind}?'
                )


def load_grid(work_dir: str | Path) -> GridResults:
    """Read all runs of a grid.

    Raises:
        InvalidFile: ``work_dir`` holds no usable ``grid.json``.
    """
    work_dir = Path(work_dir)
    record = read_grid_record(work_dir)
    runs, methods = read_runs(record, work_dir)
    trials, method_of = list_trials(record, runs, methods)
    evaluations, frames, of_cards = read_evaluations(record, trials, work_dir)
    runs, trials = (settle(table, trials, evaluations) for table in (runs, trials))
    reset_every = trials.set_index('trial_id')['reset_every']
    videos, quantities = video_statistics(frames, reset_every), optional_quantities(frames)
    videos = with_video_scores(videos, of_cards)
    means = set_statistics(videos, quantities)
    evaluations = evaluations.merge(means, on=['trial_id', 'test_set'], how='left')
    # Of plain trials, whose identity is that of their run.
    inference = frames.groupby('trial_id')['ms'].median().rename('inference_ms')
    runs = runs.merge(inference, left_on='run_id', right_index=True, how='left')
    cells = _cells(evaluations, trials, record, [*SCORES, *quantities])
    found = read_diagnostics(runs, work_dir)
    all_methods = tuple(dict.fromkeys(method_of.values()))
    tables = (frames, videos, evaluations, cells)
    return GridResults(record, runs, trials, method_of, *tables, found, all_methods)


def _cells(
    evaluations: pd.DataFrame, trials: pd.DataFrame, record: GridRecord, scores: list[str]
) -> pd.DataFrame:
    axes = trials[['trial_id', 'seed', 'iterations', *COLUMNS]]
    wide = evaluations.merge(axes, on='trial_id')
    groups = wide.groupby([*KEY, 'test_set'], sort=False)
    rows = [_cell(group, record, scores) for _, group in groups]
    return pd.DataFrame(rows)


def _cell(group: pd.DataFrame, record: GridRecord, scores: list[str]) -> dict:
    first = group.iloc[0]
    videos = record.test_sets[first['test_set']].videos
    done = group[group['status'] == 'done']
    row = {name: first[name] for name in COLUMNS}
    row |= {'test_set': first['test_set'], 'status': _cell_status(group)}
    row |= {'seeds_done': len(done), 'seeds_planned': len(group)}
    row |= {'iterations': first['iterations'], 'videos': len(videos)}
    row |= {'frames': sum(videos.values())}
    for score in scores:
        row[score] = done[score].mean() if len(done) else np.nan
        row[f'{score}_std'] = done[score].std()
    row |= done[['diverged', 'diverged_of']].sum()
    row |= done[['divergence_frame', 'worst_psnr']].min()
    reasons = group.loc[group['status'] != 'done', ['trial_id', 'reason']]
    row['reason'] = '; '.join(f'{r.trial_id}: {r.reason}' for r in reasons.itertuples() if r.reason)
    return row | {'run_ids': '; '.join(done['trial_id']), 'files': '; '.join(done['file'])}


def _cell_status(group: pd.DataFrame) -> str:
    found = set(group['status'])
    if 'done' in found:
        return 'done' if found == {'done'} else 'partial'
    return next(status for status in STATUSES if status in found)
