"""LPIPS and tLP, if the weights of AlexNet are available; nothing is downloaded."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from harness.evaluation.protocol import Region

_WEIGHTS = 'alexnet-owt-7be5be79.pth'


def missing_weights() -> str | None:
    """How to make LPIPS available; None if it is. Imports nothing heavy."""
    path = _weights_file()
    if path.is_file():
        return None
    return f'needs {path}; put https://download.pytorch.org/models/{_WEIGHTS} there, or omit it'


def _weights_file() -> Path:
    return hub_file(f'checkpoints/{_WEIGHTS}')


def hub_file(name: str) -> Path:
    """The path where PyTorch stores a downloaded file."""
    home = os.environ.get('XDG_CACHE_HOME', '~/.cache')
    return Path(os.environ.get('TORCH_HOME', f'{home}/torch')).expanduser() / 'hub' / name


class Lpips:
    """Distance between SR and GT frames (Zhang et al., CVPR 2018; AlexNet, version 0.1)."""

    def __call__(self, gt: np.ndarray, sr: np.ndarray, region: Region) -> float:
        """LPIPS of a frame in ``region``."""
        return _distance(gt[region], sr[region])


class TemporalLpips:
    """tLP: 100 times the difference between LPIPS of consecutive SR frames and of GT frames.

    As TecoGAN's tLP100 (Chu et al., ToG 2020; ``metrics.py`` of thunil/TecoGAN).
    """

    def __init__(self) -> None:
        self._previous: tuple[np.ndarray, np.ndarray] | None = None

    def __call__(self, gt: np.ndarray, sr: np.ndarray, region: Region) -> float:
        """tLP of a frame in ``region``; NaN for the first one."""
        frames = gt[region], sr[region]
        previous, self._previous = self._previous, frames
        if previous is None:
            return float('nan')
        gt_change, sr_change = (_distance(*pair) for pair in zip(previous, frames, strict=True))
        return 100 * abs(gt_change - sr_change)


def _distance(image1: np.ndarray, image2: np.ndarray) -> float:
    import torch

    model, device = _model()
    tensors = (
        torch.from_numpy(np.ascontiguousarray(image)).to(device).permute(2, 0, 1)[None] / 127.5 - 1
        for image in (image1, image2)
    )
    with torch.inference_mode():
        return float(model(*tensors))


@cache
def _model() -> tuple[Any, Any]:
    """The network of LPIPS and its device."""
    import lpips
    import torch

    from harness.checkpoints import load_weights, read_weights
    from harness.errors import fail

    if missing_weights():
        fail(f'LPIPS {missing_weights()}')
    model = lpips.LPIPS(net='alex', pnet_rand=True, verbose=False)
    source = str(_weights_file())
    # LPIPS splits AlexNet's `features` into slices and omits the rest
    names = {name: f'features.{name.partition(".")[2]}' for name in model.net.state_dict()}
    alexnet = read_weights(source, 'LPIPS weights')
    given = {name: alexnet[theirs] for name, theirs in names.items() if theirs in alexnet}
    load_weights(model.net, given, source, 'LPIPS weights')
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    return model.to(device).eval(), device
