"""LR videos of real frames."""

import pytest


@pytest.fixture
def video(real_clip):
    """Makes LR videos (T, H, W, 3), uint8."""
    return lambda frames, height=34, width=50: _to_bytes(real_clip(frames, height, width, batch=1))


def _to_bytes(clip):
    return (clip[0].clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
