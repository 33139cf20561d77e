"""Real frames for the tests of the harness: windows that move over scikit-image's photographs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import torch

import harness.networks.zoo  # noqa: F401  (prepares the environment for MMagic)
import tests.plain_configs  # noqa: F401
from dataset_tools.degrade.filters import degrade
from dataset_tools.frames import read_frame
from dataset_tools.manifest import VideoSet
from dataset_tools.sample.frames import photograph_path
from dataset_tools.sliding_window import sliding_window
from dataset_tools.static import static
from dataset_tools.writer import build_set

PHOTOGRAPHS = ('coffee.png', 'astronaut.png', 'chelsea.png')
LR_SIZE = (24, 32)
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='session')
def photographs() -> list[np.ndarray]:
    """HR photographs, uint8, all at least 300 x 450 x 3."""
    return [read_frame(photograph_path(name)) for name in PHOTOGRAPHS]


@pytest.fixture(scope='session')
def real_clip(photographs) -> Callable[..., torch.Tensor]:
    """Makes LR clips (B, T, 3, H, W) in [0, 1] whose frames move by (1, 2) pixels."""
    stills = [
        torch.from_numpy(degrade(photo, 'bd')).permute(2, 0, 1) / 255 for photo in photographs
    ]

    def make(frames: int, height: int, width: int, batch: int = 2) -> torch.Tensor:
        clips = [
            torch.stack([still[:, t : t + height, 2 * t : 2 * t + width] for t in range(frames)])
            for still in stills[:batch]
        ]
        return torch.stack(clips)

    return make


@pytest.fixture(scope='session')
def real_set(tmp_path_factory, photographs) -> VideoSet:
    """Three moving videos of 20, 22 and 24 frames, HR 96 x 128, LR 24 x 32."""
    lengths = {'coffee': 20, 'astronaut': 22, 'chelsea': 24}
    videos = (
        (name, sliding_window(photo, LR_SIZE, 1, 'diagonal', frames))
        for photo, (name, frames) in zip(photographs, lengths.items(), strict=True)
    )
    root = tmp_path_factory.mktemp('sets') / 'moving'
    return build_set(
        root, tool='sliding-window', parameters={}, source='photographs', total=66, videos=videos
    )[0]


@pytest.fixture
def make_set(tmp_path, photographs) -> Callable[..., VideoSet]:
    """Makes a small set of its own for a test that damages it or wants odd sizes."""

    def make(name: str = 'set', height: int = 48, width: int = 64, frames: int = 3) -> VideoSet:
        piece = photographs[0][100 : 100 + height, 200 : 200 + width]
        large = photographs[1][: height + 4 * frames, : width + 4 * frames]
        window = (height // 4, width // 4)
        videos = [
            ('moving', sliding_window(large, window, 1, 'diagonal', frames)),
            ('single', [piece]),
            ('still', static(piece, frames=frames)),
        ]
        root: Path = tmp_path / name
        return build_set(
            root, tool='test', parameters={}, source='x', total=2 * frames + 1, videos=videos
        )[0]

    return make


@pytest.fixture(scope='session')
def settle(real_clip) -> Callable[[torch.nn.Module], torch.nn.Module]:
    """Puts a network into eval mode after its batch norms have seen real frames.

    With the statistics it is built with, such a network's output is next to nothing.
    """

    def settled(net):
        norms = [module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = 1
        if norms:
            with torch.no_grad():
                net.train()(real_clip(3, 18, 26))
        return net.eval()

    return settled


@pytest.fixture(autouse=True)
def one_seed():
    """Networks of a test have the same weights in every run."""
    torch.manual_seed(0)


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
