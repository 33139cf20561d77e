"""Scores of whole videos, for external results given as a result card."""

from pathlib import Path

import pandas as pd

from harness.runs.files import InvalidFile
from reports.reading.frame_files import LIMITS
from reports.stability import SCORES

#: quantities of a video that a card may have besides the optional ones of frames
OF_VIDEOS = [*SCORES, 'worst_psnr', 'divergence_frame']


def read_video_scores(path: Path, videos: dict[str, int]) -> pd.DataFrame:
    """Reads ``videos_<test_set>.csv``, which ``external_results`` made from a card.

    Args:
        path: the file: a row per video.
        videos: expected number of frames of each video.

    Raises:
        InvalidFile: videos are missing, or a number is impossible.
    """
    try:
        table = pd.read_csv(path, converters={'video': str}, encoding='utf-8-sig')
    except (ValueError, OSError) as error:
        raise InvalidFile(f'{path.name}: {" ".join(str(error).split())}') from None
    if 'video' not in table or set(table['video']) != set(videos) or len(table) != len(videos):
        raise InvalidFile(f'{path.name}: does not have each video of the set once')
    known = ['video', 'frames', *OF_VIDEOS]
    numbers = table.reindex(columns=known)
    for name in known[1:]:
        low, high = LIMITS.get(name, (-float('inf'), float('inf')))
        numbers[name] = pd.to_numeric(numbers[name], errors='coerce')
        if ((numbers[name] < low) | (numbers[name] > high)).any():
            raise InvalidFile(f'{path.name}: {name} has an impossible number')
    if numbers['psnr_y'].isna().any():
        raise InvalidFile(f'{path.name}: psnr_y is missing')
    return numbers
