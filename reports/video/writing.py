"""Writes a video of results as mp4 (H.264) and GIF."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image
from tqdm import tqdm

from harness.errors import fail
from harness.runs.files import replacing

_GIF_WIDTH, _GIF_FPS = 800, 15  # enough for slides and web pages


def write(
    pictures: Iterable[np.ndarray], count: int, output: Path, formats: list[str], fps: int
) -> Iterator[Path]:
    """Writes the files ``output.mp4`` and ``output.gif``; gives their paths when they are whole.

    Args:
        pictures: (H, W, 3) uint8, of even sides.
        count: how many there are.
        output: path without suffix.
        formats: ``mp4``, ``gif``, or both.
        fps: frames per second; a GIF drops some above 15.

    Raises:
        UserError: the files cannot be written.
    """
    small: list[Image.Image] = []
    step = max(1, round(fps / _GIF_FPS))
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        shown = tqdm(pictures, total=count, desc='video', unit=' frames', disable=None)
        kept = _keeping(shown, small, step) if 'gif' in formats else shown
        if 'mp4' in formats:
            yield _write_mp4(kept, output.with_name(f'{output.name}.mp4'), fps)
        else:
            for _ in kept:
                pass
        if small:
            yield _write_gif(small, output.with_name(f'{output.name}.gif'), fps / step)
    except OSError as error:
        fail(f'{output}: cannot be written: {error.strerror or error}')


def _keeping(pictures: Iterable[np.ndarray], small: list, step: int) -> Iterator[np.ndarray]:
    for number, picture in enumerate(pictures):
        if number % step == 0:
            image = Image.fromarray(picture)
            image.thumbnail((_GIF_WIDTH, _GIF_WIDTH))
            small.append(image.quantize(128))
        yield picture


def _write_mp4(pictures: Iterable[np.ndarray], path: Path, fps: int) -> Path:
    with replacing(path) as temporary, av.open(str(temporary), 'w') as container:
        stream = container.add_stream('libx264', Fraction(fps), options={'crf': '16'})
        stream.pix_fmt = 'yuv420p'
        for number, picture in enumerate(pictures):
            if not number:
                stream.height, stream.width = picture.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, 'rgb24')))
        container.mux(stream.encode())
    return path


def _write_gif(images: list[Image.Image], path: Path, fps: float) -> Path:
    first, *rest = images
    with replacing(path) as temporary:
        first.save(temporary, save_all=True, append_images=rest, duration=round(1000 / fps), loop=0)
    return path
