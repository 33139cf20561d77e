"""Reads clips and validation videos from set folders, and registers the classes with MMEngine.

Code that turns set folders into samples for training belongs here. It may import ``dataset_tools``
and modules at the top of ``harness``, but no networks, training or grid.
"""

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
