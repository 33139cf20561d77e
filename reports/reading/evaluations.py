"""Every trial on every test set: whether it counts, why not, and its frames.

An evaluation counts if the run folder's record has it for the present version of the test set and
its file is whole, whatever the status of the run: evaluations are made after training, so that a
run which is being evaluated on a further set, or failed at that, keeps those it has.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Optional

import pandas as pd

from reports.files import InvalidFile
from reports.reading.frame_files import FRAME_COLUMNS, Record, read_frames, read_records
from reports.reading.run_files import STATUS_WORDS, GridRecord, TestSet

Records = Optional[dict[str, Record]]


def read_evaluations(
    grid: GridRecord, trials: pd.DataFrame, work_dir: Path
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row a trial and test set, and the frames of those that count; see ``GridResults``."""
    records = cache(lambda folder: read_records(work_dir / folder))
    rows, parts = [], [pd.DataFrame(columns=['trial_id', 'test_set', *FRAME_COLUMNS])]
    for trial in trials.itertuples():
        for key, test_set in grid.test_sets.items():
            name = key + trial.suffix
            file = f'{trial.folder}/frames_{name}.csv'
            status, reason, frames, iteration = _evaluate(
                trial, name, test_set, work_dir / file, records
            )
            file = '' if frames is None else file
            rows.append((trial.trial_id, key, status, reason, file, iteration))
            if frames is not None:
                parts.append(frames.assign(trial_id=trial.trial_id, test_set=key))
    columns = ['trial_id', 'test_set', 'status', 'reason', 'file', 'iteration']
    # The empty first part only carries the columns; concatenating it would spoil the dtypes.
    frames = (
        pd.concat(parts[1:], ignore_index=True)
        if len(parts) > 1
        else parts[0].astype({'psnr_y': float, 'ssim_y': float, 'ms': float, 'frame': int})
    )
    return pd.DataFrame(rows, columns=columns).astype({'iteration': float}), frames


def _evaluate(
    trial, name: str, test_set: TestSet, path: Path, records: Callable[[str], Records]
) -> tuple[str, str, Optional[pd.DataFrame], Optional[int]]:
    """Status, reason, frames (None if they do not count) and the checkpoint's iteration."""
    try:
        found = records(trial.folder)
        record = found.get(name) if found else None
        status, reason = _status(trial, test_set, path, found is not None, record)
        if status != 'done':
            return status, reason, None, None
        size = path.stat().st_size
        if record and record.size not in (None, size):
            raise InvalidFile(f'{path.name} has {size} of {record.size} bytes')
        frames = read_frames(path, test_set.videos, whole=trial.kind != 'external')
        return 'done', '', frames, record.iteration if record else None
    except InvalidFile as error:
        return 'invalid', str(error), None, None


def _status(
    trial, test_set: TestSet, path: Path, has_records: bool, record: Optional[Record]
) -> tuple[str, str]:
    """Status and reason before the file is read."""
    current = record is not None and test_set.checksum in ('', record.checksum)
    if trial.status != 'DONE' and not (current and path.is_file()):
        return STATUS_WORDS[trial.status], trial.reason
    if not path.is_file():
        if trial.kind == 'external':
            return 'n/a', ''  # nobody has to give results on all test sets
        return 'missing', f'not evaluated on {test_set.label}'
    if has_records and test_set.checksum and not current:
        if record is None:
            return 'missing', f'the evaluation on {test_set.label} is not recorded as finished'
        return 'missing', f'evaluated on another version of {test_set.label}'
    return 'done', ''
