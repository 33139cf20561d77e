"""Videos for validation during training: each as it is, and a still video of its first frame."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from mmengine.registry import DATASETS
from torch.utils.data import Dataset

from dataset_tools.manifest import VideoSet
from dataset_tools.pack.reader import frame_reader

KINDS = ('moving', 'static')


@dataclass(frozen=True)
class ValidationVideo:
    """A video of a set; with kind ``'static'``, a still video of its first frame."""

    set: VideoSet
    lr_kind: str
    name: str
    kind: str
    frames: int

    def read(self, kind: str) -> Iterator[np.ndarray]:
        """Yields the frames (H, W, 3), uint8 RGB, of ``kind`` (``'gt'`` or the LR kind)."""
        read = frame_reader(self.set)
        image = read(kind, self.name, 0)
        yield image
        for number in range(1, self.frames):
            yield image if self.kind == 'static' else read(kind, self.name, number)


@DATASETS.register_module()
class ValidationVideoDataset(Dataset):
    """Each video of a set folder, moving and static (PI-BPTT paper, Sec. VI-A).

    Its dataloader needs ``collate_fn=dict(type='pseudo_collate')`` and ``batch_size=1``.

    Args:
        data_root: The set folder.
        lr_kind: The LR frames of the set to use.
        max_frames: The maximum length of a moving video.
        static_frames: The length of a still video.

    Raises:
        DatasetError: The folder is not a set or has no such LR frames.
    """

    def __init__(
        self,
        data_root: str,
        lr_kind: str = 'lr_bd',
        max_frames: int = 100,
        static_frames: int = 100,
    ) -> None:
        videos = VideoSet.load(data_root)
        videos.quick_check()
        videos.require('gt', lr_kind)
        self.metainfo = dict(name=videos.name, checksum=videos.checksum)
        self.videos = [
            ValidationVideo(
                videos,
                lr_kind,
                video.name,
                kind,
                static_frames if kind == 'static' else min(max_frames, video.frames),
            )
            for video in videos.videos.values()
            for kind in KINDS
        ]

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, index: int) -> dict:
        return dict(video=self.videos[index])
