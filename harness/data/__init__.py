"""Reading clips of set folders for training, in MMEngine's ``DATASETS`` and ``DATA_SAMPLERS``."""

from .clips import ClipIndex, PlannedSampler, VideoClipDataset, Window
from .prefetch import prefetch
from .validation import ValidationVideoDataset

__all__ = [
    'ClipIndex',
    'PlannedSampler',
    'ValidationVideoDataset',
    'VideoClipDataset',
    'Window',
    'prefetch',
]
