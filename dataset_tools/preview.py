"""Draws contact sheets and short videos of sets for ``preview``."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np

from dataset_tools.frames import encode_png
from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.pack.reader import frame_reader
from dataset_tools.scratch import scratch_folder

COLUMNS = 8
CELL_WIDTH = 160
LABEL_HEIGHT = 18
VIDEO_FRAMES = 60
VIDEO_RATE = 15

_Read = Callable[[str, str, int], np.ndarray]


def make_preview(root: str | Path, output: Path, videos: int) -> int:
    """Writes a contact sheet (rows: videos, columns: frames in time) or a short video of a set.

    Args:
        root: The set folder.
        output: The file to write, replaced if it exists; ends in .png, .mp4 or .gif.
        videos: Maximum number of videos to show, evenly spaced over the set.

    Returns:
        The number of videos shown.

    Raises:
        DatasetError: Unknown suffix, no set, or a file that cannot be read or written.
    """
    suffix = output.suffix.lower()
    if suffix not in ('.png', '.mp4', '.gif'):
        raise DatasetError(f'{output}: the name must end in .png, .mp4 or .gif')
    video_set = VideoSet.load(root)
    shown = min(videos, len(video_set.videos))
    names = list(video_set.videos)
    names = [names[index * len(names) // shown] for index in range(shown)]
    read, kind = frame_reader(video_set), video_set.kinds[0]
    with scratch_folder(output) as folder:
        part = folder / f'preview{suffix}'
        if suffix == '.png':
            part.write_bytes(encode_png(contact_sheet(video_set, names, kind, read)))
        else:
            try:
                _write_video(part, _playing(video_set, names, kind, read))
            except av.FFmpegError as error:
                raise DatasetError(f'{output}: cannot be written ({error})') from error
        os.replace(part, output)
    return shown


def contact_sheet(video_set: VideoSet, names: list[str], kind: str, read: _Read) -> np.ndarray:
    """Draws frames of videos, first to last, one row per video.

    Args:
        video_set: The set.
        names: Its videos to show.
        kind: Its kind of frames to show.
        read: Reads a frame, see ``frame_reader``.

    Returns:
        uint8, h x w x 3.
    """
    rows = []
    for name in names:
        frames = video_set.videos[name].frames
        spread = np.linspace(0, frames - 1, COLUMNS).round().astype(int)
        rows.append(
            np.hstack(
                [
                    _cell(read(kind, name, t), f'{name}  {t}' if not column else f'{t}')
                    for column, t in enumerate(spread.tolist())
                ]
            )
        )
    return np.vstack(rows)


def _playing(video_set: VideoSet, names: list[str], kind: str, read: _Read) -> Iterator[np.ndarray]:
    """Yields frames of all videos in a grid; a short video stops at its last frame."""
    longest = max(video_set.videos[name].frames for name in names)
    columns = math.ceil(math.sqrt(len(names)))
    for t in range(min(longest, VIDEO_FRAMES)):
        times = {name: min(t, video_set.videos[name].frames - 1) for name in names}
        cells = [_cell(read(kind, name, at), f'{name}  {at}') for name, at in times.items()]
        height = max(cell.shape[0] for cell in cells)
        cells = [_pad(cell, height) for cell in cells]
        cells += [np.zeros_like(cells[0])] * (-len(cells) % columns)
        rows = [np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)]
        yield np.vstack(rows)


def _cell(frame: np.ndarray, label: str) -> np.ndarray:
    """Draws a small frame below its label; its height is even, as video codecs need it."""
    height = max(2, round(frame.shape[0] * CELL_WIDTH / frame.shape[1] / 2) * 2)
    small = cv2.resize(frame, (CELL_WIDTH, height), interpolation=cv2.INTER_AREA)
    strip = np.zeros((LABEL_HEIGHT, CELL_WIDTH, 3), np.uint8)
    cv2.putText(
        strip, label, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA
    )
    return np.vstack([strip, small])


def _pad(cell: np.ndarray, height: int) -> np.ndarray:
    return np.pad(cell, ((0, height - cell.shape[0]), (0, 0), (0, 0)))


def _write_video(path: Path, frames: Iterable[np.ndarray]) -> None:
    codec, pixels = ('gif', 'rgb8') if path.suffix == '.gif' else (_mp4_codec(), 'yuv420p')
    with av.open(str(path), 'w') as container:
        stream = cast(av.VideoStream, container.add_stream(codec, rate=VIDEO_RATE))
        stream.pix_fmt = pixels
        for number, frame in enumerate(frames):
            if not number:
                stream.height, stream.width = frame.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format='rgb24')))
        container.mux(stream.encode())


def _mp4_codec() -> str:
    """Returns H.264 if PyAV was built with it, else MPEG-4, which is part of FFmpeg itself."""
    return 'libx264' if 'libx264' in av.codecs_available else 'mpeg4'
