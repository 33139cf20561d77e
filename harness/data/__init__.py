"""Reading clips of set folders for training, in MMEngine's ``DATASETS`` and ``DATA_SAMPLERS``."""

from harness.data.clips import ClipIndex, PlannedSampler, VideoClipDataset, Window
from harness.data.prefetch import prefetch
from harness.data.validation import ValidationVideoDataset

__all__ = [
    'ClipIndex',
    'PlannedSampler',
    'ValidationVideoDataset',
    'VideoClipDataset',
    'Window',
    'prefetch',
]
