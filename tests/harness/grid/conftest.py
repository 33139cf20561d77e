"""A tiny grid on disk: real training steps on real frames, some seconds a run."""

from functools import partial
from pathlib import Path
from textwrap import dedent

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope='session')
def write_grid(real_set):
    """Writes the grid file, and the config it needs, into a folder."""
    return partial(_write_grid, real_set)


@pytest.fixture
def grid_file(tmp_path, write_grid) -> Path:
    """Grid of RI and PI (R = 2, 4) on a tiny FRVSR, and bicubic; tested on one moving set."""
    return write_grid(tmp_path)


def _write_grid(real_set, folder: Path) -> Path:
    (folder / 'tiny.py').write_text(
        dedent(f"""
        _base_ = '{REPOSITORY}/mm_configs/frvsr/frvsr_rr_quickstart.py'
        model = dict(generator=dict(mid_channels=8, flow_net=dict(channels=8)))
        train_cfg = dict(max_iters=12, clip_length=4, crop_size=16, windows_per_video=2)
        train_dataloader = dict(batch_size=2)
        default_hooks = dict(checkpoint=dict(interval=5), logger=dict(interval=5))
        """)
    )
    path = folder / 'tiny_grid.py'
    path.write_text(
        dedent(f"""
        networks = dict(
            tiny=dict(config='{folder}/tiny.py', label='Tiny'),
            bicubic=dict(config='{REPOSITORY}/mm_configs/bicubic/bicubic_bd.py'),
        )
        train_sets = dict(real=dict(root='{real_set.root}', label='Real'))
        test_sets = dict(moving=dict(root='{real_set.root}', label='Moving'))
        sweeps = [
            dict(networks=['tiny'], strategies=['RI', 'PI'], R=[2, 4], fc=[False], seeds=[0]),
            dict(networks=['bicubic'], strategies=[None]),
        ]
        jobs = 2
        """)
    )
    return path
