"""Real frames for the tests of dataset_tools: pieces of a photograph that scikit-image ships."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from dataset_tools.degrade.sets import make_degraded_set
from dataset_tools.frames import encode_png, read_frame
from dataset_tools.sample.frames import photograph_path


@pytest.fixture(scope='session')
def photograph() -> np.ndarray:
    """A photograph, uint8, 400 x 600 x 3."""
    return read_frame(photograph_path('coffee.png'))


@pytest.fixture(scope='session')
def write_video() -> Callable[..., None]:
    """Writes frames into a plain folder, numbered from ``first``."""

    def write(folder: Path, frames: list[np.ndarray], first: int = 0) -> None:
        folder.mkdir(parents=True)
        for number, frame in enumerate(frames, first):
            (folder / f'{number:08d}.png').write_bytes(encode_png(frame))

    return write


@pytest.fixture(scope='session')
def read_video() -> Callable[..., list[np.ndarray]]:
    """Reads a video of a set with OpenCV alone."""

    def read(root: Path, kind: str, video: str) -> list[np.ndarray]:
        files = sorted((root / kind / video).iterdir())
        return [cv2.imread(str(file))[:, :, ::-1] for file in files]

    return read


@pytest.fixture
def hr_folder(tmp_path: Path, photograph: np.ndarray, write_video: Callable[..., None]) -> Path:
    """Videos a (5 frames of 48 x 64, a pan) and b (1 frame of 50 x 67, numbered 17)."""
    folder = tmp_path / 'hr'
    write_video(folder / 'a', [photograph[100:148, 40 * t : 40 * t + 64] for t in range(5)])
    write_video(folder / 'b', [photograph[200:250, 300:367]], first=17)
    return folder


@pytest.fixture
def source_set(tmp_path: Path, hr_folder: Path) -> Path:
    """The set made of ``hr_folder``."""
    return make_degraded_set(hr_folder, tmp_path / 'source')[0].root
