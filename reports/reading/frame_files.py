"""Scores of frames, and the record of the evaluations that made them, read and checked.

Layout read here, relative to the work directory; ``<test_set>`` is followed by ``@<variant>`` where
a run was evaluated otherwise than plainly::

    runs/<run_id>/frames_<test_set>.csv    PSNR and SSIM of every frame of one test set
    runs/<run_id>/evaluations.json         what each of them was made on; old ones lack it
    external/<key>/frames_<test_set>.csv
"""

from pathlib import Path
from typing import NamedTuple, Optional

import numpy as np
import pandas as pd

from reports.files import InvalidFile, read_json

FRAME_COLUMNS = ['video', 'frame', 'psnr_y', 'ssim_y', 'ms']
REQUIRED_COLUMNS = FRAME_COLUMNS[:4]  # results from elsewhere have no times


class Record(NamedTuple):
    """A finished evaluation.

    Attributes:
        checksum: of the test set.
        size: of the CSV file in bytes; None in old records.
        iteration: of the checkpoint, where it is recorded.
    """

    checksum: str
    size: Optional[int] = None
    iteration: Optional[int] = None


def read_records(run_dir: Path) -> Optional[dict[str, Record]]:
    """Finished evaluations by ``<test_set>`` or ``<test_set>@<variant>``; None in old folders.

    Raises:
        InvalidFile: the file cannot be read.
    """
    path = run_dir / 'evaluations.json'
    if not path.is_file():
        return None
    return {name: _parse_record(entry) for name, entry in read_json(path).items()}


def _parse_record(entry) -> Record:
    if isinstance(entry, dict):
        return Record(entry.get('checksum'), entry.get('bytes'), entry.get('iteration'))
    return Record(entry)


def read_frames(path: Path, videos: dict[str, int], whole: bool = True) -> pd.DataFrame:
    """Read the scores of every frame of one test set.

    Columns beyond ``FRAME_COLUMNS`` are optional quantities; those without any number are left out.

    Args:
        path: a ``frames_<test_set>.csv``.
        videos: expected number of frames of each video.
        whole: whether every frame must be there; other protocols leave some out.

    Raises:
        InvalidFile: columns, videos or frames are missing, repeated or not finite numbers.
    """
    try:
        # A video called "000" must stay text.
        frames = pd.read_csv(path, dtype={'video': str})
    except (ValueError, OSError) as error:  # pandas' parser errors are ValueErrors
        raise InvalidFile(f'{path.name}: {" ".join(str(error).split())}') from None
    absent = [column for column in REQUIRED_COLUMNS if column not in frames]
    if absent:
        raise InvalidFile(f'{path.name}: no column {", ".join(absent)}')
    optional = [column for column in frames if column not in FRAME_COLUMNS]
    frames = frames.reindex(columns=[*FRAME_COLUMNS, *optional])
    numbers = frames.columns[1:]
    frames = frames.assign(**{c: pd.to_numeric(frames[c], errors='coerce') for c in numbers})
    _check_frames(frames, videos, path.name, whole)
    empty = [column for column in optional if frames[column].isna().all()]
    return frames.drop(columns=empty).astype({'frame': int})


def _check_frames(frames: pd.DataFrame, videos: dict[str, int], name: str, whole: bool) -> None:
    by_video = dict(iter(frames.groupby('video')['frame']))
    unknown = sorted(set(by_video) - set(videos))
    if unknown:
        raise InvalidFile(f'{name}: unexpected video {", ".join(unknown)}')
    for video, expected in videos.items():
        found = np.sort(by_video[video].to_numpy()) if video in by_video else np.array([])
        if not len(found) or (whole and len(found) != expected):
            raise InvalidFile(f'{name}: video {video} has {len(found)} of {expected} frames')
        once = np.isin(found, np.arange(expected)).all() and (np.diff(found) > 0).all()
        if not once:
            raise InvalidFile(f'{name}: {video} does not hold frames 0 to {expected - 1} once')
    finite = np.isfinite(frames[['psnr_y', 'ssim_y']].to_numpy(dtype=float)).all(axis=1)
    if not finite.all():
        bad = frames[~finite].iloc[0]
        raise InvalidFile(f'{name}: score of {bad.video}, frame {bad.frame:.0f} is not finite')
    if frames['video'].isna().any():
        raise InvalidFile(f'{name}: a row names no video')
