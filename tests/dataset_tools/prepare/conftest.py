"""Small fakes of the layouts in which public sets are downloaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from dataset_tools.prepare.public_sets import SETS

H, W = 16, 24


@pytest.fixture
def fake(photograph, write_video) -> Callable[..., None]:
    """Writes a folder for each name: ``frames`` pieces of the photograph, 16 x 24."""

    def write(folder: Path, names: Iterable[str], frames: int, size=(H, W), first: int = 1) -> None:
        for number, name in enumerate(names):
            top, (height, width) = 8 * (number % 40), size
            pieces = [photograph[top : top + height, 6 * t : 6 * t + width] for t in range(frames)]
            write_video(folder / name, pieces, first)

    return write


@pytest.fixture
def small(monkeypatch) -> Callable[..., None]:
    """Makes the expected table as small as the fakes."""

    def patch(key: str, **changes) -> None:
        sizes = {'heights': (H, H), 'widths': (W, W)}
        monkeypatch.setitem(SETS, key, replace(SETS[key], **{**sizes, **changes}))

    return patch
