"""A network with the way it is run: device, precision, timing."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from harness.evaluation.frame import SRFrame
from harness.networks.recurrent import RecurrentNet


class NetworkRun(NamedTuple):
    """A network and how to run it."""

    net: RecurrentNet
    device: torch.device
    dtype: torch.dtype
    states: str
    on_hidden: Callable[[int, int], None]
    rounded: bool

    def timed(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, float]:
        """Calls a function; returns its result and its time in milliseconds.

        On a single CPU thread this is the time of the thread, independent of other work.
        """
        is_one_thread = self.device.type == 'cpu' and torch.get_num_threads() == 1
        clock = time.thread_time if is_one_thread else time.perf_counter
        begin = clock()
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            result = function(*args, **kwargs)
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        return result, 1e3 * (clock() - begin)

    def clip(self, frames: list[Tensor]) -> Tensor:
        """Converts LR frames (H, W, 3), uint8, to a clip (1, T, 3, H, W) in [0, 1]."""
        clip = torch.stack(frames).to(self.device)
        return clip.permute(0, 3, 1, 2).float().div_(255)[None]

    def frame(self, sr: Tensor, ms: float, is_reset: bool = False) -> SRFrame:
        """Converts a tensor (3, H, W) in [0, 1] to an SR frame in [0, 255]."""
        # aminmax returns NaN if any pixel is NaN
        is_finite = bool(torch.stack(torch.aminmax(sr)).isfinite().all())
        image = _to_uint8(sr) if self.rounded else _to_float32(sr)
        return SRFrame(image, ms, is_reset, is_finite)


def _to_uint8(sr: Tensor) -> np.ndarray:
    # NaN becomes black, so that the PSNR of a diverged network is finite and very low
    sr = torch.nan_to_num(sr.float(), nan=0.0).clamp(0, 1)
    return sr.mul(255).round().byte().permute(1, 2, 0).cpu().numpy()


def _to_float32(sr: Tensor) -> np.ndarray:
    # a wide range, because Y is computed from unclamped RGB
    sr = torch.nan_to_num(sr.float(), nan=0.0).clamp(-4, 5)
    return sr.mul(255).permute(1, 2, 0).cpu().numpy()
