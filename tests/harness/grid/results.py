"""What runs have left on disk."""

from pathlib import Path

import pandas as pd


def frames(work_dir: Path) -> dict[str, pd.DataFrame]:
    """Per-frame results of all runs without the times."""
    return {
        path.parent.name: pd.read_csv(path).drop(columns='ms')
        for path in sorted(work_dir.glob('runs/*/frames_moving.csv'))
    }
