"""Reading clips of set folders for training, in MMagic's ``DATASETS`` and ``DATA_SAMPLERS``."""

from .clips import ClipIndex, PlannedSampler, VideoClipDataset, Window

__all__ = ['ClipIndex', 'PlannedSampler', 'VideoClipDataset', 'Window']
