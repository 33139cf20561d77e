"""Clips of videos: the same augmented window in consecutive LR and HR frames."""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
import torch
from mmagic.registry import DATA_SAMPLERS, DATASETS
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from dataset_tools.manifest import DatasetError, VideoSet


class Window(NamedTuple):
    """A spatial crop in LR pixels with its augmentation, the same in all frames of a video."""

    top: int
    left: int
    height: int
    width: int
    flip_vertical: bool = False
    flip_horizontal: bool = False
    transpose: bool = False

    def crop_lr(self, frame: np.ndarray) -> np.ndarray:
        """Cuts the window out of an LR frame (H, W, 3)."""
        crop = frame[self.top : self.top + self.height, self.left : self.left + self.width]
        return self._augment(crop)

    def crop_hr(self, frame: np.ndarray, scale: int = 4) -> np.ndarray:
        """Cuts the window out of the HR frame (scale*H, scale*W, 3).

        LR pixel i is HR pixel scale*i (BD keeps every 4th pixel from 0). To hold in a flipped clip
        too, the HR window of a flipped axis begins scale-1 pixels earlier; hence a flipped window
        never starts at LR position 0 (see :meth:`draw`).
        """
        top = scale * self.top - (scale - 1) * self.flip_vertical
        left = scale * self.left - (scale - 1) * self.flip_horizontal
        crop = frame[top : top + scale * self.height, left : left + scale * self.width]
        return self._augment(crop)

    def _augment(self, crop: np.ndarray) -> np.ndarray:
        if self.flip_vertical:
            crop = crop[::-1]
        if self.flip_horizontal:
            crop = crop[:, ::-1]
        return crop.transpose(1, 0, 2) if self.transpose else crop

    @classmethod
    def draw(cls, rng: np.random.Generator, frame_size: tuple[int, int], crop: int) -> 'Window':
        """A uniformly random square window of ``crop`` LR pixels with random flips and rotation.

        An axis that the crop fills is not flipped, because :meth:`crop_hr` has no room there. The
        two flips and the transposition together are all 8 flips and rotations of a square.
        """
        flips = rng.integers(0, 2, 3).astype(bool).tolist()
        # one more pixel is needed before a flipped axis, see crop_hr
        first = [
            int(flip) if size > crop else 0 for size, flip in zip(frame_size, flips, strict=False)
        ]
        top, left = (
            int(rng.integers(low, size - crop + 1))
            for low, size in zip(first, frame_size, strict=True)
        )
        flips[0] &= top > 0
        flips[1] &= left > 0
        return cls(top, left, crop, crop, *flips)


class ClipIndex(NamedTuple):
    """Everything random about a sample, so that loading it is a pure function of the index."""

    video: int
    window: Window
    start: int
    length: int
    with_gt: bool = True


@DATASETS.register_module()
class VideoClipDataset(Dataset):
    """Clips of a set folder, addressed by :class:`ClipIndex`.

    A sample is a dict of ``inputs`` (T, 3, h, w) and, if asked for, ``gts`` (T, 3, 4h, 4w), both
    uint8, and ``start``, the number of the first frame.

    Args:
        data_root: the set folder.
        lr_kind: which LR frames of the set to use.
        cache: keep all decoded frames in memory. Right for small sets only; one minute of 720p
            video is 4 GB.

    Raises:
        DatasetError: the folder is no set, has no such LR frames, or a frame cannot be read.
    """

    def __init__(self, data_root: str, lr_kind: str = 'lr_bd', cache: bool = False):
        self.set = VideoSet.load(data_root)
        self.set.quick_check()
        if lr_kind not in self.set.kinds:
            raise DatasetError(
                f'{data_root}: has no "{lr_kind}" frames, only {", ".join(self.set.kinds)}'
            )
        self.lr_kind = lr_kind
        self.videos = list(self.set.videos.values())
        self.metainfo = dict(name=self.set.name, checksum=self.set.checksum)
        self._cache = {} if cache else None

    def __len__(self) -> int:
        return len(self.videos)

    @property
    def lengths(self) -> list[int]:
        """Number of frames of each video."""
        return [video.frames for video in self.videos]

    @property
    def lr_sizes(self) -> list[tuple[int, int]]:
        """(height, width) of the LR frames of each video."""
        return [video.sizes[self.lr_kind] for video in self.videos]

    def read(self, kind: str, video: int, frame: int) -> np.ndarray:
        """One whole frame (H, W, 3), uint8 RGB."""
        key = (kind, video, frame)
        if self._cache is not None and key in self._cache:
            return self._cache[key]
        path = self.set.frame_path(kind, self.videos[video].name, frame)
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise DatasetError(
                f'{path}: missing or not an image. Check the set with: '
                f'python -m dataset_tools verify {self.set.root}'
            )
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        if self._cache is not None:
            self._cache[key] = image
        return image

    def __getitem__(self, index: ClipIndex) -> dict:
        frames = range(index.start, index.start + index.length)
        sample = dict(inputs=self._stack(index, frames, self.lr_kind, index.window.crop_lr))
        if index.with_gt:
            sample['gts'] = self._stack(index, frames, 'gt', index.window.crop_hr)
        sample['start'] = torch.tensor(index.start)
        return sample

    def _stack(self, index, frames, kind, crop) -> Tensor:
        clip = np.stack([crop(self.read(kind, index.video, i)) for i in frames])
        return torch.from_numpy(np.ascontiguousarray(clip.transpose(0, 3, 1, 2)))


@DATA_SAMPLERS.register_module()
class PlannedSampler(Sampler):
    """Yields the clips that the training loop has planned.

    The loop sets :attr:`plan` before it starts an epoch; the indices travel to the data-loader
    workers with each request, so that no worker ever holds a stale epoch.
    """

    def __init__(self, dataset=None, seed=None):
        self.plan: list[ClipIndex] = []

    def __iter__(self) -> Iterator[ClipIndex]:
        return iter(self.plan)

    def __len__(self) -> int:
        return len(self.plan)
