"""Input and output of users' videos: reads video files, folders and images; writes PNG or mp4."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import av
import numpy as np

from dataset_tools.frames import (
    IMAGE_SUFFIXES,
    encode_png,
    list_frames,
    read_frame,
    read_frames,
)
from dataset_tools.manifest import DatasetError
from dataset_tools.scratch import scratch_folder
from dataset_tools.video import VIDEO_SUFFIXES, decode_video, read_header
from harness.errors import fail
from harness.runs.files import replacing

# nearly lossless, so that visible artefacts are the network's and not the codec's
_X264 = {'crf': '14'}
# FFmpeg's numbers for ITU-R BT.709 and limited range, which players assume for unmarked HD video
_BT709 = _LIMITED = 1


@dataclass
class Video:
    """A video that can be read once.

    Attributes:
        frames: Frames (H, W, 3), uint8 RGB; they end at the first one that cannot be read.
        expected: The number of frames, approximate for video files; None if unknown.
        names: The names of the image files, without suffix; None for video files.
        rate: The (average) frames per second of a video file.
        pixel_aspect: The width of a pixel divided by its height.
        notes: What the user should know about how the video is read.
        fault: Why reading stopped early, if it did; set after the last readable frame.
    """

    frames: Iterator[np.ndarray]
    expected: int | None
    names: list[str] | None = None
    rate: Fraction | None = None
    pixel_aspect: Fraction = Fraction(1)
    notes: tuple[str, ...] = ()
    fault: DatasetError | None = None

    def __post_init__(self) -> None:
        self.frames = self._until_fault(self.frames)

    def _until_fault(self, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        begun = False
        try:
            for frame in frames:
                yield frame
                begun = True
        except DatasetError as error:
            if not begun:
                raise
            self.fault = error


def open_video(path: Path) -> Video:
    """Opens a folder of numbered frames, an image, or any video file that FFmpeg can read.

    Raises:
        UserError: There is no such file or folder.
        DatasetError: It contains no frames or video, or the first frame is damaged.
    """
    if path.is_dir():
        paths = list_frames(path)
        return Video(read_frames(paths), len(paths), [p.stem for p in paths])
    if not path.is_file():
        fail(f'input {path}: no such file or folder')
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return Video(iter([read_frame(path)]), 1, [path.stem])
    header = read_header(path)
    return Video(
        decode_video(path),
        header.expected,
        rate=header.rate,
        pixel_aspect=header.pixel_aspect,
        notes=tuple(f'{path}: {note}' for note in header.notes),
    )


def check_output(path: Path, source: Path, overwrite: bool) -> None:
    """Checks that the output is a folder or an .mp4 and that nothing would be lost.

    Raises:
        UserError: It is neither, or it exists and must not be overwritten.
    """
    if path.resolve() in (source.resolve(), source.resolve().parent):
        fail(f'output {path}: is or contains the input; give another name')
    is_file = path.suffix.lower() in (*VIDEO_SUFFIXES, *IMAGE_SUFFIXES)
    if is_file and not is_mp4(path):
        fail(f'output {path}: give a folder (for PNG frames) or a file that ends in .mp4')
    if path.exists() and path.is_dir() == is_file:
        fail(f'output {path}: is a {"folder" if is_file else "file"}; give another name')
    if not overwrite and path.exists() and (is_file or any(path.iterdir())):
        fail(f'output {path}: exists; give another name or --overwrite')


def open_output(
    path: Path,
    names: list[str] | None,
    rate: Fraction,
    pixel_aspect: Fraction = Fraction(1),
) -> AbstractContextManager[Callable[[np.ndarray], None]]:
    """Opens a folder or an .mp4 for writing.

    Existing PNG files of a folder are removed first. An .mp4 (H.264, yuv420p) appears only when it
    is complete, and so does each frame in a folder.

    Args:
        path: The folder or .mp4.
        names: The names of the frames in a folder, without suffix; None for numbers.
        rate: Frames per second of an .mp4.
        pixel_aspect: The width of a pixel of an .mp4 divided by its height.

    Yields:
        A function that writes the next frame (h, w, 3), uint8 RGB.

    Raises:
        UserError: The output cannot be written.
    """
    return _mp4(path, rate, pixel_aspect) if is_mp4(path) else _folder(path, names)


def is_mp4(path: Path) -> bool:
    """Whether an output is an mp4 instead of a folder."""
    return path.suffix.lower() == '.mp4'


@contextmanager
def _folder(path: Path, names: list[str] | None) -> Iterator[Callable[[np.ndarray], None]]:
    with _writing(path):
        path.mkdir(parents=True, exist_ok=True)
        for old in path.glob('*.png'):
            old.unlink()
    stems = iter(names or map('{:08d}'.format, count()))

    def write(rgb: np.ndarray) -> None:
        with _writing(path), replacing(path / f'{next(stems)}.png') as temporary:
            temporary.write_bytes(encode_png(rgb))

    try:
        yield write
    finally:
        if not any(path.iterdir()):
            path.rmdir()


@contextmanager
def _mp4(
    path: Path, rate: Fraction, pixel_aspect: Fraction
) -> Iterator[Callable[[np.ndarray], None]]:
    # if this process is killed, its folder stays until the next call removes it
    with scratch_folder(path) as scratch, _writing(path):
        temporary = scratch / path.name
        temporary.touch()  # FFmpeg opens its file only when it writes the first frames
        with av.open(str(temporary), 'w', format='mp4') as container:
            stream = container.add_stream('libx264', rate=rate, options=_X264)
            stream.codec_context.sample_aspect_ratio = pixel_aspect
            yield partial(_encode, container, stream)
            container.mux(stream.encode())
        temporary.replace(path)


def _encode(container: Any, stream: Any, rgb: np.ndarray) -> None:
    codec = stream.codec_context
    if not codec.is_open:
        codec.height, codec.width = rgb.shape[:2]
        codec.pix_fmt = 'yuv420p'
        codec.colorspace = codec.color_primaries = codec.color_trc = _BT709
        codec.color_range = _LIMITED
    frame = av.VideoFrame.from_ndarray(rgb, format='rgb24')
    container.mux(stream.encode(frame.reformat(format='yuv420p', dst_colorspace=_BT709)))


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, av.FFmpegError) as error:
        fail(f'output {path}: cannot be written ({error.strerror})')
