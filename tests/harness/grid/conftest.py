"""A tiny grid on disk: real training steps on real frames, some seconds a run."""

import signal
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from harness.signals import ENDING

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def signal_handlers():
    """Handlers of a test end with it: pools of later tests end their workers by signal."""
    before = {number: signal.getsignal(number) for number in ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope='session')
def write_grid(real_set) -> Callable[..., Path]:
    """Writes ``tiny.py`` and ``tiny_grid.py`` into a folder.

    The grid has RI and PI (R = 2, 4) on a tiny FRVSR, and bicubic; tested on one moving set.
    """

    def write(folder: Path, max_iters: int = 12, root: Path = real_set.root) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'tiny.py').write_text(
            dedent(f"""
            _base_ = '{REPOSITORY}/mm_configs/frvsr/frvsr_rr_quickstart.py'
            model = dict(generator=dict(mid_channels=8, flow_net=dict(channels=8)))
            train_cfg = dict(max_iters={max_iters}, clip_length=4, crop_size=16,
                             windows_per_video=2)
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
            train_sets = dict(real=dict(root='{root}', label='Real'))
            test_sets = dict(moving=dict(root='{root}', label='Moving'))
            sweeps = [
                dict(networks=['tiny'], strategies=['RI', 'PI'], R=[2, 4], fc=[False], seeds=[0]),
                dict(networks=['bicubic'], strategies=[None]),
            ]
            jobs = 2
            """)
        )
        return path

    return write


@pytest.fixture
def grid_file(tmp_path, write_grid) -> Path:
    """The tiny grid with 12 iterations a run."""
    return write_grid(tmp_path)
