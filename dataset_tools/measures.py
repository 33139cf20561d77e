"""Measures the videos of a set for ``info``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from dataset_tools.manifest import VideoSet
from dataset_tools.pack.reader import frame_reader

# Frames, and pairs of frames, that are measured in every video, evenly spaced.
SAMPLES = 8

# DIS does not accept smaller frames.
_SMALLEST_FLOW = 16


@dataclass(frozen=True)
class VideoInfo:
    """One line of the table.

    Attributes:
        video: Name.
        frames: Number of frames.
        different: Number of distinct frames; the others repeat one of them.
        size: (height, width) of the first kind (HR, if there is HR).
        lr_size: (height, width) of the first LR kind.
        motion: Mean length of the optical flow, LR pixels per frame.
        texture: Mean gradient of Y, grey levels (0..255) per pixel of the first kind (HR).
        disk: Size of its files in bytes.
    """

    video: str
    frames: int
    different: int
    size: tuple[int, int]
    lr_size: tuple[int, int]
    motion: float
    texture: float
    disk: int


def describe_videos(root: str | Path) -> list[VideoInfo]:
    """Measures every video of a set, packed or not.

    Args:
        root: The set folder.

    Raises:
        DatasetError: No set there, or frames that cannot be read.
    """
    video_set = VideoSet.load(root)
    read = frame_reader(video_set)
    hr_kind = video_set.kinds[0]
    lr_kind = next(iter(video_set.lr_kinds), hr_kind)
    infos = []
    for video in tqdm(video_set.videos.values(), desc='info', disable=None, leave=False):
        checksums = video_set.manifest['videos'][video.name][hr_kind]['sha256']
        infos.append(
            VideoInfo(
                video.name,
                video.frames,
                len(set(checksums)),
                video.sizes[hr_kind],
                video.sizes[lr_kind],
                _mean_motion(read, lr_kind, video.name, video.frames),
                _mean_texture(read, hr_kind, video.name, video.frames),
                sum(_disk(video_set.root / kind / video.name) for kind in video_set.kinds),
            )
        )
    return infos


def motion(before: np.ndarray, after: np.ndarray) -> float:
    """Returns the mean length of the optical flow (DIS) between two frames, in pixels.

    Args:
        before: uint8, h x w x 3.
        after: The frame that follows.
    """
    if np.array_equal(before, after):
        return 0.0
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (before, after)]
    short = [max(0, _SMALLEST_FLOW - size) for size in grey[0].shape]
    grey = [cv2.copyMakeBorder(g, 0, short[0], 0, short[1], cv2.BORDER_REPLICATE) for g in grey]
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = dis.calc(grey[0], grey[1], np.empty(0, np.float32))
    height, width = before.shape[:2]
    return float(np.linalg.norm(flow[:height, :width], axis=2).mean())


def texture(frame: np.ndarray) -> float:
    """Returns the mean length of the gradient of Y (central differences), grey levels per pixel.

    Args:
        frame: uint8, h x w x 3.
    """
    y = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    right, down = (
        cv2.Sobel(y, cv2.CV_32F, *axis, ksize=1, scale=0.5, borderType=cv2.BORDER_REPLICATE)
        for axis in ((1, 0), (0, 1))
    )
    # rounded, because OpenCV's last digits depend on the memory alignment of the frame
    return round(cv2.mean(cv2.magnitude(right, down))[0], 6)


_Read = Callable[[str, str, int], np.ndarray]


def _mean_motion(read: _Read, kind: str, video: str, frames: int) -> float:
    pairs = [(read(kind, video, t), read(kind, video, t + 1)) for t in _spread(frames - 1)]
    return float(np.mean([motion(*pair) for pair in pairs])) if pairs else 0.0


def _mean_texture(read: _Read, kind: str, video: str, frames: int) -> float:
    return float(np.mean([texture(read(kind, video, t)) for t in _spread(frames)]))


def _spread(count: int) -> list[int]:
    """Returns at most ``SAMPLES`` of the numbers below ``count``, evenly spaced, from 0 on."""
    samples = min(SAMPLES, count)
    return [index * count // samples for index in range(samples)]


def _disk(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob('*') if not path.is_symlink())
