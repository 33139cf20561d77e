"""Reads every trial on every test set: whether it counts, why not, and its frames.

An evaluation counts if the run folder's record has it for the present version of the test set and
its file is whole, whatever the status of the run: evaluations are made after training, so that a
run which is being evaluated on a further set, or failed at that, keeps those it has.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from harness.runs.evaluations import Record, read_records, why_unusable
from harness.runs.files import InvalidFile
from harness.runs.folder import RunFolder
from harness.runs.grid_json import GridRecord, TestSet
from harness.runs.text import clean
from reports.reading.frame_files import FRAME_COLUMNS, read_frames
from reports.reading.run_files import STATUS_WORDS
from reports.reading.video_scores import read_video_scores

Records = dict[str, Record] | None


def read_evaluations(
    grid: GridRecord, trials: pd.DataFrame, work_dir: Path
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """One row per trial and test set, and the frames of those that count; see ``GridResults``.

    The third table has the scores of whole videos, from result cards.
    """
    records = cache(lambda folder: read_records(RunFolder(work_dir / folder)))
    rows, parts = [], [pd.DataFrame(columns=['trial_id', 'test_set', *FRAME_COLUMNS])]
    videos = [pd.DataFrame(columns=['trial_id', 'test_set', 'video'])]
    for trial in trials.itertuples():
        for key, test_set in grid.test_sets.items():
            name = key + trial.suffix
            folder = RunFolder(work_dir / trial.folder)
            status, reason, frames, record = _evaluate(trial, name, test_set, folder, records)
            is_whole = frames is not None and 'frame' not in frames
            path = folder.videos_csv(name) if is_whole else folder.frames_csv(name)
            file = '' if frames is None else f'{trial.folder}/{path.name}'
            record = record or Record()
            shift = str(record.shift) if record.shift else ''
            numbers = (record.iteration, record.not_finite)
            both_ends = bool(record.bidirectional)
            rows.append((trial.trial_id, key, status, reason, file, shift, *numbers, both_ends))
            if frames is not None:
                found = frames.assign(trial_id=trial.trial_id, test_set=key)
                (videos if is_whole else parts).append(found)
    floats = ['iteration', 'not_finite']
    columns = ['trial_id', 'test_set', 'status', 'reason', 'file', 'shift', *floats]
    columns += ['bidirectional']
    # The empty first part only defines the columns; concatenating it would change the dtypes.
    frames = (
        pd.concat(parts[1:], ignore_index=True)
        if len(parts) > 1
        else parts[0].astype({'psnr_y': float, 'ssim_y': float, 'ms': float, 'frame': int})
    )
    rows = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(floats, float))
    return rows, frames, pd.concat(videos[1:] or videos, ignore_index=True)


def _evaluate(
    trial: Any, name: str, test_set: TestSet, folder: RunFolder, records: Callable[[str], Records]
) -> tuple[str, str, pd.DataFrame | None, Record | None]:
    """Status, reason, frames (None if they do not count) and the record of those that do.

    Instead of frames there may be scores of whole videos.
    """
    try:
        found = records(trial.folder)
        record = (found or {}).get(name)
        status, reason = _status(trial, name, test_set, folder, record, found is not None)
        if status != 'done':
            return status, reason, None, None
        path = folder.frames_csv(name)
        if trial.kind == 'external' and not path.is_file():
            videos = read_video_scores(folder.videos_csv(name), test_set.videos)
            return 'done', '', videos, None
        # other protocols and external results leave frames out
        whole = trial.kind != 'external' and not test_set.protocol
        frames = read_frames(path, test_set.videos, whole)
        return 'done', '', frames, record
    except InvalidFile as error:
        return 'invalid', clean(str(error)), None, None


def _status(
    trial: Any,
    name: str,
    test_set: TestSet,
    folder: RunFolder,
    record: Record | None,
    has_records: bool,
) -> tuple[str, str]:
    """Returns status and reason before the file is read."""
    unusable = why_unusable(folder, name, test_set.checksum, record, test_set.protocol)
    if unusable is None:
        return 'done', ''
    if unusable.is_damaged:
        return 'invalid', unusable.reason
    if trial.status != 'DONE':
        return STATUS_WORDS[trial.status], trial.reason
    is_external = trial.kind == 'external'
    is_there = folder.frames_csv(name).is_file()
    is_there |= is_external and folder.videos_csv(name).is_file()
    if not is_there and is_external:
        return 'n/a', ''  # external results need not cover all test sets
    if is_there and not (has_records and test_set.checksum):  # external results, old folders
        return 'done', ''
    return 'missing', f'{test_set.label}: {unusable.reason}'
