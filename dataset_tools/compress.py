"""LR frames after a codec: encoded as H.264 and decoded again, as networks meet them in use."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import av
import numpy as np

from dataset_tools.frames import read_frame
from dataset_tools.kinds import Layout
from dataset_tools.manifest import DatasetError, VideoSet
from dataset_tools.sources import describe_source, frame_paths
from dataset_tools.writer import build_set

CODEC = 'libx264'
WORST_CRF = 51
_RATE = 25  # frames per second; sets have none


def make_compressed_set(
    source_set_root: str | Path, output_root: str | Path, crf: int = 23, jobs: int | None = None
) -> tuple[VideoSet, bool]:
    """Makes a set with the same HR frames, and LR frames that a codec has encoded.

    Every video and kind is one stream of libx264 with its default settings (4:2:0, a key frame at
    least every 250 frames). The frames may differ with FFmpeg's version, which the manifest names.

    Args:
        source_set_root: The source set.
        output_root: The set to make.
        crf: Constant rate factor of libx264, 0 (best) to 51; 23 is its default.
        jobs: Frames made in parallel; None means all cores.

    Returns:
        The set, and whether it was made now (False: it was there already).

    Raises:
        DatasetError: See ``build_set``; also a source without HR or LR frames, ``crf`` out of
            range, or PyAV without libx264.
    """
    if not 0 <= crf <= WORST_CRF:
        raise DatasetError(f'a CRF of {crf}: give 0 to {WORST_CRF}')
    if CODEC not in av.codecs_available:
        raise DatasetError(f'PyAV was built without {CODEC}: install its wheel (pip install av)')
    source = VideoSet.load(source_set_root)
    if 'gt' not in source.kinds or not source.lr_kinds:
        raise DatasetError(
            f'{source.root}: needs HR and LR frames, and has only {", ".join(source.kinds)}'
        )
    version = '.'.join(map(str, av.library_versions['libavcodec']))
    return build_set(
        output_root,
        tool='compress',
        parameters={'codec': CODEC, 'crf': crf, 'libavcodec': version},
        source=describe_source(source),
        total=sum(video.frames for video in source.videos.values()),
        videos=(
            (
                name,
                frame_paths(source, name, range(video.frames)),
                {kind: _compressed(source, kind, name, crf) for kind in source.lr_kinds},
            )
            for name, video in source.videos.items()
        ),
        layout=Layout(made=(), beside=source.lr_kinds),
        jobs=jobs,
    )


def _compressed(source: VideoSet, kind: str, name: str, crf: int) -> Iterator[np.ndarray]:
    """Yields the decoded frames of a video, uint8, h x w x 3."""
    video = source.videos[name]
    frames = (read_frame(source.frame_path(kind, name, index)) for index in range(video.frames))
    height, width = video.sizes[kind]
    with av.open(io.BytesIO(_encoded(frames, crf)), 'r') as container:
        for picture in container.decode(video=0):
            yield picture.to_ndarray(format='rgb24')[:height, :width]


def _encoded(frames: Iterator[np.ndarray], crf: int) -> bytes:
    """Encodes frames as a Matroska file; their edge is repeated where a size is odd."""
    file = io.BytesIO()
    with av.open(file, 'w', format='matroska') as container:
        # One thread: more would change the frames.
        stream = cast(
            av.VideoStream,
            container.add_stream(CODEC, rate=_RATE, options={'crf': str(crf), 'threads': '1'}),
        )
        stream.pix_fmt = 'yuv420p'
        for number, frame in enumerate(frames):
            height, width = frame.shape[:2]
            even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode='edge')
            if not number:
                stream.height, stream.width = even.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format='rgb24')))
        container.mux(stream.encode())
    return file.getvalue()
