"""Training clips: the same augmented window of consecutive LR and HR frames."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from mmengine.registry import DATA_SAMPLERS, DATASETS
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from dataset_tools.degrade.filters import phase
from dataset_tools.manifest import SCALE, DatasetError, VideoSet
from dataset_tools.pack.reader import PackedVideos, frame_reader


class Window(NamedTuple):
    """A spatial crop in LR pixels and its augmentation, the same in all frames of a video."""

    top: int
    left: int
    height: int
    width: int
    flip_vertical: bool = False
    flip_horizontal: bool = False
    transpose: bool = False

    @property
    def lr_region(self) -> tuple[int, int, int, int]:
        """Top, left, height and width in LR pixels."""
        return self.top, self.left, self.height, self.width

    def hr_region(self, lr_kind: str) -> tuple[int, int, int, int]:
        """Top, left, height and width in HR pixels.

        LR pixel i lies at HR position 4*i + phase. For this to hold in a flipped clip too, the HR
        window of a flipped axis begins earlier, by 3 pixels at phase 0 (BD). Hence a flipped window
        never starts at LR position 0 (see :meth:`draw`). With BI, LR pixel i lies between HR pixels
        4*i + 1 and 4*i + 2 (phase 1.5), which is symmetric under flips.
        """
        shift = int(SCALE - 1 - 2 * phase(lr_kind))
        top = SCALE * self.top - shift * self.flip_vertical
        left = SCALE * self.left - shift * self.flip_horizontal
        return top, left, SCALE * self.height, SCALE * self.width

    def augment(self, clip: np.ndarray) -> np.ndarray:
        """Flips and transposes a clip (T, h, w, 3); (T, w, h, 3) if transposed."""
        if self.flip_vertical:
            clip = clip[:, ::-1]
        if self.flip_horizontal:
            clip = clip[:, :, ::-1]
        return clip.transpose(0, 2, 1, 3) if self.transpose else clip

    @classmethod
    def draw(cls, rng: np.random.Generator, frame_size: tuple[int, int], crop: int) -> 'Window':
        """Draws a uniformly random square window with random flips and transposition.

        An axis that the crop fills is not flipped, because :meth:`hr_region` would leave the frame.
        Two flips and the transposition generate all 8 flips and rotations of a square.

        Args:
            rng: The random generator.
            frame_size: The (height, width) of the LR frames.
            crop: The side of the window in LR pixels.
        """
        flips = rng.integers(0, 2, 3).astype(bool).tolist()
        # a flipped axis needs one more pixel before the window, see hr_region
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
    """Everything random about a sample, so that loading it is a pure function of the index.

    Attributes:
        video: The number of the video.
        window: The spatial window.
        start: The first frame.
        length: The number of frames.
        with_gt: Whether GT frames are read as well.
        look_ahead: The number of LR frames to read after the clip.
    """

    video: int
    window: Window
    start: int
    length: int
    with_gt: bool = True
    look_ahead: int = 0


@DATASETS.register_module()
class VideoClipDataset(Dataset):
    """Clips of a set folder, addressed by :class:`ClipIndex`.

    A sample is a dict of

    - ``inputs`` (T, 3, h, w), uint8;
    - ``gts`` (T, 3, 4h, 4w), uint8, if requested;
    - ``start``: the number of the first frame;
    - ``length``: the number of frames of the whole video;
    - ``following`` (look_ahead, 3, h, w), uint8, with ``look_ahead``: the LR frames after the clip.
      The last frame of the video replaces those beyond its end.

    Args:
        data_root: The set folder.
        lr_kind: The LR frames of the set to use.
        cache: Whether to keep all decoded frames in memory. Only for small sets: one minute of 720p
            video takes 4 GB. For large sets, ``python -m dataset_tools pack`` makes a set whose
            windows are read without decoding whole frames.
        leave_out: Names of held-out videos.

    Raises:
        DatasetError: The folder is not a set, has no such LR frames or videos, or a frame cannot be
            read.
    """

    def __init__(
        self,
        data_root: str,
        lr_kind: str = 'lr_bd',
        cache: bool = False,
        leave_out: Sequence[str] = (),
    ) -> None:
        self.set = VideoSet.load(data_root)
        self.set.quick_check()
        self.set.require('gt', lr_kind)
        self.lr_kind = lr_kind
        if unknown := [name for name in leave_out if name not in self.set.videos]:
            raise DatasetError(f'{data_root}: leave_out names {unknown[0]}, which is not a video')
        self.videos = [v for name, v in self.set.videos.items() if name not in leave_out]
        self.metainfo = dict(name=self.set.name, checksum=self.set.checksum)
        self._cache: dict[tuple[str, int, int], np.ndarray] | None = {} if cache else None
        self._read_frame = frame_reader(self.set)
        self._packed = PackedVideos(self.set) if self.set.packed else None

    def __len__(self) -> int:
        return len(self.videos)

    @property
    def lengths(self) -> list[int]:
        """The number of frames of each video."""
        return [video.frames for video in self.videos]

    @property
    def lr_sizes(self) -> list[tuple[int, int]]:
        """The (height, width) of the LR frames of each video."""
        return [video.sizes[self.lr_kind] for video in self.videos]

    def read(self, kind: str, video: int, frame: int) -> np.ndarray:
        """Reads a whole frame (H, W, 3), uint8 RGB."""
        key = (kind, video, frame)
        if self._cache is not None and key in self._cache:
            return self._cache[key]
        image = self._read_frame(kind, self.videos[video].name, frame)
        if self._cache is not None:
            self._cache[key] = image
        return image

    def __getitem__(self, index: ClipIndex) -> dict:
        sample = dict(inputs=self._clip(index, self.lr_kind, index.window.lr_region))
        if index.with_gt:
            sample['gts'] = self._clip(index, 'gt', index.window.hr_region(self.lr_kind))
        if index.look_ahead:
            sample['following'] = self._following(index)
        sample['start'] = torch.tensor(index.start)
        sample['length'] = torch.tensor(self.videos[index.video].frames)
        return sample

    def _following(self, index: ClipIndex) -> Tensor:
        frames = self.videos[index.video].frames
        start = min(index.start + index.length, frames - 1)
        there = index._replace(start=start, length=min(index.look_ahead, frames - start))
        clip = self._clip(there, self.lr_kind, index.window.lr_region)
        return torch.cat([clip, clip[-1:].expand(index.look_ahead - len(clip), -1, -1, -1)])

    def _clip(self, index: ClipIndex, kind: str, region: tuple[int, int, int, int]) -> Tensor:
        stop = index.start + index.length
        if self._packed:
            name = self.videos[index.video].name
            clip = self._packed.read(kind, name, index.start, stop, *region)
        else:
            top, left, height, width = region
            clip = np.stack(
                [
                    self.read(kind, index.video, i)[top : top + height, left : left + width]
                    for i in range(index.start, stop)
                ]
            )
        clip = index.window.augment(clip)
        return torch.from_numpy(np.ascontiguousarray(clip.transpose(0, 3, 1, 2)))


@DATA_SAMPLERS.register_module()
class PlannedSampler(Sampler):
    """Yields the clips that the training loop has planned.

    The loop sets :attr:`plan` before it starts an epoch. The indices are sent to the data loader
    workers with each request, so that no worker ever uses an outdated plan.
    """

    def __init__(self, dataset: Dataset | None = None, seed: int | None = None) -> None:
        self.plan: list[ClipIndex] = []

    def __iter__(self) -> Iterator[ClipIndex]:
        return iter(self.plan)

    def __len__(self) -> int:
        return len(self.plan)
