"""Files of per-frame results: ``frames_<set>.csv``, one row per frame."""

import csv
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from harness.runs.files import replacing


def write_frames(table: pd.DataFrame, path: Path) -> None:
    """Writes per-frame results; the file appears only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, float_format='%.8g')


def missing_metrics(path: Path, columns: Sequence[str]) -> list[str]:
    """The ``columns`` that a file of per-frame results lacks; all of them if there is no file.

    Args:
        path: The file.
        columns: The required columns, see :func:`harness.evaluation.scorer.metric_columns`.
    """
    try:
        with open(path, newline='', encoding='utf-8-sig') as file:
            found = next(csv.reader(file), [])
    except FileNotFoundError:
        found = []
    return [column for column in columns if column not in found]
